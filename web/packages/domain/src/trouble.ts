// When something went wrong a person hears three things: what happened, is my money safe, what to
// do. The middle sentence is never left out where money could be meant.

import { fill, pick, type Language, type Pair } from './words';

/** Three sentences. */
export interface Trouble {
	what: string;
	safe: string;
	todo: string;
}

type Row = readonly [what: Pair, safe: Pair, todo: Pair];

const NOT_TOUCHED: Pair = ['没有扣款，余额不受影响', 'Nothing was charged, your balance is untouched'];
const NOTHING_MOVED: Pair = ['电和钱都没有动', 'Neither power nor money was touched'];
const AGAIN: Pair = ['请再试一次', 'Please try again'];

/** By the server's stable code. */
const BY_CODE: Record<string, Row> = {
	'binding.refused': [
		['没有绑定成功', 'Not bound'],
		['表号或绑定码不对，什么都没有改动', 'Meter or code is wrong; nothing was changed'],
		['看一下绑定单上的 10 位码，或请物业办理', 'Check the 10 characters on your sheet, or ask the property office'],
	],
	'sms.code_wrong': [
		['验证码不对', 'Wrong code'],
		NOTHING_MOVED,
		['看一下短信里最新的 6 位数字', 'Use the newest 6 digits you were sent'],
	],
	'sms.code_expired': [
		['验证码过期了', 'The code has expired'],
		NOTHING_MOVED,
		['请重新获取验证码', 'Ask for a new code'],
	],
	'sms.too_many': [
		['短信发得太多了', 'Too many codes were sent'],
		NOTHING_MOVED,
		['请过一小时再试，或联系物业', 'Try again in an hour, or call the property office'],
	],
	'sms.proof_required': [
		['正在核对不是机器人', 'Checking that you are no robot'],
		NOTHING_MOVED,
		['几秒钟就好', 'A few seconds'],
	],
	'session.expired': [
		['登录过期了', 'You were signed out'],
		['余额和订单都在', 'Balance and orders are still there'],
		['请重新登录', 'Please sign in again'],
	],
	'session.reused': [
		['为了安全，已退出登录', 'Signed out to keep you safe'],
		['余额和订单都在', 'Balance and orders are still there'],
		['请重新登录', 'Please sign in again'],
	],
	not_found: [
		['没有找到', 'Not found'],
		NOT_TOUCHED,
		['返回上一页看看', 'Go back and look again'],
	],
	'order.already_paid': [
		['这笔订单已经付过了', 'This order has been paid'],
		['付过的钱不会丢，也不会重复入账', 'Paid money is safe and is booked once'],
		['不用再付一次', 'Do not pay again'],
	],
	'order.closed': [
		['订单已关闭', 'The order is closed'],
		['没有扣款', 'Nothing was charged'],
		['需要的话，重新充值', 'Top up again if you need to'],
	],
	'order.amount_out_of_range': [
		['这个金额不能充', 'This amount cannot be topped up'],
		NOT_TOUCHED,
		['换一个金额', 'Choose another amount'],
	],
	'order.open_exists': [
		['还有一笔没付完的订单', 'Another order is still open'],
		NOT_TOUCHED,
		['先付完或取消那一笔', 'Finish or cancel that one first'],
	],
	'payment.unavailable': [
		['支付平台没有应答', 'The wallet does not answer'],
		NOT_TOUCHED,
		['换一种支付方式，或过一会儿再试', 'Use another wallet, or try again shortly'],
	],
	'meter.offline': [
		['电表离线', 'The meter is offline'],
		['余额不受影响', 'Your balance is untouched'],
		['过几分钟再试，一直这样请联系物业', 'Try again in some minutes, or call the property office'],
	],
	'meter.silent': [
		['没有读到电表', 'The meter did not answer'],
		['余额不受影响', 'Your balance is untouched'],
		AGAIN,
	],
	'supply.not_allowed': [
		['这里不能自己开关电', 'You cannot switch this supply'],
		NOTHING_MOVED,
		['请联系物业', 'Please call the property office'],
	],
	'supply.arrears': [
		['欠费时不能合闸', 'Not while there is a debt'],
		NOTHING_MOVED,
		['先充值，到账后再送电', 'Top up first, then switch on'],
	],
	'supply.by_operator': [
		['物业已断开，不能自己合闸', 'Switched off by the property office'],
		NOTHING_MOVED,
		['请联系物业', 'Please call the property office'],
	],
	rate_limited: [
		['点得太快了', 'Too many requests'],
		NOTHING_MOVED,
		['请过一会儿再试', 'Please try again shortly'],
	],
};

const STILL_THERE: Pair = ['余额和订单都在', 'Balance and orders are still there'];

/** By the reason a visit to a wallet's sign-in comes back with. */
const BY_REFUSAL = {
	code_refused: [
		['没有登录成功，钱包没有确认是你', 'Not signed in: the wallet did not confirm you'],
		STILL_THERE,
		['请再登录一次，或用手机号登录', 'Please sign in again, or sign in by phone'],
	],
	snapshot: [
		['没有登录，现在看的是微信快照页', 'Not signed in: WeChat shows a snapshot of this page'],
		STILL_THERE,
		[
			'点页面下方的“使用完整服务”后再登录，或用手机号登录',
			'Touch “Use Full Service” below, then sign in, or sign in by phone',
		],
	],
	door_closed: [
		['没有登录，钱包现在没有应答', 'Not signed in: the wallet does not answer'],
		STILL_THERE,
		['请过一会儿再试，或用手机号登录', 'Try again shortly, or sign in by phone'],
	],
	too_many_tries: [
		['没有登录，试得太多了', 'Not signed in: too many tries'],
		STILL_THERE,
		['请过一小时再试，或用手机号登录', 'Try again in an hour, or sign in by phone'],
	],
} as const satisfies Record<string, Row>;

const OFFLINE: Row = [
	['手机没有网络', 'Your phone is offline'],
	['付过的钱不会丢，也不会重复入账', 'Paid money is safe and is booked once'],
	['联网后再试', 'Try again when connected'],
];
const SERVER: Row = [
	['服务器没有应答', 'The server does not answer'],
	['付过的钱不会丢，也不会重复入账', 'Paid money is safe and is booked once'],
	['请过一会儿再试', 'Please try again shortly'],
];
const CONFIRMING: Row = [
	['正在确认支付结果', 'Checking your payment'],
	['付过的钱不会丢', 'Money you paid is safe'],
	['请不要再付一次，通常 1 分钟内有结果', 'Do not pay again; usually known within a minute'],
];

const told = (row: Row, language: Language): Trouble => ({
	what: pick(row[0], language),
	safe: pick(row[1], language),
	todo: pick(row[2], language),
});

/** What went wrong with a call, as the caller reports it. */
export interface Fault {
	/** HTTP status; 0 where nobody answered. */
	status: number;
	code?: string;
	title?: string;
	detail?: string;
	/** Whether the device says that it is offline. */
	offline?: boolean;
}

/** Three sentences for a failed call. What the server says in words wins over a bare status. */
export function troubleOf(fault: Fault, language: Language): Trouble {
	const row = fault.code ? BY_CODE[fault.code] : undefined;
	if (row) return told(row, language);
	if (fault.status === 0) return told(fault.offline ? OFFLINE : SERVER, language);
	if (fault.status === 401) return told(BY_CODE['session.expired']!, language);
	if (fault.status === 404) return told(BY_CODE.not_found!, language);
	if (fault.status === 429) return told(BY_CODE.rate_limited!, language);
	if (fault.status >= 500) return told(SERVER, language);
	const what = language === 'en' ? fault.detail || fault.title : fault.title || fault.detail;
	const other: Row = [['没有办成', 'That did not work'], NOT_TOUCHED, AGAIN];
	const three = told(other, language);
	return what ? { ...three, what } : three;
}

/** Back from a wallet's sign-in without one; a reason nobody listed is told as a refusal. */
export const refusalOf = (reason: string, language: Language): Trouble =>
	told(BY_REFUSAL[isRefusal(reason) ? reason : 'code_refused'], language);
const isRefusal = (reason: string): reason is keyof typeof BY_REFUSAL =>
	Object.keys(BY_REFUSAL).includes(reason);

/** Back from the wallet and nothing known yet. */
export const confirming = (language: Language): Trouble => told(CONFIRMING, language);

/** A live read that failed: the old figure stays, with its age. */
export function unread(balance: string, as_of: string, language: Language): string {
	const sentence: Pair = [
		'没有读到电表，余额仍是 {balance}，{as_of}',
		'The meter was not read; the balance is still {balance}, {as_of}',
	];
	return fill(pick(sentence, language), { balance, as_of });
}
