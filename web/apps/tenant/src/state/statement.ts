// A statement is a file, not a document: it is fetched with the token and handed to the person.

import { Problem } from '@yufu/api';
import type { Tokens } from '@yufu/api';
import { api, BASE } from './api';
import { kept } from './store';

/** Fetches the statement of a period (both days included) and saves or opens it. */
export async function saveStatement(
	home: string,
	bounds: { from: string; until: string },
	format: string,
): Promise<void> {
	// Any call renews a token that is about to end; the file is then fetched with a good one.
	await api.me();
	const token = kept<Tokens>('session')?.access ?? '';
	const query = `from=${bounds.from}&until=${bounds.until}&format=${format}`;
	const url = `${BASE}/homes/${encodeURIComponent(home)}/statement?${query}`;
	const header = { Authorization: `Bearer ${token}` };
	// #ifdef H5
	const reply = await window.fetch(url, { headers: header }).catch(() => {
		throw new Problem(0);
	});
	if (!reply.ok) throw new Problem(reply.status, await reply.json().catch(() => ({})));
	const place = URL.createObjectURL(await reply.blob());
	const link = document.createElement('a');
	link.href = place;
	link.download = `yufu-${bounds.from}-${bounds.until}.${format}`;
	link.click();
	setTimeout(() => URL.revokeObjectURL(place), 60_000);
	// #endif
	// #ifndef H5
	const { statusCode, tempFilePath } = await new Promise<UniApp.DownloadSuccessData>(
		(resolve, reject) =>
			uni.downloadFile({ url, header, success: resolve, fail: () => reject(new Problem(0)) }),
	);
	if (statusCode !== 200) throw new Problem(statusCode);
	uni.openDocument({ filePath: tempFilePath, showMenu: true, fileType: format as 'pdf' });
	// #endif
}
