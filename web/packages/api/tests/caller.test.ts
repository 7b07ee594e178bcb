import { expect, test } from 'vitest';
import { Caller, Mini, path, Problem, type Reply, type Request, type Tokens } from '../src';

const reply = (status: number, data: unknown = {}): Reply => ({
	status,
	data,
	header: () => undefined,
});
const session = (n: number) => ({
	access_token: `access-${n}`,
	expires_in_s: 600,
	refresh_token: `refresh-${n}`,
	refresh_expires_in_s: 9_999,
	person: {},
});

/** A server that takes each refresh token once, and tabs that share a store. */
function world(options: { until?: number; refuse?: boolean } = {}) {
	let stored: Tokens | null = { access: 'access-1', refresh: 'refresh-1', until: options.until ?? 600_000 };
	let valid = 1;
	let line: Promise<unknown> = Promise.resolve();
	const asked: Request[] = [];
	const ended: string[] = [];
	const server = { expire: () => { valid += 1; } };
	const send = async (request: Request): Promise<Reply> => {
		asked.push(request);
		await Promise.resolve();
		if (request.url.endsWith('/session/refresh')) {
			const { refresh_token } = request.body as { refresh_token: string };
			if (options.refuse || refresh_token !== `refresh-${valid - 1}`) {
				return reply(401, { code: 'session.reused' });
			}
			return reply(200, session(valid));
		}
		const known = request.headers.Authorization === `Bearer access-${valid}`;
		return known ? reply(200, { ok: request.url }) : reply(401, { code: 'session.expired' });
	};
	const tab = () =>
		new Caller({
			base: '/api',
			send,
			now: () => 0,
			tokens: { read: () => stored, write: (tokens) => { stored = tokens; } },
			alone: (run) => {
				const mine = line.then(run, run);
				line = mine.catch(() => undefined);
				return mine;
			},
			ended: (problem) => ended.push(problem.code),
		});
	const refreshes = () => asked.filter(({ url }) => url.endsWith('/refresh')).length;
	return { tab, server, asked, ended, refreshes, stored: () => stored };
}

test('a token is renewed once for all who wait, in one tab and in several', async () => {
	const { tab, server, refreshes, ended } = world();
	const [one, other] = [tab(), tab()];
	server.expire();
	const calls = [one, one, other, one, other].map((caller) => caller.call('GET', '/me'));
	expect(await Promise.all(calls)).toHaveLength(5);
	expect(refreshes()).toBe(1);
	expect(ended).toEqual([]);
});

test('a token near its end is renewed before it is used', async () => {
	const { tab, server, asked } = world({ until: 19_999 });
	server.expire();
	await tab().call('GET', '/me');
	expect(asked.map(({ url }) => url)).toEqual(['/api/session/refresh', '/api/me']);
});

test('a refused renewal ends the session and says so once', async () => {
	const { tab, server, ended, stored } = world({ refuse: true });
	server.expire();
	const caller = tab();
	const results = await Promise.allSettled([caller.call('GET', '/me'), caller.call('GET', '/homes')]);
	expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
	expect(ended).toEqual(['session.reused']);
	expect(stored()).toBeNull();
});

test('a fresh token that is refused does not go round for ever', async () => {
	const { tab, server, asked } = world();
	server.expire();
	const caller = tab();
	const first = caller.call('GET', '/me');
	server.expire();
	await expect(first).rejects.toBeInstanceOf(Problem);
	expect(asked.length).toBeLessThan(5);
});

test('nobody who answers is status 0, a gateway in the way leaves the outcome unknown', async () => {
	const make = (send: () => Promise<Reply>) =>
		new Caller({
			base: '',
			send,
			now: () => 0,
			tokens: { read: () => ({ access: 'a', refresh: 'r', until: 1e9 }), write: () => undefined },
			alone: (run) => run(),
			ended: () => undefined,
		});
	const lost = make(() => Promise.reject(new Error('gone')));
	await expect(lost.call('GET', '/me')).rejects.toMatchObject({ status: 0, unknown: true });
	const table: [number, boolean][] = [[400, false], [404, false], [502, true], [503, false], [504, true]];
	for (const [status, unknown] of table) {
		const caller = make(() => Promise.resolve(reply(status, { code: 'x' })));
		await expect(caller.call('GET', '/me')).rejects.toMatchObject({ status, unknown, code: 'x' });
	}
	const words = make(() => Promise.resolve(reply(500, 'a page of a proxy')));
	await expect(words.call('GET', '/me')).rejects.toMatchObject({ status: 500, code: '' });
});

test('open calls carry no token, money carries its key, paths are escaped', async () => {
	const asked: Request[] = [];
	const caller = new Caller({
		base: 'https://yufu.example/api/mini/v1',
		send: async (request) => {
			asked.push(request);
			return reply(200, session(1));
		},
		now: () => 0,
		tokens: { read: () => ({ access: 'a', refresh: 'r', until: 1e9 }), write: () => undefined },
		alone: (run) => run(),
		ended: () => undefined,
	});
	const mini = new Mini(caller);
	await mini.signInSms('c', '123456');
	await mini.place({ client_id: 'o-1', home: 'h', meter: 'm', amount_fen: 5_000, way: 'wechat-h5', appliances_off: false });
	await mini.order('a/b?c');
	await mini.orders(undefined, { limit: 5 });
	const [signIn, place, order, list] = asked;
	expect(signIn!.headers.Authorization).toBeUndefined();
	expect(place!.headers).toMatchObject({ Authorization: 'Bearer a', 'Idempotency-Key': 'o-1' });
	expect(order!.url).toBe('https://yufu.example/api/mini/v1/orders/a%2Fb%3Fc');
	expect(list!.url).toBe('https://yufu.example/api/mini/v1/orders?limit=5');
	expect(path`/a/${'x y'}/b/${'1'}`).toBe('/a/x%20y/b/1');
});

test('a page that comes second with a ticket goes on with the session of the first', async () => {
	const second = (kept: Tokens | null, code: string) =>
		new Mini(
			new Caller({
				base: '',
				send: async () => reply(409, { code }),
				now: () => 0,
				tokens: { read: () => kept, write: () => undefined },
				alone: (run) => run(),
				ended: () => undefined,
			}),
		).signInTicket('t');
	const kept = { access: 'a', refresh: 'r', until: 1e9 };
	await second(kept, 'session.signed_in');
	await expect(second(null, 'session.signed_in')).rejects.toMatchObject({ status: 409 });
	await expect(second(kept, 'changed')).rejects.toMatchObject({ code: 'changed' });
});
