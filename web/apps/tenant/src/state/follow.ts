// Follows one order until its outcome is final: by the server's events where there are any, by
// asking again where not.

import type { Order } from '@yufu/api';
import { api, drafts } from './api';
import { settled } from '@yufu/api';

/** How long to wait before asking again, by how long it has been followed. */
const PACES: [after_ms: number, pace_ms: number][] = [
	[600_000, 20_000],
	[60_000, 5_000],
	[0, 2_000],
];

/** Hands every new state to `told`, faults to `failed`; returns what ends it. */
export function follow(
	id: string,
	told: (order: Order) => void,
	failed: (problem: unknown) => void,
): () => void {
	const began = Date.now();
	let over = false;
	let timer: ReturnType<typeof setTimeout> | undefined;
	let stream: { close(): void } | null = null;

	const stop = () => {
		over = true;
		clearTimeout(timer);
		stream?.close();
		stream = null;
	};
	const tell = (order: Order) => {
		if (over) return;
		if (settled(order)) drafts.settle(order.id);
		told(order);
		if (order.final) stop();
	};
	const again = () => {
		if (over) return;
		const passed = Date.now() - began;
		const pace = PACES.find(([after]) => passed >= after)?.[1] ?? 5_000;
		timer = setTimeout(ask, pace);
	};
	async function ask() {
		try {
			tell(await api.order(id));
		} catch (problem) {
			if (!over) failed(problem);
		}
		again();
	}
	async function listen(): Promise<boolean> {
		// #ifdef H5
		if (typeof EventSource === 'undefined') return false;
		const { url } = await api.stream(id);
		if (over) return true;
		const source = new EventSource(url);
		stream = source;
		source.addEventListener('order', (event) => {
			tell(JSON.parse((event as MessageEvent<string>).data) as Order);
		});
		// The ticket is good for one stream: a cut one is not resumed but asked after.
		source.onerror = () => {
			source.close();
			if (stream === source && !over) void ask();
		};
		return true;
		// #endif
		// #ifndef H5
		return false;
		// #endif
	}
	async function begin() {
		try {
			tell(await api.order(id));
		} catch (problem) {
			if (!over) failed(problem);
		}
		if (over) return;
		const listening = await listen().catch(() => false);
		if (!listening) again();
	}
	void begin();
	return stop;
}
