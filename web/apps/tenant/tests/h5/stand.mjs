// A stand of the server: the built pages under /m/, the contract of the tenant's API, and a wallet.
// It keeps its own books, so that a walk can be held against them.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fixture from './fixture.mjs';

/** The folder of the built pages. */
export const BUILT = fileURLToPath(new URL('../../dist/build/h5/', import.meta.url));
const TYPES = {
	'.html': 'text/html; charset=utf-8',
	'.css': 'text/css; charset=utf-8',
	'.js': 'text/javascript; charset=utf-8',
	'.svg': 'image/svg+xml',
	'.png': 'image/png',
};
/** The headers of the real server. */
export const HEADERS = {
	'content-security-policy':
		"default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; " +
		"frame-ancestors 'none'; img-src 'self' data:",
	'x-content-type-options': 'nosniff',
	'x-frame-options': 'DENY',
	'referrer-policy': 'no-referrer',
	'cross-origin-opener-policy': 'same-origin',
	'cross-origin-resource-policy': 'same-origin',
};
const API = '/api/mini/v1';

class Refusal {
	constructor(status, code, params = {}) {
		Object.assign(this, { status, code, params });
	}
}

/** The world as a new one: nobody signed in, one room with light. */
function world(changes) {
	return {
		homes: [fixture.home()],
		orders: new Map(),
		notices: fixture.notices(),
		requests: [],
		bindingRequests: [],
		sessions: new Set(),
		refreshes: 0,
		smsAsked: 0,
		proofAfter: Infinity,
		readFails: false,
		demo: false,
		slow: new Set(),
		fails: new Map(),
		lose: new Map(),
		ways: ['wechat-h5', 'alipay-page'],
		open_order_id: null,
		...changes,
	};
}

export async function stand(changes = {}) {
	const state = world(changes);
	const streams = new Map();
	let origin = '';

	const session = () => {
		state.refreshes += 1;
		const access_token = `access-${state.refreshes}`;
		state.sessions.clear();
		state.sessions.add(access_token);
		return {
			access_token,
			expires_in_s: 600,
			refresh_token: `refresh-${state.refreshes}`,
			refresh_expires_in_s: 2_592_000,
			person: fixture.person(),
		};
	};
	const homeOf = (id) => {
		const found = state.homes.find((one) => one.id === id);
		if (!found) throw new Refusal(404, 'not_found');
		return found;
	};
	const meterOf = (home, id) => {
		const found = homeOf(home).meters.find((one) => one.id === id);
		if (!found) throw new Refusal(404, 'not_found');
		return found;
	};
	const orderOf = (id) => {
		const found = state.orders.get(id);
		if (!found) throw new Refusal(404, 'not_found');
		return found;
	};
	const list = (items) => ({ items, next: null });
	const only = (body, ...names) => {
		const extra = Object.keys(body ?? {}).filter((name) => !names.includes(name));
		if (extra.length) throw new Refusal(400, 'body.unknown_field', { extra });
	};

	const ROUTES = [
		['POST', '/sms-codes', ({ body }) => {
			state.smsAsked += 1;
			only(body, 'purpose', 'phone', 'meter', 'proof');
			if (state.smsAsked > state.proofAfter && !body.proof) {
				throw new Refusal(429, 'sms.proof_required', { puzzle: 'p-1', bits: 8 });
			}
			return [202, { challenge: 'c-1', resend_after_s: 60, expires_in_s: 300 }];
		}],
		['POST', '/session/sms', ({ body }) => {
			only(body, 'challenge', 'code');
			if (body.code !== '246810') throw new Refusal(422, 'sms.code_wrong');
			return [200, session()];
		}],
		['POST', '/session/wechat-mini', ({ body }) => {
			only(body, 'app_id', 'code');
			if (body.code !== 'wx-code') throw new Refusal(422, 'session.code_refused');
			return [200, session()];
		}],
		['POST', '/session/ticket', ({ body }) => {
			if (body.ticket !== 't-1') throw new Refusal(422, 'session.ticket_refused');
			return [200, session()];
		}],
		['POST', '/session/refresh', ({ body }) => {
			if (body.refresh_token !== `refresh-${state.refreshes}`) throw new Refusal(401, 'session.reused');
			return [200, session()];
		}],
		['DELETE', '/sessions?', () => { state.sessions.clear(); return [204]; }],
		['GET', '/me', () => [200, {
			...fixture.person(),
			homes_count: state.homes.length,
			unread_notices: state.notices.filter(({ read }) => !read).length,
			preferences: { language: 'zh-CN', elder: false, theme: 'system' },
		}]],
		['PUT', '/me/preferences', ({ body }) => { only(body, 'language', 'elder', 'theme'); return [200, body]; }],
		['GET', '/me/notices', () => [200, fixture.choice()]],
		['PUT', '/me/notices', ({ body }) => [200, body]],
		['GET', '/tags/([^/]+)', ([tag]) => {
			if (tag !== 'k7Qm2Xw9Lp4Z') throw new Refusal(404, 'not_found');
			return [200, { tag, purpose: 'electricity', project_name: '和园公寓' }];
		}, 'args'],
		['POST', '/homes', ({ body }) => {
			only(body, 'by', 'tag', 'meter_no', 'code', 'challenge');
			if (body.code !== 'YUFU-2026' && body.code !== '135790') throw new Refusal(422, 'binding.refused');
			if (!state.homes.length) state.homes.push(fixture.home());
			return [201, state.homes[0]];
		}],
		['POST', '/binding-requests', ({ body }) => {
			only(body, 'tag', 'meter_no', 'name', 'note');
			return [202, { state: 'waiting' }];
		}],
		['GET', '/binding-requests', () => [200, list(state.bindingRequests)]],
		['GET', '/homes', () => [200, list(state.homes)]],
		['GET', '/homes/([^/]+)', ([home]) => [200, homeOf(home)], 'args'],
		['DELETE', '/homes/([^/]+)', ([home]) => {
			homeOf(home);
			state.homes = state.homes.filter(({ id }) => id !== home);
			return [204];
		}, 'args'],
		['GET', '/homes/([^/]+)/people', ([home]) => { homeOf(home); return [200, { items: [
			{ id: 'p-1', name: null, phone_masked: '138****5678', role: 'owner', since: fixture.iso(0), me: true },
			{ id: 'p-2', name: '王*芳', phone_masked: '139****0001', role: 'member', since: fixture.iso(0), me: false },
		] }]; }, 'args'],
		['DELETE', '/homes/([^/]+)/people/([^/]+)', () => [204], 'args'],
		['POST', '/homes/([^/]+)/invitations', () => [201, {
			code: '4K7Q-2XW9',
			url: `${origin}/m/#/pages/welcome/welcome?invitation=4K7Q-2XW9`,
			expires_at: fixture.iso(fixture.NOW + 86_400_000),
		}], 'args'],
		['GET', '/homes/([^/]+)/meters/([^/]+)', ([home, meter]) => [200, meterOf(home, meter)], 'args'],
		['POST', '/homes/([^/]+)/meters/([^/]+)/reads', () => [202, { id: 'rd-1', state: 'waiting' }], 'args'],
		['GET', '/homes/([^/]+)/meters/([^/]+)/reads/([^/]+)', ([home, meter]) => {
			if (state.readFails) return [200, { id: 'rd-1', state: 'failed', why: 'meter.silent', meter: null }];
			const fresh = { ...meterOf(home, meter), balance_fen: 8_612, balance_at: fixture.iso(fixture.NOW - 3_000) };
			return [200, { id: 'rd-1', state: 'done', why: null, meter: fresh }];
		}, 'args'],
		['GET', '/homes/([^/]+)/meters/([^/]+)/usage', ([home, meter], { query }) => {
			const { unit } = meterOf(home, meter);
			const scale = unit === 'l' ? 0.04 : 1;
			if (state.noUse) return [200, { ...fixture.usage(query.get('by'), query.get('from'), query.get('from'), 1, unit), total_quantity: null, total_amount_fen: null, before: [], points: [] }];
			return [200, fixture.usage(query.get('by'), query.get('from'), query.get('until'), scale, unit)];
		}, 'args'],
		['GET', '/homes/([^/]+)/meters/([^/]+)/tariff', () => [200, {
			text_zh: '每度 ¥0.588，全天同价。电网目录电价 ¥0.538，另加公共照明分摊 ¥0.05',
			text_en: '¥0.588 per kWh all day: ¥0.538 grid price and ¥0.05 for shared lighting',
			versions: [{ from: fixture.iso(0), fen_per_unit_milli: 58_800 }],
		}], 'args'],
		['POST', '/homes/([^/]+)/meters/([^/]+)/supply', ([home, meter], { body, request }) => {
			only(body, 'wanted', 'appliances_off');
			if (!request.headers['idempotency-key']) throw new Refusal(400, 'idempotency.key_missing');
			const found = meterOf(home, meter);
			setTimeout(() => {
				found.supply = fixture.supply(body.wanted);
				found.can = { ...found.can, switch_on: body.wanted === 'off', switch_off: body.wanted === 'on' };
			}, state.switchAfter ?? 400);
			found.supply = { ...found.supply, wanted: body.wanted };
			return [202, found];
		}, 'args'],
		['GET', '/homes/([^/]+)/entries', () => [200, list(state.noUse ? [] : fixture.entries())], 'args'],
		['GET', '/homes/([^/]+)/alarms', () => [200, list(fixture.alarms())], 'args'],
		['GET', '/homes/([^/]+)/bills/([^/]+)', () => [200, fixture.bill()], 'args'],
		['GET', '/homes/([^/]+)/statement', () => [200, 'file'], 'args'],
		['GET', '/homes/([^/]+)/meters/([^/]+)/top-up', ([home, meter]) => {
			const { restore, balance_fen, balance_at } = meterOf(home, meter);
			return [200, {
				minimum_fen: 100,
				maximum_fen: 500_000,
				amounts_fen: [2_000, 5_000, 10_000, 20_000, 30_000, 50_000],
				restore,
				balance_fen,
				balance_at,
				ways: state.ways,
				open_order_id: state.open_order_id,
			}];
		}, 'args'],
		['POST', '/orders', ({ body, request }) => {
			only(body, 'client_id', 'home', 'meter', 'amount_fen', 'way', 'appliances_off');
			const { client_id, home, meter, amount_fen, way } = body;
			if (!/^[A-Za-z0-9-]{8,64}$/.test(client_id)) throw new Refusal(400, 'order.id');
			if (request.headers['idempotency-key'] !== client_id) throw new Refusal(400, 'idempotency.key');
			// The server has a name of its own for the order.
			const id = `order-of-${client_id}`;
			const known = state.orders.get(id);
			if (known) return [200, known];
			const fresh = fixture.order('awaiting-payment', { id, home, meter, amount_fen, way });
			state.orders.set(id, fresh);
			state.open_order_id = id;
			return [201, fresh];
		}],
		['POST', '/orders/([^/]+)/pay', ([id]) => {
			const { way } = orderOf(id);
			if (way === 'wechat-page' || way === 'wechat-mini') {
				return [200, { way, params: { appId: 'wx1', timeStamp: '1', nonceStr: 'n', package: 'prepay_id=1', signType: 'RSA', paySign: 's' } }];
			}
			return [200, { way, url: `/wallet?order=${id}` }];
		}, 'args'],
		['POST', '/orders/([^/]+)/cancel', ([id]) => {
			put(fixture.order('closed', { ...keepOf(orderOf(id)) }));
			return [200, orderOf(id)];
		}, 'args'],
		['POST', '/orders/([^/]+)/consents', () => [204], 'args'],
		['POST', '/orders/([^/]+)/stream', ([id]) => {
			orderOf(id);
			if (state.noStream) throw new Refusal(503, 'overloaded');
			return [200, { url: `${API}/orders/stream/ticket-${id}` }];
		}, 'args'],
		['GET', '/orders', () => [200, list([...state.orders.values()].reverse())]],
		['GET', '/orders/([^/]+)', ([id]) => [200, orderOf(id)], 'args'],
		['GET', '/orders/([^/]+)/receipt', () => [200, fixture.receipt(origin)], 'args'],
		['GET', '/receipts/([^/]+)', ([token]) => {
			if (token !== 'r-token') throw new Refusal(404, 'not_found');
			return [200, fixture.receipt(origin)];
		}, 'args'],
		['GET', '/notices', () => [200, list(state.notices)]],
		['POST', '/notices/([^/]+)/read', ([id]) => {
			for (const notice of state.notices) if (notice.id === id) notice.read = true;
			return [204];
		}, 'args'],
		['POST', '/notices/read-all', () => {
			for (const notice of state.notices) notice.read = true;
			return [204];
		}],
		['GET', '/subscriptions', () => [200, { app_id: 'wx1', templates: state.templates ?? [] }]],
	].map(([method, path, answer, args]) => ({ method, path: new RegExp(`^${path}$`), answer, args }));
	const OPEN = [/^\/session\/(sms|ticket|refresh|wechat-mini)$/, /^\/tags\//, /^\/receipts\//, /^\/orders\/stream\//];

	const keepOf = ({ id, home, meter, amount_fen, way }) => ({ id, home, meter, amount_fen, way });
	const put = (order) => {
		state.orders.set(order.id, order);
		if (order.state !== 'awaiting-payment') state.open_order_id = null;
		for (const response of streams.get(order.id) ?? []) {
			response.write(`event: order\ndata: ${JSON.stringify(order)}\n\n`);
			if (order.final) response.end();
		}
	};

	async function api(request, response, path, query) {
		const chunks = [];
		for await (const chunk of request) chunks.push(chunk);
		const text = Buffer.concat(chunks).toString();
		const body = text ? JSON.parse(text) : undefined;
		state.requests.push({ method: request.method, path, body });
		const end = (status, document) => {
			const headers = { ...HEADERS, 'content-type': 'application/json' };
			if (state.demo) headers['yufu-demo'] = '1';
			response.writeHead(status, headers);
			response.end(document == null ? '' : JSON.stringify(document));
		};
		const fault = (status, code, params = {}) =>
			end(status, { type: `/problems/${code}`, title: '没有办成', status, detail: 'refused', code, params, trace_id: 't', errors: [] });
		if ([...state.slow].some((slow) => slow.test(path))) return;
		for (const [failing, [status, code]] of state.fails) {
			if (failing.test(path)) return status === 0 ? response.destroy() : fault(status, code);
		}
		const open = OPEN.some((one) => one.test(path)) || (path === '/sms-codes' && body?.purpose === 'sign-in');
		const token = (request.headers.authorization ?? '').replace('Bearer ', '');
		if (!open && !state.sessions.has(token)) return fault(401, 'session.expired');
		if (path.startsWith('/orders/stream/ticket-')) {
			const id = path.replace('/orders/stream/ticket-', '');
			response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
			response.write(`event: order\ndata: ${JSON.stringify(orderOf(id))}\n\n`);
			streams.set(id, [...(streams.get(id) ?? []), response]);
			return;
		}
		for (const { method, path: pattern, answer, args } of ROUTES) {
			const found = pattern.exec(path);
			if (method !== request.method || !found) continue;
			try {
				const around = { body, query, request };
				const [status, document] = args ? answer(found.slice(1), around) : answer(around);
				// The order arrived, its answer did not.
				const lost = [...state.lose].find(([pattern, times]) => pattern.test(path) && times > 0);
				if (lost) {
					state.lose.set(lost[0], lost[1] - 1);
					return response.destroy();
				}
				return end(status, document);
			} catch (refusal) {
				if (!(refusal instanceof Refusal)) throw refusal;
				return fault(refusal.status, refusal.code, refusal.params);
			}
		}
		fault(404, 'no_such_route');
	}

	const server = createServer(async (request, response) => {
		const url = new URL(request.url, 'http://stand');
		const end = (status, type, body, more = {}) => {
			response.writeHead(status, { ...HEADERS, 'content-type': type, ...more });
			response.end(body);
		};
		if (url.pathname.startsWith(`${API}/`)) {
			return api(request, response, url.pathname.slice(API.length), url.searchParams);
		}
		if (url.pathname === '/wallet') {
			const id = url.searchParams.get('order');
			const back = `/m/#/pages/order/order?id=${id}`;
			return end(200, TYPES['.html'], `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>钱包</title><h1>钱包</h1><p><a id="pay" href="/wallet/paid?order=${id}">付款</a> <a id="leave" href="${back}">不付了</a>`);
		}
		if (url.pathname === '/wallet/paid') {
			const id = url.searchParams.get('order');
			put(fixture.order('sending', keepOf(orderOf(id))));
			return end(302, 'text/plain', '', { location: `/m/#/pages/order/order?id=${id}` });
		}
		const name = normalize(url.pathname.replace(/^\/m\/?/, '') || 'index.html');
		if (!url.pathname.startsWith('/m') || name.startsWith('..')) return end(404, 'text/plain', 'none');
		try {
			end(200, TYPES[extname(name)] ?? 'application/octet-stream', await readFile(join(BUILT, name)));
		} catch {
			end(404, 'text/plain', 'none');
		}
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	origin = `http://127.0.0.1:${server.address().port}`;
	return {
		state,
		origin,
		put,
		/** Tokens as a phone keeps them, for looks that begin signed in. */
		signIn: () => session(),
		cutStreams: () => { for (const all of streams.values()) for (const one of all) one.destroy(); },
		close() {
			for (const all of streams.values()) for (const one of all) one.destroy();
			server.closeAllConnections();
			return new Promise((resolve) => server.close(resolve));
		},
	};
}
