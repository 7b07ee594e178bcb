// The last top-ups: each a rail from the order to the light, with the time of every step and how
// long it took. One opens to every event.

import { h, icon, tick, ticking } from '/live/dom.js';
import * as say from '/live/words.js';

const STEPS = ['placed', 'paid', 'credited', 'sent', 'delivered', 'restored'];
/** What happened that a step does not say, and how the order is named while it stands. */
const TROUBLE = {
	uncertain: 'uncertain',
	unreadable: 'uncertain',
	quarantined: 'quarantined',
	'waiting-for-user': 'waiting',
	'held-off': 'held-off',
	'supply.dark': 'dark',
	'supply.stuck': 'dark',
	'supply.refused': 'dark',
	'supply.still_dark': 'dark',
	held: 'held',
	mismatch: 'held',
	contradicted: null,
	duplicate: null,
	unmatched: null,
	voided: null,
	closed: 'closed',
};
const ENDS = ['closed', 'held', 'refunded'];

let drawn = '';
const opened = new Set();

/** Draws the panel when an order changed; what a person opened stays open. */
export function topups(root, state, now) {
	const text = JSON.stringify([say.isEnglish(), state.orders]);
	if (text === drawn) return;
	drawn = text;
	const held = root.contains(document.activeElement)
		? document.activeElement.closest('details')?.dataset.no
		: null;
	const flow = (order) => order.purpose === 'water';
	const last = state.orders.length > 0 && state.orders.every(flow) ? 'flow' : 'restored';
	root.replaceChildren(
		h(
			'div',
			{ class: 'head' },
			h('h2', { id: 'topups-title' }, say.word('topups')),
			h('span', { class: 's dim' }, say.word(state.orders.length ? 'topups_sub' : 'no_topups_sub')),
		),
		state.orders.length
			? h(
					'div',
					{ class: 'rails' },
					titles(last),
					state.orders.map((order) => row(order, now)),
				)
			: h('div', { class: 'empty' }, h('b', null, say.word('no_topups'))),
	);
	if (held) root.querySelector(`details[data-no="${CSS.escape(held)}"] summary`)?.focus();
	tick(root, now);
}

function titles(last) {
	return h(
		'div',
		{ class: 'rail-titles s dim', 'aria-hidden': 'true' },
		h('span', null, say.word('room')),
		h('span', { class: 'n' }, say.word('amount')),
		h(
			'span',
			{ class: 'steps' },
			STEPS.map((step) =>
				h('span', null, say.word(`step_${step === 'restored' ? last : step}`)),
			),
		),
		h('span', { class: 'n' }, say.word('paid_to_light')),
	);
}

/** When each step was reached; a platform-held meter has no steps on the way to the meter. */
function reached(order) {
	const first = (kind) => order.events.find((event) => event.kind === kind);
	const when = (kind) => {
		const found = first(kind);
		return found ? new Date(found.at).getTime() : null;
	};
	const times = Object.fromEntries(STEPS.map((step) => [step, when(step)]));
	times.sent ??= when('intent');
	const far = ['delivered', 'restored'].includes(order.state) || first('close-sent');
	const skipped = times.sent == null && far ? ['sent', 'delivered'] : [];
	return { times, skipped };
}

/** The order's state as a person should read it now. */
function standing(order) {
	if (order.state === 'restored') return order.purpose === 'water' ? 'flowing' : 'restored';
	if (ENDS.includes(order.state)) return order.state;
	const troubles = order.events.filter((event) => TROUBLE[event.kind]);
	const last = troubles.length ? TROUBLE[troubles[troubles.length - 1].kind] : null;
	if (last === 'quarantined') return last;
	if (['credited', 'delivered'].includes(order.state) && ['waiting', 'dark', 'held-off'].includes(last)) {
		return last;
	}
	return order.state;
}

function row(order, now) {
	const { times, skipped } = reached(order);
	const state = standing(order);
	const { word, picture, kind } = say.orderWord(state);
	const end = times.restored;
	const running = end == null && times.paid != null && !ENDS.includes(state);
	const took =
		end != null && times.paid != null
			? h('b', { class: 'took num' }, say.tenths(end - times.paid))
			: running
				? ticking(`took num ${kind}`, (t) => say.span((t - times.paid) / 1000))
				: h('span', { class: 'took dim' }, '—');
	const details = h(
		'details',
		{ 'data-no': order.order_no, open: opened.has(order.order_no) },
		h(
			'summary',
			null,
			h(
				'span',
				{ class: 'place' },
				place(order.place),
				h('span', { class: 's dim num' }, orderNumber(order.order_no)),
			),
			h(
				'span',
				{ class: 'paid-by n' },
				h('b', { class: 'num' }, say.yuan(order.amount_fen)),
				h('span', { class: 's dim' }, say.channelWord(order.channel)),
			),
			rail(times, skipped, state),
			h(
				'span',
				{ class: 'result n' },
				h('span', { class: `st ${kind}` }, icon(picture), word),
				took,
			),
		),
		story(order),
	);
	details.addEventListener('toggle', () => {
		if (details.open) opened.add(order.order_no);
		else opened.delete(order.order_no);
	});
	return details;
}

function rail(times, skipped, state) {
	let before = null;
	let waits = !ENDS.includes(state) && state !== 'restored' && state !== 'flowing';
	const steps = STEPS.map((step) => {
		if (skipped.includes(step)) return h('span', { class: 'step is-skipped' }, h('i'));
		const at = times[step];
		if (at != null) {
			const since = before == null ? null : at - before;
			before = at;
			return h(
				'span',
				{ class: 'step is-done' },
				h('i', null, icon(step === 'restored' ? 'bolt' : 'tick')),
				h('span', { class: 's num' }, say.clock(at)),
				h('span', { class: 's dim num' }, since == null ? '' : `+${say.tenths(since)}`),
			);
		}
		const here = waits || (ENDS.includes(state) && before != null);
		if (here) {
			waits = false;
			const { picture, kind } = say.orderWord(state === 'credited' ? 'delivering' : state);
			const from = before;
			before = null;
			const running = !ENDS.includes(state) && from != null;
			return h(
				'span',
				{ class: `step is-here ${kind}` },
				h('i', null, icon(picture === 'tick' ? 'arrows' : picture)),
				running && ticking('s num', (t) => say.span((t - from) / 1000)),
			);
		}
		return h('span', { class: 'step' }, h('i'));
	});
	return h('span', { class: 'steps' }, steps);
}

/** A long name gives way before the room's own number does. */
function place(text) {
	const cut = text.lastIndexOf(' ');
	return h(
		'b',
		{ class: 'name', title: text },
		h('span', null, text.slice(0, Math.max(0, cut))),
		h('span', null, `\u00a0${text.slice(cut + 1)}`),
	);
}

const orderNumber = (no) =>
	String(no).replace(/^([A-Z]{2})(\d+)$/, (_, mark, digits) => `${mark} ${say.grouped(digits)}`);

function story(order) {
	return h(
		'ol',
		{ class: 'story' },
		order.events.map((event) =>
			h(
				'li',
				{ class: TROUBLE[event.kind] === undefined ? '' : 'is-trouble' },
				h('span', { class: 'num dim' }, exact(new Date(event.at).getTime())),
				h('span', null, say.eventWord(event.kind)),
				h('span', { class: 'dim detail' }, say.detailWords(event.detail)),
			),
		),
	);
}

/** Seconds with their tenth, as proof. */
const exact = (at) => `${say.clock(at)}.${Math.floor((at % 1000) / 100)}`;
