// A live read: asked for, followed, and given up honestly after a while.

import { reactive } from 'vue';
import type { Meter } from '@yufu/api';
import { api, rest } from './api';
import { putMeter } from './homes';

/** After so long without an end the page stops waiting; the meter may still answer later. */
export const READ_WAIT_MAX_MS = 60_000;
const PACE_MS = 1_000;

/** A read as a page shows it: nothing, under way, or failed. */
export function liveRead() {
	const state = reactive({ state: '' as '' | 'reading' | 'failed' | 'done', since: 0 });

	async function start(home: string, meter: Meter): Promise<void> {
		if (state.state === 'reading') return;
		Object.assign(state, { state: 'reading', since: Date.now() });
		try {
			let read = await api.startRead(home, meter.id);
			while (read.state === 'waiting' || read.state === 'reading') {
				if (Date.now() - state.since > READ_WAIT_MAX_MS) throw new Error('no answer');
				await rest(PACE_MS);
				read = await api.read(home, meter.id, read.id);
			}
			if (read.meter) putMeter(read.meter);
			state.state = read.state === 'done' ? 'done' : 'failed';
		} catch {
			state.state = 'failed';
		}
	}
	return { state, start };
}
