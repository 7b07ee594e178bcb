// The two ways to the terminal: Tauri's commands in the kiosk, plain HTTP on this machine where
// somebody develops or tests. Nothing else is ever asked for.

import { invoke } from '@tauri-apps/api/core';
import type { Beat, Intent, View } from './view';

/** The terminal as the page sees it. */
export interface Bridge {
	beat(beat: Beat): Promise<View>;
	intent(intent: Intent): Promise<View>;
}

/** Over Tauri: two commands and no other. */
const shell: Bridge = {
	beat: (beat) => invoke<View>('beat', { beat }),
	intent: (intent) => invoke<View>('intent', { intent }),
};

/** How long the terminal on this machine may take, in milliseconds. */
const PATIENCE_MS = 4_000;

/** Over the loopback address the page came from, with its token in the path. */
function loopback(base: string): Bridge {
	const post = async (name: string, body: unknown): Promise<View> => {
		const answer = await fetch(new URL(name, base), {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify(body),
			signal: AbortSignal.timeout(PATIENCE_MS),
		});
		if (!answer.ok) throw new Error(`the terminal answers ${answer.status}`);
		return (await answer.json()) as View;
	};
	return { beat: (beat) => post('beat', beat), intent: (intent) => post('intent', intent) };
}

/** The way there is. */
export const bridge = (): Bridge =>
	'__TAURI_INTERNALS__' in window ? shell : loopback(new URL('.', location.href).href);
