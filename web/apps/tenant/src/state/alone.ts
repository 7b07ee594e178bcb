// One at a time, over all tabs of this browser: where the browser has locks, by its locks, else by
// a lease in the shared store. A mini-program has one page of script and needs only the queue.

import { keep, kept } from './store';

/** A lease nobody gave back is free after this, in milliseconds. */
const LEASE_MS = 8_000;
const LOOK_AGAIN_MS = 60;

let queue: Promise<unknown> = Promise.resolve();

const rest = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function leased<T>(run: () => Promise<T>): Promise<T> {
	const mine = `${Date.now()}-${Math.random()}`;
	for (;;) {
		const held = kept<{ by: string; until: number }>('lease');
		if (!held || held.until < Date.now()) {
			keep('lease', { by: mine, until: Date.now() + LEASE_MS });
			await rest(LOOK_AGAIN_MS / 2);
			if (kept<{ by: string }>('lease')?.by === mine) break;
		}
		await rest(LOOK_AGAIN_MS);
	}
	try {
		return await run();
	} finally {
		keep('lease', null);
	}
}

/** Runs when nobody else does, here and in other tabs. */
export function alone<T>(run: () => Promise<T>): Promise<T> {
	const mine = queue.then(() => {
		// #ifdef H5
		const locks = (navigator as { locks?: LockManager }).locks;
		if (locks) return locks.request('yufu-session', run) as Promise<T>;
		return leased(run);
		// #endif
		// #ifndef H5
		return run();
		// #endif
	});
	queue = mine.catch(() => undefined);
	return mine;
}
