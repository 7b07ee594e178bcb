// A list that is asked for page by page.

import { reactive } from 'vue';
import type { Page } from '@yufu/api';
import type { Trouble } from '@yufu/domain';
import { trouble } from './api';

/** A list as a page shows it. */
export interface Listing<T> {
	items: T[];
	next: string | null;
	/** Whether there was an answer at all. */
	known: boolean;
	busy: boolean;
	problem: Trouble | null;
}

/** A list and how to ask for its beginning and its next page. */
export function listing<T extends { id: string }>(ask: (after?: string) => Promise<Page<T>>) {
	const list = reactive({
		items: [],
		next: null,
		known: false,
		busy: false,
		problem: null,
	}) as unknown as Listing<T>;
	let turn = 0;

	async function load(after?: string): Promise<void> {
		turn += 1;
		const mine = turn;
		list.busy = true;
		try {
			const { items, next } = await ask(after);
			if (mine !== turn) return;
			const kept = after ? list.items : [];
			const fresh = items.filter(({ id }) => !kept.some((one) => one.id === id));
			Object.assign(list, { items: [...kept, ...fresh], next, known: true, problem: null });
		} catch (thrown) {
			if (mine === turn) list.problem = trouble(thrown);
		} finally {
			if (mine === turn) list.busy = false;
		}
	}
	return {
		list,
		load: () => load(),
		more: () => (list.next && !list.busy ? load(list.next) : Promise.resolve()),
	};
}
