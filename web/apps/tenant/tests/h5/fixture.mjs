// Documents as the server would send them, made from a fixed rule: no chance, no clock of the
// machine. Every function makes fresh ones, so that a look cannot disturb the next.

/** Friday afternoon at the site. */
export const NOW = Date.parse('2026-11-20T14:32:07+08:00');
const HOUR = 3_600_000;
export const iso = (at) => new Date(at).toISOString();
const site = (text) => iso(Date.parse(`${text}+08:00`));

const use = (quantity, amount_fen) => ({ quantity, amount_fen, complete: true });

export function electricity(changes = {}) {
	return {
		id: 'm-power',
		purpose: 'electricity',
		meter_no: '002103607735',
		model_known: true,
		money: 'on-meter',
		balance_fen: 8_640,
		balance_at: site('2026-11-20T14:30:00'),
		balance_estimated: false,
		days_left: 14,
		remaining_quantity: 146_938,
		unit: 'wh',
		today: use(3_650, 203),
		month: use(133_970, 10_642),
		year: use(1_534_120, 121_860),
		used_at: site('2026-11-20T14:30:00'),
		price: { fen_per_unit_milli: 58_800, text_zh: '¥0.588/度', text_en: '¥0.588 per kWh' },
		supply: supply('on'),
		restore: null,
		can: { switch_on: false, switch_off: true, why_not: null, read: true },
		meter_offline_since: null,
		...changes,
	};
}

export const supply = (state, changes = {}) => ({
	state,
	was: state === 'on' ? 'on' : null,
	at: site('2026-11-20T14:30:00'),
	since: null,
	reason: null,
	wanted: null,
	...changes,
});

export const water = (changes = {}) =>
	electricity({
		id: 'm-water',
		purpose: 'water',
		meter_no: '003100014408',
		money: 'with-us',
		balance_fen: 2_350,
		balance_at: site('2026-11-19T23:00:00'),
		days_left: 41,
		remaining_quantity: 5_595,
		unit: 'l',
		today: use(127, 53),
		month: use(2_840, 1_193),
		year: use(31_420, 13_196),
		used_at: site('2026-11-19T23:00:00'),
		price: { fen_per_unit_milli: 420_000, text_zh: '¥4.20/吨', text_en: '¥4.20 per m³' },
		...changes,
	});

/** A room without light, and what brings it back. */
export const dark = () =>
	electricity({
		balance_fen: -1_260,
		days_left: null,
		supply: supply('off', {
			since: site('2026-11-20T09:00:00'),
			reason: 'arrears',
		}),
		restore: { amount_fen: 2_564, arrears_fen: 1_260, unbilled_fen: 304, minimum_fen: 1_000 },
		can: { switch_on: false, switch_off: false, why_not: 'supply.arrears', read: true },
	});

/** Paid, and waiting for the person to say that the cooker is off. */
export const waiting = () =>
	electricity({
		balance_fen: 3_740,
		supply: supply('waiting', { since: site('2026-11-20T09:00:00') }),
		can: { switch_on: true, switch_off: false, why_not: null, read: true },
	});

export const offline = () =>
	electricity({
		balance_at: site('2026-11-18T23:00:00'),
		supply: supply('offline', { was: 'on', at: site('2026-11-18T23:00:00') }),
		can: { switch_on: false, switch_off: false, why_not: 'meter.offline', read: true },
		meter_offline_since: site('2026-11-18T23:10:00'),
	});

export const unread = () =>
	electricity({
		balance_fen: null,
		balance_at: null,
		days_left: null,
		today: use(null, null),
		month: use(null, null),
		year: use(null, null),
		used_at: null,
		supply: supply('unknown', { at: null }),
	});

export function home(changes = {}) {
	return {
		id: 'h-1204',
		project_name: '和园公寓',
		place: '和园公寓 3-2-1204',
		account_no: '880012040371',
		role: 'owner',
		service_phone: '0571-0000 1204',
		meters: [electricity(), water()],
		...changes,
	};
}

/** Names as long as landlords really choose them, sums as large as they get. */
export const long = () =>
	home({
		id: 'h-long',
		project_name: '杭州市滨江区浦沿街道和园人才租赁住房项目（二期）南区',
		place: '和园人才租赁住房项目（二期）南区三号楼（蓝领公寓及配套商业）2 单元 1204-B',
		meters: [
			electricity({ balance_fen: 123_456_789, days_left: 1_234, today: use(98_765_432, 5_807_407) }),
			water({ balance_fen: -9_876_543 }),
			water({ id: 'm-gas', purpose: 'gas', balance_fen: 6_600 }),
		],
	});

export const person = () => ({
	id: 'p-1',
	name: null,
	phone_masked: '138****5678',
	language: 'zh-CN',
	identities: [{ kind: 'phone', since: site('2026-09-01T10:00:00') }],
});

const HOURS = [190, 180, 150, 150, 150, 150, 270, 780, 540, 240, 210, 460, 740, 630, 280];

/** Use of any period: a rule of the place of each bar, gaps where the meter was away. */
export function usage(by, from, until, scale = 1, unit = 'wh') {
	const start = Date.parse(`${from}T00:00:00+08:00`);
	const end = Date.parse(`${until}T00:00:00+08:00`);
	const steps = [];
	if (by === 'month') {
		const year = Number(from.slice(0, 4));
		for (let month = 1; month <= 12; month += 1) {
			const two = (value) => String(value).padStart(2, '0');
			const next = month === 12 ? `${year + 1}-01` : `${year}-${two(month + 1)}`;
			steps.push([`${year}-${two(month)}-01`, `${next}-01`].map((day) => Date.parse(`${day}T00:00:00+08:00`)));
		}
	} else {
		const step = by === 'hour' ? HOUR : 24 * HOUR;
		for (let at = start; at < end; at += step) steps.push([at, at + step]);
	}
	const quantityAt = (at) => {
		if (by === 'hour') return HOURS[at % 24] ?? 320 + at * 9;
		const wave = 5_600 + ((at * 2_467) % 3_400);
		return by === 'day' ? wave : wave * 29;
	};
	const points = steps
		.filter(([since]) => since <= NOW)
		.map(([since, ends], at) => {
			const gap = by === 'day' && at === 9;
			const quantity = gap ? null : Math.round(quantityAt(at) * scale);
			const amount_fen = gap ? null : Math.round((quantity * (unit === 'l' ? 420 : 58.8)) / 1000);
			const estimated = by === 'day' && (at === 8 || at === 10);
			return { from: iso(since), until: iso(ends), quantity, amount_fen, estimated };
		});
	const sum = (name) => points.reduce((all, point) => all + (point[name] ?? 0), 0);
	return {
		unit,
		by,
		as_of: points.length ? site('2026-11-20T14:30:00') : null,
		total_quantity: sum('quantity'),
		total_amount_fen: sum('amount_fen'),
		points,
		before: steps.map(([since, ends], at) => ({
			from: iso(since),
			until: iso(ends),
			quantity: Math.round(quantityAt((at * 7) % 31) * 0.9 * scale),
			amount_fen: null,
			estimated: false,
		})),
	};
}

const texts = {
	'awaiting-payment': [
		['等待付款', '没有扣款', '30 分钟内付完，过时自动关闭'],
		['Awaiting payment', 'Nothing was charged', 'Pay within 30 minutes, or it closes'],
	],
	sending: [
		['钱已到账，正在充入电表', '可以离开此页，送电后会通知你', '不用再付一次'],
		['Credited, sending to the meter', 'You may leave; you will be told', 'Do not pay again'],
	],
	restored: [
		['已送电，灯亮了', '从付款到送电 9 秒', ''],
		['Power is back, the light is on', '9 s from payment to light', ''],
	],
	'in-doubt': [
		['充入结果待确认', '钱已到账，不会充两次', '正在读表核对，有结果就通知你'],
		['Top-up being checked', 'Credited; it is not sent twice', 'Reading the meter; you will be told'],
	],
	closed: [
		['订单已关闭', '没有扣款', '需要的话，重新充值'],
		['Order closed', 'Nothing was charged', 'Top up again if you need to'],
	],
	'on-meter': [
		['已充入，等你确认送电', '钱已在电表里', '关好电炉、电熨斗后点“送电”'],
		['Confirm to switch on', 'The money is on the meter', 'Appliances off, then switch on'],
	],
};

const PROOF = {
	paid: { zh: '微信支付确认，交易号尾号 7190', en: 'WeChat Pay, transaction ending 7190' },
	credited: { zh: '记入你的电费账户，扣清欠费 ¥15.64', en: 'Booked to your account, ¥15.64 owed settled' },
	'on-meter': { zh: '第 38 次充值，回读余额 ¥84.36', en: 'Purchase 38, balance read back ¥84.36' },
	restored: { zh: '电表回读：合闸', en: 'Relay read back: closed' },
};
const STEPS = ['paid', 'credited', 'on-meter', 'restored'];
const REACHED = { 'awaiting-payment': 0, sending: 2, 'in-doubt': 2, 'on-meter': 3, restored: 4, closed: 0 };

export function order(state, changes = {}) {
	// What goes on has gone on for four seconds.
	const paid = NOW - (state === 'sending' ? 5_000 : 20_000);
	const offsets = [0, 1_000, 6_000, 9_000];
	const reached = REACHED[state];
	const now = state === 'in-doubt' ? 'doubt' : state === 'sending' ? 'now' : 'waiting';
	const steps = STEPS.map((step, at) => ({
		step,
		state: at < reached ? 'done' : at === reached ? now : 'waiting',
		at: at < reached ? iso(paid + offsets[at]) : null,
		proof: at < reached ? PROOF[step] : null,
	}));
	const [zh, en] = texts[state];
	const text = (at) => ({ zh: zh[at], en: en[at] });
	return {
		id: 'o-1',
		order_no: 'YF2611201431480417',
		home: 'h-1204',
		meter: 'm-power',
		purpose: 'electricity',
		place: '和园公寓 3-2-1204',
		meter_no_tail: '7735',
		amount_fen: 10_000,
		way: 'wechat-h5',
		state,
		sentence: text(0),
		safe: text(1),
		todo: text(2),
		placed_at: iso(paid - 8_000),
		expires_at: iso(paid + 1_800_000),
		steps: state === 'closed' ? [] : steps,
		balance_before_fen: reached > 1 ? -1_564 : null,
		balance_after_fen: reached > 2 ? 8_436 : null,
		// As the server: the token is made when somebody first asks for the receipt.
		receipt_token: null,
		final: ['restored', 'closed'].includes(state),
		can: { pay: state === 'awaiting-payment', cancel: state === 'awaiting-payment' },
		service_phone: '0571-0000 1204',
		...changes,
	};
}

export const receipt = (origin) => ({
	kind: 'credited',
	order: order('restored'),
	payee: '和园物业服务有限公司',
	amount_cn: '人民币壹佰元整',
	issued_at: iso(NOW),
	verify_url: `${origin}/r/9f2c6b1e7a4d4c0b8e51`,
	printed: 0,
	note_zh: '本凭条不作为发票',
	note_en: 'This receipt is not an invoice',
});

export const entries = () => [
	{ id: 'e1', at: site('2026-11-20T14:32:08'), kind: 'top-up', purpose: 'electricity', amount_fen: 10_000, order_id: 'o-1', bill_id: null },
	{ id: 'e2', at: site('2026-11-20T00:05:00'), kind: 'use', purpose: 'electricity', amount_fen: -597, order_id: null, bill_id: 'b-1' },
	{ id: 'e3', at: site('2026-11-19T00:05:00'), kind: 'use', purpose: 'water', amount_fen: -53, order_id: null, bill_id: 'b-2' },
	{ id: 'e4', at: site('2026-10-31T18:20:00'), kind: 'correction', purpose: 'electricity', amount_fen: 120, order_id: null, bill_id: null },
];

export const alarms = () => [
	{ id: 'a1', kind: 'meter.offline', at: site('2026-11-18T23:10:00'), cleared_at: null, text_zh: '电表离线', text_en: 'Meter offline' },
	{ id: 'a2', kind: 'meter.overload', at: site('2026-11-12T19:02:00'), cleared_at: site('2026-11-12T19:20:00'), text_zh: '功率超过上限 4.0 kW', text_en: 'Over the limit of 4.0 kW' },
];

export const bill = () => ({
	id: 'b-1',
	purpose: 'electricity',
	from: { at: site('2026-11-19T00:00:00'), register: 8_421_370 },
	until: { at: site('2026-11-20T00:00:00'), register: 8_431_520 },
	quantity: 10_150,
	unit: 'wh',
	fen_per_unit_milli: 58_800,
	amount_fen: 597,
	rounding_note_zh: '596.82 分，四舍五入到分',
	rounding_note_en: '596.82 fen, rounded to the fen',
	balance_after_fen: 8_640,
});

export const notices = () => [
	{
		id: 'n1', at: site('2026-11-20T14:32:17'), kind: 'restored', home: 'h-1204', order_id: 'o-1', read: false,
		title: { zh: '已送电', en: 'Power restored' },
		body: { zh: '和园 3-2-1204 已送电，余额 ¥84.36', en: 'Heyuan 3-2-1204 has power, balance ¥84.36' },
		deliveries: [{ channel: 'wechat', state: 'delivered', why: null }, { channel: 'in-app', state: 'delivered', why: null }],
	},
	{
		id: 'n2', at: site('2026-11-20T09:00:20'), kind: 'cut-off', home: 'h-1204', order_id: null, read: true,
		title: { zh: '已断电', en: 'Power cut' },
		body: {
			zh: '和园 3-2-1204 已断电。充 ¥25.64 可恢复供电，客服 0571-0000 1204',
			en: 'Heyuan 3-2-1204 has no power. ¥25.64 brings it back, call 0571-0000 1204',
		},
		deliveries: [{ channel: 'wechat', state: 'skipped', why: 'notice.no_quota' }, { channel: 'service-account', state: 'skipped', why: 'notice.not_set_up' }, { channel: 'sms', state: 'failed', why: 'number-off' }],
	},
];

export const choice = () => ({
	kinds: Object.fromEntries(
		['low-balance', 'arrears', 'warning', 'cut-off', 'restored', 'credited'].map((kind) => [
			kind,
			{ channels: ['in-app', 'wechat', 'sms'] },
		]),
	),
	quiet: { from: '22:00', until: '08:00' },
});
