// Things to do: every alarm that stands, in words, with its subject and its age.

import { h, icon, ticking } from '/live/dom.js';
import * as say from '/live/words.js';

/** Rows shown; the rest is counted. */
const ROWS_MAX = 8;

const KINDS = [
	[/^supply\.|dark|stuck/, 'bolt', 'err'],
	[/^vend\./, 'question', 'doubt'],
	[/^payment\.|^account\./, 'scales', 'warn'],
	[/^gateway\./, 'gone', 'off'],
	[/clock/, 'clock', 'warn'],
	[/silent/, 'gone', 'off'],
	[/quarantin|clash|password/, 'stop', 'err'],
	[/^meter\./, 'meter', 'warn'],
];
const OTHER = [null, 'bell', 'off'];

/** Draws the panel. */
export function todo(root, state) {
	const all = [...state.alarms].sort((a, b) => new Date(b.raised_at) - new Date(a.raised_at));
	const urgent = (alarm) => KINDS.findIndex(([pattern]) => pattern.test(alarm.kind));
	all.sort((a, b) => (urgent(a) === 0 ? 0 : 1) - (urgent(b) === 0 ? 0 : 1));
	const left = all.length - ROWS_MAX;
	root.replaceChildren(
		h(
			'div',
			{ class: 'head' },
			h('h2', { id: 'todo-title' }, say.word('todo')),
			all.length > 0 && h('b', { class: 's num' }, `${all.length} ${say.word('items')}`),
		),
		all.length ? h('ul', null, all.slice(0, ROWS_MAX).map(row)) : empty(),
		left > 0
			? h('p', { class: 's dim' }, `${say.word('further')} ${left} ${say.word('further_items')}`)
			: '',
	);
}

function row(alarm) {
	const [, picture, kind] = KINDS.find(([pattern]) => pattern.test(alarm.kind)) ?? OTHER;
	const title = say.named(alarm.title_zh, alarm.title_en);
	const raised = new Date(alarm.raised_at).getTime();
	return h(
		'li',
		null,
		h('span', { class: `badge ${kind}` }, icon(picture)),
		h(
			'div',
			{ class: 'what' },
			h('b', { title }, title),
			h('span', { class: 's dim', title: alarm.subject }, alarm.subject),
		),
		h(
			'div',
			{ class: 'when s dim num' },
			ticking('', (t) => say.span((t - raised) / 1000)),
			h('span', null, say.clock(raised)),
		),
	);
}

function empty() {
	return h(
		'div',
		{ class: 'empty' },
		h('b', { class: 'ok' }, icon('tick'), say.word('all_done')),
		h('span', { class: 's dim' }, say.word('all_done_sub')),
	);
}
