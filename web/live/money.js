// Money on its way: from order to light, what has not arrived yet, with the oldest of each stage.

import { h, icon, ticking } from '/live/dom.js';
import * as say from '/live/words.js';

/** On the meter and dark for longer than this is red, in seconds. */
const DARK_S_MAX = 60;

const STAGES = [
	['placed', 'clock', 'dim'],
	['paid', 'tick', 'dim'],
	['delivering', 'arrows', 'brand'],
	['dark', 'bolt', 'err'],
	['uncertain', 'question', 'doubt'],
];

/** Draws the panel. */
export function money(root, state, now) {
	const shownAt = new Date(state.now).getTime();
	const row = ([stage, picture, kind]) => {
		const { count, amount_fen: fen, oldest_s: oldest } = state.money[stage];
		const age = (t) => (oldest ?? 0) + Math.max(0, (t - shownAt) / 1000);
		const late = stage === 'dark' && count > 0 && age(now) > DARK_S_MAX;
		const tone = stage === 'uncertain' && count > 0 ? 'doubt' : '';
		return h(
			'tr',
			{ class: late ? 'late' : '' },
			h('td', { class: count ? kind : 'dim' }, icon(picture)),
			h('th', { scope: 'row' }, say.word(stage)),
			h('td', { class: 'n' }, h('b', null, say.thousands(count)), say.isEnglish() ? '' : ' 笔'),
			h('td', { class: 'n sum' }, count ? say.yuan(fen) : ''),
			h(
				'td',
				{ class: `n old ${late ? 'err' : tone || 'dim'}` },
				count > 0 && !tone && !late && h('span', { class: 'oldest' }, say.word('oldest'), ' '),
				count > 0 && ticking('', (t) => say.span(age(t))),
			),
		);
	};
	root.replaceChildren(
		h(
			'div',
			{ class: 'head' },
			h('h2', { id: 'money-title' }, say.word('money')),
			h('span', { class: 's dim' }, say.word('money_sub')),
		),
		h('table', null, h('tbody', null, STAGES.map(row))),
	);
}
