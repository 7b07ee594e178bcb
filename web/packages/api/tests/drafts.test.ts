import { expect, test } from 'vitest';
import { Drafts, placeOnce, Problem, type Draft, type Order, type OrderDraft, type Wish } from '../src';
import { DRAFT_AGE_MAX_MS, DRAFTS_MAX } from '../src';

const WISH: Wish = { home: 'h', meter: 'm', amount_fen: 5_000, way: 'wechat-h5', appliances_off: false };
const rest = () => Promise.resolve();

/** A device whose tabs share storage, and a server that keeps what arrived. */
function world() {
	let stored: Draft[] = [];
	let now = 0;
	let made = 0;
	const orders = new Map<string, string>();
	const tab = () =>
		new Drafts(
			{ read: () => stored, write: (drafts) => { stored = drafts; } },
			() => `id-${(made += 1)}`,
			() => now,
		);
	/** `lost` replies never come back although the order arrived. */
	const server = (lost = 0) => ({
		place: async (draft: OrderDraft): Promise<Order> => {
			if (!orders.has(draft.client_id)) orders.set(draft.client_id, 'awaiting-payment');
			lost -= 1;
			if (lost >= 0) throw new Problem(0);
			return { id: `order-of-${draft.client_id}`, state: orders.get(draft.client_id) } as Order;
		},
	});
	return { tab, server, orders, later: (ms: number) => { now += ms; }, stored: () => stored };
}

test('two taps, two tabs, a reload and a lost reply end in one order', async () => {
	const { tab, server, orders } = world();
	await placeOnce(server(2), tab(), WISH, rest);
	await Promise.all([placeOnce(server(), tab(), WISH, rest), placeOnce(server(), tab(), WISH, rest)]);
	await placeOnce(server(), tab(), { ...WISH }, rest);
	expect([...orders.keys()]).toEqual(['id-1']);
});

test('a reply that stays lost keeps the id for the next try', async () => {
	const { tab, server, orders } = world();
	await expect(placeOnce(server(9), tab(), WISH, rest)).rejects.toMatchObject({ status: 0 });
	expect((await placeOnce(server(), tab(), WISH, rest)).id).toBe('order-of-id-1');
	expect(orders.size).toBe(1);
});

test('what differs in a wish is another order', () => {
	const { tab } = world();
	const table: Partial<Wish>[] = [
		{},
		{ amount_fen: 10_000 },
		{ way: 'alipay-page' },
		{ appliances_off: true },
		{ meter: 'other' },
		{ home: 'other' },
	];
	const ids = table.map((differs) => tab().take({ ...WISH, ...differs }).client_id);
	expect(new Set(ids).size).toBe(table.length);
});

test('an order found paid is given back and not paid again; the next wish is a new one', async () => {
	const { tab, server, orders } = world();
	const first = await placeOnce(server(), tab(), WISH, rest);
	orders.set('id-1', 'restored');
	expect(first.id).toBe('order-of-id-1');
	const again = await placeOnce(server(), tab(), WISH, rest);
	expect([again.id, again.state]).toEqual(['order-of-id-1', 'restored']);
	expect((await placeOnce(server(), tab(), WISH, rest)).id).toBe('order-of-id-2');
});

test('an order closed meanwhile starts over once', async () => {
	const { tab, server, orders } = world();
	const first = await placeOnce(server(), tab(), WISH, rest);
	orders.set('id-1', 'closed');
	expect(first.id).toBe('order-of-id-1');
	expect((await placeOnce(server(), tab(), WISH, rest)).id).toBe('order-of-id-2');
	const closing = { place: async ({ client_id: id }: OrderDraft) => ({ id, state: 'closed' }) as Order };
	expect((await placeOnce(closing, tab(), { ...WISH, amount_fen: 1 }, rest)).state).toBe('closed');
});

test('a refusal is not asked again', async () => {
	const { tab } = world();
	let asked = 0;
	const refusing = { place: async () => { asked += 1; throw new Problem(422, { code: 'x' }); } };
	await expect(placeOnce(refusing, tab(), WISH, rest)).rejects.toMatchObject({ code: 'x' });
	expect(asked).toBe(1);
});

test('drafts age and are bounded', () => {
	const { tab, later, stored } = world();
	tab().take(WISH);
	later(DRAFT_AGE_MAX_MS);
	expect(tab().take(WISH).client_id).toBe('id-2');
	for (let n = 0; n < DRAFTS_MAX + 5; n += 1) tab().take({ ...WISH, amount_fen: 100 + n });
	expect(stored()).toHaveLength(DRAFTS_MAX);
});
