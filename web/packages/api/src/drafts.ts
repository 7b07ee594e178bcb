// The ids of orders are made here and kept before anything is sent, so that two taps, two tabs, the
// back button, a reload and a lost reply all end in one order.

import type { Mini } from './mini';
import { Problem } from './problem';
import type { Order, OrderDraft } from './types';

/** Where drafts are kept; all tabs of a browser share it. */
export interface DraftStore {
	read(): Draft[];
	write(drafts: Draft[]): void;
}
/** An order as it was wished for, and when. */
export interface Draft extends OrderDraft {
	made_at: number;
	/** The server's id of the order, once it has answered. */
	order?: string;
}
/** What is wished for; the id is ours. */
export type Wish = Omit<OrderDraft, 'client_id'>;

/** A draft nobody sent for so long is forgotten. The server keeps what it was sent. */
export const DRAFT_AGE_MAX_MS = 24 * 3_600_000;
/** So many drafts are kept; the oldest go first. */
export const DRAFTS_MAX = 20;
/** How often an order is sent again while it is unknown whether it arrived. */
export const PLACE_TRIES_MAX = 3;

const same = (draft: Draft, wish: Wish): boolean =>
	draft.home === wish.home &&
	draft.meter === wish.meter &&
	draft.amount_fen === wish.amount_fen &&
	draft.way === wish.way &&
	draft.appliances_off === wish.appliances_off;

/** The drafts of this device. */
export class Drafts {
	constructor(
		private readonly store: DraftStore,
		private readonly make_id: () => string,
		private readonly now: () => number,
	) {}

	private fresh(): Draft[] {
		const now = this.now();
		return this.store.read().filter((draft) => now - draft.made_at < DRAFT_AGE_MAX_MS);
	}

	/** The draft for a wish: the one already kept, or a new one, kept before this returns. */
	take(wish: Wish): Draft {
		const drafts = this.fresh();
		const known = drafts.find((draft) => same(draft, wish));
		if (known) return known;
		const draft: Draft = { ...wish, client_id: this.make_id(), made_at: this.now() };
		this.store.write([...drafts, draft].slice(-DRAFTS_MAX));
		return draft;
	}

	/** The server has answered a draft: its order is known by this id from now on. */
	note(client_id: string, order: string): void {
		const noted = (draft: Draft) => (draft.client_id === client_id ? { ...draft, order } : draft);
		this.store.write(this.fresh().map(noted));
	}

	/** The outcome of the order with this id is known: the next wish is a new order. */
	settle(order: string): void {
		this.store.write(this.fresh().filter((draft) => draft.order !== order));
	}
}

/** Whether the next wish may be a new order: it was paid, or closed without a payment. */
export const settled = (order: Order): boolean => order.state !== 'awaiting-payment';

/**
 * Places a wish as exactly one order. An unknown outcome is asked again under the same id; a draft
 * whose order was closed meanwhile starts over once; one that turns out to be paid is given back as
 * it is, so that nobody pays twice.
 */
export async function placeOnce(
	mini: Pick<Mini, 'place'>,
	drafts: Drafts,
	wish: Wish,
	rest: (ms: number) => Promise<void>,
): Promise<Order> {
	for (const last of [false, true]) {
		const { made_at: _, order: __, ...draft } = drafts.take(wish);
		const order = await placeSurely(mini, draft, rest);
		drafts.note(draft.client_id, order.id);
		if (settled(order)) drafts.settle(order.id);
		if (order.state !== 'closed' || last) return order;
	}
	throw new Problem(0);
}

async function placeSurely(
	mini: Pick<Mini, 'place'>,
	draft: OrderDraft,
	rest: (ms: number) => Promise<void>,
): Promise<Order> {
	for (let tried = 1; ; tried += 1) {
		try {
			return await mini.place(draft);
		} catch (problem) {
			const unknown = problem instanceof Problem && problem.unknown;
			if (!unknown || tried >= PLACE_TRIES_MAX) throw problem;
			await rest(tried * 700);
		}
	}
}
