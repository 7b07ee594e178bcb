// Sold today: the sum, the comparison with yesterday at this hour, a bar for each hour.

import { h, icon, s } from '/live/dom.js';
import * as say from '/live/words.js';

const HEIGHT = 148;
const WIDTH_MIN = 160;
/** A larger difference is not a percentage anybody reads, in tenths of a percent. */
const TENTHS_MAX = 9_990;
const GROUND = 128; // the zero line of the bars, from the top
const NICE = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20];

let last = null;
const widths = new ResizeObserver(() => last?.());

/** Draws the panel. */
export function sold(root, state, now) {
	const { count, amount_fen: fen } = state.sold_today;
	const before = state.sold_yesterday_same_hour;
	const [yen, whole, cents] = parts(fen);
	const chart = h('div', { class: 'chart' });
	const sub =
		before.count > 0
			? `${say.counted(count)}${say.isEnglish() ? '; yesterday by now ' : '；昨天同时刻 '}` +
				`${say.counted(before.count)}${say.isEnglish() ? ', ' : '，'}${say.yuan(before.amount_fen)}`
			: `${say.counted(count)}${say.isEnglish() ? '; ' : '；'}${say.word('nothing_yesterday')}`;
	root.replaceChildren(
		h(
			'div',
			{ class: 'head top-line' },
			h(
				'div',
				null,
				h('h2', { id: 'sold-title' }, say.word('sold')),
				h('span', { class: 's dim' }, sub),
			),
			h(
				'div',
				{ class: 'sum' },
				h('span', { class: 'amount num' }, h('i', null, yen), whole, h('small', null, cents)),
				difference(fen, before.amount_fen),
			),
		),
		chart,
		legend(now),
		table(state),
	);
	last = () => chart.replaceChildren(bars(state, now, Math.max(WIDTH_MIN, chart.clientWidth)));
	widths.disconnect();
	widths.observe(chart);
	last();
}

function parts(fen) {
	const text = say.yuan(fen);
	const mark = text.indexOf('¥') + 1;
	return [text.slice(0, mark), text.slice(mark, -3), text.slice(-3)];
}

function difference(fen, before) {
	if (!before) return h('span', { class: 's dim' }, ' ');
	const tenth = Math.round((Math.abs(fen - before) * 1000) / before);
	if (tenth === 0) return h('span', { class: 's dim' }, say.word('same'));
	const more = fen > before;
	const percent = tenth > TENTHS_MAX ? '>999%' : `${(tenth / 10).toFixed(1)}%`;
	const words = [say.word(more ? 'more' : 'less'), percent];
	const text = (say.isEnglish() ? words.reverse() : words).join(' ');
	return h('b', { class: `s ${more ? 'ok' : 'dim'} difference` }, icon(more ? 'up' : 'down'), text);
}

function legend(now) {
	const hour = say.hourOf(now);
	const open = say.isEnglish()
		? `Today, ${String(hour).padStart(2, '0')}${say.word('hour_open')}`
		: `今天，${hour} ${say.word('hour_open')}`;
	return h(
		'div',
		{ class: 'legend s dim' },
		h('span', null, h('i', { class: 'mark-bar' }), open),
		h('span', null, h('i', { class: 'mark-line' }), say.word('yesterday')),
	);
}

/** The largest value of the axis and its step, both round sums in fen. */
function scale(most) {
	const step = Math.max(100, most / 3);
	const power = 10 ** Math.floor(Math.log10(step));
	const nice = NICE.find((factor) => factor * power >= step) * power;
	return { step: nice, top: nice * 3 };
}

function bars(state, now, width) {
	const { by_hour: today, yesterday_by_hour: before } = state;
	const most = Math.max(...today, ...before);
	const { step, top } = scale(most);
	const hour = say.hourOf(now);
	const pitch = width / 24;
	const y = (fen) => GROUND - (fen / top) * (GROUND - 0.5);
	const middle = (index) => (index + 0.5) * pitch;
	const yuan = (fen, first) => (first ? '¥' : '') + say.thousands(Math.round(fen / 100));
	const grid = [1, 2, 3].flatMap((line) => [
		s('path', { class: 'grid', d: `M0 ${y(line * step)}H${width}` }),
		most > 0 &&
			s(
				'text',
				{ x: width, y: y(line * step) + 12, 'text-anchor': 'end' },
				yuan(line * step, line === 3),
			),
	]);
	const bar = (fen, index) =>
		fen > 0 &&
		s('rect', {
			class: index === hour ? 'bar open' : 'bar',
			x: middle(index) - pitch * 0.3,
			y: Math.min(y(fen), GROUND - 2),
			width: pitch * 0.6,
			height: Math.max(2, GROUND - y(fen)),
			rx: 2,
		});
	const line = before.map((fen, index) => `${index ? 'L' : 'M'}${middle(index)} ${y(fen)}`);
	const every = width < 420 ? 6 : 3;
	const labels = Array.from({ length: 24 / every + 1 }, (_, index) => index * every).map((label) =>
		s(
			'text',
			{
				x: label * pitch,
				y: 144,
				'text-anchor': label === 0 ? 'start' : label === 24 ? 'end' : 'middle',
			},
			label === 24 ? `24 ${say.word('hour')}` : String(label),
		),
	);
	return s(
		'svg',
		{
			width,
			height: HEIGHT,
			viewBox: `0 0 ${width} ${HEIGHT}`,
			role: 'img',
			'aria-label': say.word('chart'),
		},
		grid,
		today.map(bar),
		before.some((fen) => fen > 0) && s('path', { class: 'before', d: line.join('') }),
		present(now, pitch),
		most <= 0 && s('text', { x: 12, y: 76, class: 'nothing' }, say.word('nothing_today')),
		s('path', { class: 'ground', d: `M0 ${GROUND + 0.5}H${width}` }),
		labels,
	);
}

function present(now, pitch) {
	const passed = (now % 3_600_000) / 3_600_000;
	const x = (say.hourOf(now) + passed) * pitch;
	return [
		s('path', { class: 'present', d: `M${x} 12V${GROUND}` }),
		s('text', { x, y: 9, 'text-anchor': x < 20 ? 'start' : 'middle' }, say.word('now')),
	];
}

/** The same figures for those who do not see the bars. */
function table(state) {
	const row = (_, hour) =>
		h(
			'tr',
			null,
			h('th', { scope: 'row' }, `${hour} ${say.word('hour')}`),
			h('td', null, say.yuan(state.by_hour[hour])),
			h('td', null, say.yuan(state.yesterday_by_hour[hour])),
		);
	return h(
		'table',
		{ class: 'unseen' },
		h('caption', null, say.word('chart')),
		h(
			'thead',
			null,
			h(
				'tr',
				null,
				h('th', null, say.word('hour')),
				h('th', null, say.word('today')),
				h('th', null, say.word('yesterday')),
			),
		),
		h('tbody', null, Array.from({ length: 24 }, row)),
	);
}
