// States as the server would send them, made from a fixed rule: no chance, no clock of the machine.

const MINUTE = 60_000;

/** Friday afternoon at the site. */
export const NOW = Date.parse('2026-11-20T14:35:05+08:00');
const iso = (at) => new Date(at).toISOString();

const NONE = { count: 0, amount_fen: 0, oldest_s: 0 };

/** Which rooms are not simply lit, by place in the building. */
const ODD = {
	3: 'off',
	11: 'offline',
	12: 'offline',
	17: 'waiting',
	22: 'kept',
	29: 'off',
	33: 'dark',
};

function rooms(site, buildings, floors, across, now) {
	const all = [];
	for (const building of buildings) {
		for (let floor = 1; floor <= floors; floor += 1) {
			for (let place = 1; place <= across; place += 1) {
				const index = all.length;
				const number = `${String(floor).padStart(2, '0')}${String(place).padStart(2, '0')}`;
				const supply = ODD[(index * 7) % 41] ?? 'on';
				const age = supply === 'offline' ? 37 * MINUTE : ((index * 13) % 160) * 1_000;
				const meters = [
					{
						meter_no: `0021${String(site).padStart(4, '0')}${String(1000 + index)}`,
						purpose: 'electricity',
						supply,
						balance_fen: supply === 'off' ? -1_564 : 8_640 + index * 17,
						read_at: iso(now - age),
					},
				];
				if (index % 2 === 0) {
					meters.push({
						meter_no: `0031${String(site).padStart(4, '0')}${String(1000 + index)}`,
						purpose: 'water',
						supply: index % 34 === 8 ? 'off' : index % 28 === 6 ? 'offline' : 'on',
						balance_fen: index % 10 === 4 ? null : 2_310 + index,
						read_at: index % 10 === 4 ? null : iso(now - age),
					});
				}
				all.push({ id: `${site}-${building}-${number}`, building, floor, number, meters });
			}
		}
	}
	return all;
}

/** The steps of an order, `[seconds after the order, kind, detail]`, as events. */
function order(index, place, fen, channel, state, placed, steps) {
	const at = (seconds) => iso(placed + seconds * 1_000);
	return {
		order_no: `YF26112014${String(24310188 + index * 1309)}`.slice(0, 18),
		place,
		amount_fen: fen,
		channel,
		state,
		events: steps.map(([seconds, kind, detail]) => ({ at: at(seconds), kind, detail: detail ?? {} })),
	};
}

const PAID = [
	[0, 'placed', { amount_fen: 10_000, channel: 'wechat-jsapi', price_micro_yuan: 588_000 }],
	[0.2, 'attempted', { out_trade_no: 'YF26112014243101880001' }],
	[0.6, 'provider-answered', { state: 'awaiting', error: null }],
	[
		8.1,
		'paid',
		{
			paid_at: '2026-11-20T06:34:24Z',
			provider: 'wechat-pay',
			provider_trade_no: '4200002026112000000000000001',
			source: 'callback',
			amount_fen: 10_000,
		},
	],
	[8.1, 'credited', { purse: 'purse:01980000-0000-7000-8000-000000000002:electricity' }],
];
const SENT = [
	...PAID,
	[8.4, 'intent', { count: 38, amount_fen: 10_000 }],
	[8.5, 'sent', { count: 38, times: 1 }],
];
const LIT = [
	...SENT,
	[10.3, 'answered', { outcome: 'accepted' }],
	[12.1, 'read-back', { count: 38, last_amount_fen: 10_000, balance_fen: 12_345, energy_wh: null }],
	[12.1, 'delivered', { amount_fen: 10_000 }],
	[12.9, 'close-sent', { seq: 4 }],
	[17.3, 'restored', { relay: 'on' }],
];

export function orders(now) {
	const ago = (seconds) => now - seconds * 1_000;
	return [
		order(0, '和园公寓 5 号楼 0803', 10_000, 'wechat-jsapi', 'restored', ago(41), LIT),
		order(1, '和园公寓 8 号楼 0703', 10_000, 'alipay-precreate', 'delivered', ago(96), [
			...LIT.slice(0, -1),
			[76, 'supply.dark', { seq: 4, actual: 'off' }],
		]),
		order(2, '书香里 2 号楼 0201', 5_000, 'wechat-native', 'placed', ago(110), PAID.slice(0, 3)),
		order(3, '和园公寓 3 号楼 0503', 5_000, 'wechat-jsapi', 'uncertain', ago(372), [
			...SENT,
			[14.5, 'answered', { outcome: 'no-answer' }],
			[14.5, 'uncertain', { error: null }],
			[30, 'unreadable', { error: 'NoAnswer' }],
		]),
		order(4, '青年公寓 1 号楼 0306', 3_000, 'cash', 'restored', ago(640), [
			[0, 'placed'],
			[0.1, 'paid', { channel: 'cash', slip_no: 'YF2611200000000001', operator: '01980000' }],
			[0.1, 'credited', { purse: 'purse:01980000:electricity' }],
			[0.9, 'close-sent'],
			[3.4, 'restored', { relay: 'on' }],
		]),
		order(5, '和园公寓 6 号楼 0702', 20_000, 'wechat-native', 'delivered', ago(760), [
			...LIT.slice(0, -2),
			[14, 'waiting-for-user'],
		]),
		order(6, '书香里 2 号楼 0204', 5_000, 'alipay-wap', 'closed', ago(2_100), [
			...PAID.slice(0, 3),
			[1_800, 'closed', { reason: 'expired' }],
		]),
		order(7, '青年公寓 1 号楼 0101', 5_000, 'wechat-native', 'held', ago(2_900), [
			...PAID.slice(0, 3),
			[9, 'held', { provider_trade_no: '4200', paid_fen: 4_900, order_fen: 5_000 }],
			[15, 'contradicted', { booked: { fen: 4_900 }, told: { fen: 5_000 }, source: 'query' }],
		]),
	];
}

const HOURS = [0, 0, 0, 0, 0, 0, 50, 150, 230, 180, 120, 90, 310, 280, 505];
const BEFORE = [
	0, 0, 0, 0, 0, 0, 50, 100, 200, 260, 150, 60, 380, 240, 302, 150, 90, 160, 420, 510, 380, 260,
	100, 60,
];
const fen = (list) => Array.from({ length: 24 }, (_, hour) => (list[hour] ?? 0) * 100);

export function demo(now = NOW) {
	return {
		now: iso(now),
		demo: true,
		safe_mode: false,
		projects: [
			{
				id: 1,
				name: '和园公寓',
				name_en: 'Heyuan Residence',
				rooms: rooms(1, ['3 号楼', '5 号楼'], 6, 5, now),
			},
			{ id: 2, name: '书香里', name_en: 'Shuxiangli', rooms: rooms(2, ['2 号楼'], 5, 6, now) },
			{ id: 3, name: '青年公寓', name_en: 'Youth House', rooms: rooms(3, ['1 号楼'], 5, 6, now) },
		],
		money: {
			placed: { count: 3, amount_fen: 25_000, oldest_s: 110 },
			paid: NONE,
			delivering: { count: 2, amount_fen: 15_000, oldest_s: 38 },
			dark: { count: 1, amount_fen: 10_000, oldest_s: 72 },
			uncertain: { count: 1, amount_fen: 5_000, oldest_s: 364 },
		},
		sold_today: { count: 26, amount_fen: 191_500 },
		sold_yesterday_same_hour: { count: 24, amount_fen: 174_200 },
		by_hour: fen(HOURS),
		yesterday_by_hour: fen(BEFORE),
		orders: orders(now),
		gateways: { online: 5, total: 6 },
		alarms: [
			['supply.dark', '已付款，还没送电', 'Paid, power not back', '和园公寓 8-0703', 72],
			['vend.in_doubt', '下发结果待确认', 'Top-up outcome unknown', 'YF 2611 2014 2431 0188', 364],
			['payment.mismatch', '付款和订单金额不一致', 'Paid amount differs', '青年公寓 1-0101', 2_891],
			['gateway.offline', '采集网关离线', 'Gateway offline', 'GW-06', 2_220],
			['meter.clock', '电表时钟差 12 分钟', 'Meter clock off by 12 min', '0021 0360 7735', 9_000],
		].map(([kind, zh, en, subject, seconds]) => ({
			kind,
			title_zh: zh,
			title_en: en,
			subject,
			raised_at: iso(now - seconds * 1_000),
		})),
	};
}

/** A site of its first day: no rooms, no money, no alarm. */
export function empty(now = NOW) {
	return {
		...demo(now),
		demo: false,
		projects: [],
		money: { placed: NONE, paid: NONE, delivering: NONE, dark: NONE, uncertain: NONE },
		sold_today: { count: 0, amount_fen: 0 },
		sold_yesterday_same_hour: { count: 0, amount_fen: 0 },
		by_hour: fen([]),
		yesterday_by_hour: fen([]),
		orders: [],
		gateways: { online: 0, total: 0 },
		alarms: [],
	};
}

/** Names as long as landlords really choose them, sums as large as they get. */
export function long(now = NOW) {
	const state = demo(now);
	const name = '杭州市滨江区浦沿街道和园人才租赁住房项目（二期）南区';
	state.projects[0].name = name;
	state.projects[0].name_en = 'Heyuan Talent Rental Housing Project (Phase II), South, Binjiang';
	for (const room of state.projects[0].rooms) {
		room.building = room.building === '3 号楼' ? '南区三号楼（蓝领公寓及配套商业）' : room.building;
	}
	state.orders[0].place = `${name} 南区三号楼（蓝领公寓及配套商业） 0803`;
	state.orders[0].amount_fen = 123_456_789;
	state.alarms[0].subject = state.orders[0].place;
	state.alarms[1].title_zh = '下发结果待确认：回读次数没有动，金额也没有动，正在再读，不会重发';
	state.alarms[1].title_en = 'Outcome unknown: neither count nor amount moved, reading again';
	state.sold_today = { count: 12_345, amount_fen: 1_234_567_890 };
	state.money.dark = { count: 234, amount_fen: 12_345_678, oldest_s: 3_700 };
	state.projects[1].rooms[2].meters[0].supply = 'unknown';
	state.projects[1].rooms[3].meters = [];
	return state;
}

/** After a restore: the site keeps still. */
export function restored(now = NOW) {
	return { ...demo(now), safe_mode: true };
}

/** More than six hundred rooms: each floor is a row. */
export function many(now = NOW) {
	const state = demo(now);
	const houses = (count) => Array.from({ length: count }, (_, index) => `${index + 1} 号楼`);
	state.projects[0].rooms = rooms(1, houses(8), 11, 12, now);
	state.projects[1].rooms = rooms(2, houses(4), 18, 8, now);
	return state;
}

/** The same site some seconds later: one room is lit again, one top-up more arrived. */
export function later(now = NOW) {
	const state = demo(now);
	state.now = iso(now + 7_000);
	state.sold_today = { count: 27, amount_fen: 201_500 };
	state.gateways.online = 6;
	for (const room of state.projects[0].rooms) {
		for (const meter of room.meters) if (meter.supply === 'dark') meter.supply = 'on';
	}
	return state;
}
