// States in words. State = icon + word + colour: remove the colour and the page is still true.

import { pick, type Language, type Pair } from './words';

/** The colours a state may have. */
export type Colour = 'ok' | 'brand' | 'warn' | 'err' | 'doubt' | 'off';

/** A state as a page shows it. */
export interface State {
	word: string;
	icon: string;
	colour: Colour;
}

/** The states of an order. */
export type OrderState =
	| 'awaiting-payment'
	| 'paid'
	| 'credited'
	| 'sending'
	| 'on-meter'
	| 'restored'
	| 'in-doubt'
	| 'refunded'
	| 'closed'
	| 'held';

/** The states of supply. */
export type SupplyState = 'on' | 'off' | 'waiting' | 'offline' | 'kept' | 'unknown';

type Row = readonly [words: Pair, icon: string, colour: Colour];

const ORDER: Record<OrderState, Row> = {
	'awaiting-payment': [['待支付', 'Awaiting payment'], 'clock', 'off'],
	paid: [['已付款', 'Paid'], 'tick-ring', 'ok'],
	credited: [['已到账', 'Credited'], 'tick-ring', 'ok'],
	sending: [['充入中', 'Sending to meter'], 'arrows', 'brand'],
	'on-meter': [['已充入', 'On the meter'], 'tick-ring', 'ok'],
	restored: [['已送电', 'Power restored'], 'bolt', 'ok'],
	'in-doubt': [['待确认', 'Being checked'], 'question', 'doubt'],
	refunded: [['已退款', 'Refunded'], 'back', 'off'],
	closed: [['已关闭', 'Closed'], 'cross', 'off'],
	held: [['待核对', 'Held for review'], 'question', 'doubt'],
};

const WATER_RESTORED: Row = [['已供水', 'Water restored'], 'drop', 'ok'];

const SUPPLY: Record<SupplyState, Row> = {
	on: [['供电中', 'Power on'], 'tick-ring', 'ok'],
	off: [['已断电', 'Power off'], 'alert', 'err'],
	waiting: [['待合闸确认', 'Confirm to switch on'], 'hand', 'warn'],
	offline: [['离线', 'Offline'], 'gone', 'off'],
	kept: [['保电', 'Kept on'], 'shield', 'brand'],
	unknown: [['状态未知', 'Not known'], 'question', 'doubt'],
};

const WATER: Record<SupplyState, Row> = {
	on: [['供水中', 'Water on'], 'tick-ring', 'ok'],
	off: [['已停水', 'Water off'], 'alert', 'err'],
	waiting: [['阀门动作中', 'Valve moving'], 'arrows', 'warn'],
	offline: [['离线', 'Offline'], 'gone', 'off'],
	kept: [['保供', 'Kept on'], 'shield', 'brand'],
	unknown: [['状态未知', 'Not known'], 'question', 'doubt'],
};

const GAS: Record<SupplyState, Row> = {
	...WATER,
	on: [['供气中', 'Gas on'], 'tick-ring', 'ok'],
	off: [['已停气', 'Gas off'], 'alert', 'err'],
	kept: [['保供', 'Kept on'], 'shield', 'brand'],
};

const told = ([words, icon, colour]: Row, language: Language): State => ({
	word: pick(words, language),
	icon,
	colour,
});

/** An order's state; one nobody listed is being checked, never done. */
export function orderState(state: string, purpose: string, language: Language): State {
	if (state === 'restored' && purpose !== 'electricity') return told(WATER_RESTORED, language);
	return told(ORDER[state as OrderState] ?? ORDER['in-doubt'], language);
}

/** A supply's state; one nobody listed is not known, never on. */
export function supplyState(state: string, purpose: string, language: Language): State {
	const table = purpose === 'electricity' ? SUPPLY : purpose === 'gas' ? GAS : WATER;
	return told(table[state as SupplyState] ?? table.unknown, language);
}

const PURPOSE: Record<string, Pair> = {
	electricity: ['电', 'Electricity'],
	water: ['冷水', 'Water'],
	gas: ['燃气', 'Gas'],
};

/** What a meter is for: 电, 冷水, 燃气. */
export const purposeWord = (purpose: string, language: Language): string =>
	pick(PURPOSE[purpose] ?? [purpose, purpose], language);

const FEE: Record<string, Pair> = {
	electricity: ['电费', 'electricity'],
	water: ['水费', 'water'],
	gas: ['燃气费', 'gas'],
};

/** What is paid for: 电费, 水费. */
export const feeWord = (purpose: string, language: Language): string =>
	pick(FEE[purpose] ?? FEE.electricity!, language);

type Step = 'paid' | 'credited' | 'sent' | 'on-meter' | 'restored';

/** A step of the timeline: when reached, while it goes on, before; and what it waits for. */
const STEP: Record<Step, { done: Pair; now: Pair; waiting: Pair; hint: Pair; busy?: Pair }> = {
	paid: {
		done: ['已付款', 'Paid'],
		now: ['等待付款', 'Awaiting payment'],
		waiting: ['付款', 'Payment'],
		hint: ['支付平台确认了，才算付款', 'Paid once the provider confirms it'],
	},
	credited: {
		done: ['已到账', 'Credited'],
		now: ['正在入账', 'Crediting'],
		waiting: ['到账', 'Credit'],
		hint: ['记入你的账户', 'Booked to your account'],
	},
	sent: {
		done: ['已发往电表', 'Sent to the meter'],
		now: ['充入中', 'Sending to meter'],
		waiting: ['发往电表', 'To the meter'],
		hint: ['正在写入电表并回读核对，通常 5–15 秒', 'Writing and reading back, usually 5–15 s'],
	},
	'on-meter': {
		done: ['已充入电表', 'On the meter'],
		now: ['充入中', 'Sending to meter'],
		waiting: ['充入电表', 'On the meter'],
		hint: ['电表回读一致，才算充入', 'Done once the meter reads it back'],
		busy: ['正在写入电表并回读核对，通常 5–15 秒', 'Writing and reading back, usually 5–15 s'],
	},
	restored: {
		done: ['已送电', 'Power restored'],
		now: ['正在送电', 'Switching on'],
		waiting: ['送电', 'Power'],
		hint: ['电表回读为合闸，才算送电', 'Done once the relay reads back as closed'],
	},
};

const STEP_WATER: Partial<Record<Step, (typeof STEP)[Step]>> = {
	restored: {
		done: ['已供水', 'Water restored'],
		now: ['阀门动作中', 'Valve moving'],
		waiting: ['供水', 'Water'],
		hint: ['水表回读为开阀，才算供水', 'Done once the valve reads back as open'],
	},
};

/** The words of a step, and the hint under it while it has no proof. */
export function stepWords(
	step: string,
	state: 'done' | 'now' | 'waiting' | 'doubt',
	purpose: string,
	language: Language,
): { title: string; hint: string } {
	const water = purpose === 'electricity' ? undefined : STEP_WATER[step as Step];
	const row = water ?? STEP[step as Step];
	if (!row) return { title: step, hint: '' };
	const doubt: Pair = ['待确认', 'Being checked'];
	const checking: Pair = ['结果未知，正在读表核对，不会重发', 'Not known: reading the meter, not sending again'];
	const hint = state === 'doubt' ? checking : state === 'now' ? (row.busy ?? row.hint) : row.hint;
	return {
		title: pick(state === 'doubt' ? doubt : row[state], language),
		hint: pick(hint, language),
	};
}

const WAY: Record<string, Pair> = {
	wechat: ['微信支付', 'WeChat Pay'],
	alipay: ['支付宝', 'Alipay'],
	cash: ['现金', 'Cash'],
	pos: ['刷卡', 'Card'],
	bank: ['银行转账', 'Bank transfer'],
};

/** A wallet in words, without its logo. */
export function wayWord(way: string, language: Language): string {
	const found = Object.keys(WAY).find((key) => way.startsWith(key));
	return found ? pick(WAY[found]!, language) : way;
}
