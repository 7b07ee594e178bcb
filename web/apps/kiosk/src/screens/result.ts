// How an order came out, as the result shows it: what is true, and in which colour.

import { clock } from '@yufu/domain';
import type { Order, OrderState } from '@/bridge/documents';
import type { Drawing } from '@/parts/drawings';
import { w } from '@/say/say';
import type { Word } from '@/say/words';

/** The look of a state. `plain` says what is so; `three` has the three sentences of doubt. */
interface Look {
	kind: 'plain' | 'three';
	colour: 'ok' | 'brand' | 'doubt' | 'warn' | 'off';
	icon: Drawing;
}

const LOOKS: Record<OrderState, Look> = {
	awaiting_payment: { kind: 'three', colour: 'doubt', icon: 'question' },
	confirming: { kind: 'three', colour: 'doubt', icon: 'question' },
	closed: { kind: 'three', colour: 'off', icon: 'cross' },
	paid: { kind: 'plain', colour: 'brand', icon: 'arrows' },
	paid_offline: { kind: 'three', colour: 'off', icon: 'gone' },
	in_doubt: { kind: 'three', colour: 'doubt', icon: 'question' },
	on_meter: { kind: 'plain', colour: 'ok', icon: 'tick-ring' },
	power_on: { kind: 'plain', colour: 'ok', icon: 'bolt' },
	awaiting_card: { kind: 'three', colour: 'brand', icon: 'card' },
	card_written: { kind: 'plain', colour: 'ok', icon: 'card' },
	held: { kind: 'three', colour: 'doubt', icon: 'question' },
	refunded: { kind: 'three', colour: 'off', icon: 'undo' },
};

/** How an order is shown: one that is on the meter while its room is dark is no plain success. */
export function lookOf(order: Order): Look {
	const dark = order.state === 'on_meter' && ['off', 'confirm'].includes(order.supply);
	return dark ? { kind: 'three', colour: 'warn', icon: 'warning' } : LOOKS[order.state];
}

const STEPS: Record<string, [done: Word, waits: Word]> = {
	paid: ['done_paid', 'step_pay'],
	credited: ['done_credited', 'step_credit'],
	on_meter: ['done_on_meter', 'step_meter'],
	power_on: ['done_power_on', 'wait_power_on'],
	card_written: ['done_card', 'step_card'],
};

/** Whether light has been read after money came in; only then is the lamp lit. */
export const litBy = (order: Order): string =>
	order.state === 'power_on' ? 'on' : order.supply === 'on' ? 'on' : order.supply;

/** The steps with the times they were reached at; the first that is not is the one that goes on. */
export function stepsOf(order: Order) {
	const known = order.steps.filter((step) => step.name in STEPS);
	const next = known.findIndex((step) => step.at === null);
	return known.map((step, at) => {
		const [done, waits] = STEPS[step.name] ?? ['order_no', 'order_no'];
		if (step.at !== null) {
			return { name: w(done), reach: 'done' as const, more: clock(Date.parse(step.at)) };
		}
		return { name: w(waits), reach: at === next ? ('now' as const) : ('later' as const) };
	});
}
