// The live page: one state from the server, five panels, one clock.
//
// The page shows what the server says and nothing it concludes by itself. While the stream is cut
// the last state stays, with its age on it.

import { h, icon, tick, ticking } from '/live/dom.js';
import * as say from '/live/words.js';
import { sold } from '/live/sold.js';
import { money } from '/live/money.js';
import { windows } from '/live/windows.js';
import { todo } from '/live/todo.js';
import { topups } from '/live/topups.js';

/** First and longest wait before the next try, in milliseconds. */
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 15_000;
/** The panels stand there at once; bars where their figures will be only after this many milliseconds. */
const BONES_MS = 300;
/** A state is asked for when none was heard for so long: a dead line looks like a quiet one. */
const QUIET_MS_MAX = 10_000;
/** An answer that takes longer is none, in milliseconds. */
const ANSWER_MS_MAX = 8_000;

const $ = (id) => document.getElementById(id);
const PANELS = { sold, money, windows, todo, topups };

let state = null;
let ahead = 0; // how far the server's clock is ahead of ours, in milliseconds
let heard = 0; // when we last heard of the server, on our own clock
let asking = false;
let cutSince = null;
let stream = null;
let wait = RETRY_MS;
let timer = null;

const now = () => Date.now() + ahead;
const at = (value) => (value == null ? null : new Date(value).getTime());

function take(text) {
	const next = JSON.parse(text);
	if (next.now == null) return connected(); // the server is there, and has no state worked out yet
	ahead = at(next.now) - Date.now();
	heard = Date.now();
	state = next;
	connected();
	draw();
}

function draw() {
	$('main').hidden = false;
	$('first').hidden = true;
	$('demo').hidden = !state.demo;
	$('safe').hidden = !state.safe_mode;
	for (const [id, panel] of Object.entries(PANELS)) panel($(id), state, now());
	facts();
	beat();
}

/** What stands in the head: the age of what is shown, the oldest reading, the gateways. */
function facts() {
	const meters = state.projects.flatMap((p) => p.rooms.flatMap((room) => room.meters));
	const read = meters.map((meter) => at(meter.read_at)).filter((moment) => moment != null);
	const oldest = read.length ? Math.min(...read) : null;
	const { online, total } = state.gateways;
	$('facts').replaceChildren(
		h(
			'span',
			{ class: 'fact' },
			icon('clock'),
			ticking('num', () => `${say.word('as_of')} ${say.clock(heard + ahead)}`),
		),
		h(
			'span',
			{ class: 'fact' },
			icon('meter'),
			oldest == null
				? say.word('no_reading')
				: ticking('num', (t) => `${say.word('oldest_reading')} ${say.span((t - oldest) / 1000)}`),
		),
		h(
			'span',
			{ class: `fact ${online < total ? 'off' : ''}` },
			icon(online < total ? 'gone' : 'router'),
			h('span', { class: 'num' }, `${say.word('gateways')} ${online}/${total} ${say.word('online')}`),
		),
	);
}

function beat() {
	if (!state) return;
	$('date').textContent = say.longDay(now());
	tick(document.body, now());
	if (!cutSince && !asking && Date.now() - heard > QUIET_MS_MAX) ask().catch(cut);
}

async function ask() {
	asking = true;
	try {
		await fetched();
	} finally {
		asking = false;
	}
}

async function fetched() {
	const signal = AbortSignal.timeout(ANSWER_MS_MAX);
	const answer = await fetch('/live/state', { cache: 'no-store', signal });
	if (!answer.ok) throw new Error(`the state was answered with ${answer.status}`);
	take(await answer.text());
}

function listen() {
	clearTimeout(timer);
	stream?.close();
	stream = new EventSource('/live/events');
	stream.addEventListener('state', (event) => take(event.data));
	stream.addEventListener('open', () => {
		wait = RETRY_MS;
		ask().catch(cut);
	});
	stream.addEventListener('error', cut);
}

/** The stream or a question failed: what is shown keeps its age, and we try again by ourselves. */
function cut() {
	stream?.close();
	cutSince ??= Date.now();
	clearTimeout(timer);
	timer = setTimeout(listen, wait);
	wait = Math.min(wait * 2, RETRY_MS_MAX);
	if (state) facts();
	notice();
	beat();
}

function connected() {
	if (cutSince == null) return;
	cutSince = null;
	notice();
}

function retry() {
	wait = RETRY_MS;
	listen();
}

function notice() {
	document.body.classList.toggle('is-cut', cutSince != null && state != null);
	document.body.classList.toggle('is-down', cutSince != null && state == null);
	const button = h('button', { type: 'button', class: 'btn' }, icon('arrows'), say.word('retry'));
	button.addEventListener('click', retry);
	if (cutSince == null) {
		$('cut').hidden = true;
		$('cut').replaceChildren();
		$('trouble').hidden = true;
		return;
	}
	const box = state ? $('cut') : $('trouble');
	box.hidden = false;
	if (!state) {
		box.replaceChildren(
			h('h2', { class: 'err' }, icon('gone'), say.word('down_title')),
			h('p', null, say.word('down_safe')),
			h('p', { class: 'dim' }, say.word('down_do')),
			button,
		);
		return;
	}
	const shown = heard + ahead;
	box.replaceChildren(
		icon('gone'),
		h('b', null, say.word('cut_title')),
		ticking('num', (t) =>
			`${say.word('cut_shown')} ${say.clock(shown)} ${say.word('cut_shown_end')}`.trim() +
			`${say.isEnglish() ? ', ' : '，'}${say.word('cut_since')} ${say.span((t - shown) / 1000)}`,
		),
		h('span', { class: 'dim' }, say.word('cut_retry')),
		button,
	);
}

function speak(choice) {
	say.chooseLanguage(choice);
	$('language').textContent = say.word('other');
	$('language').lang = choice === 'en' ? 'zh-CN' : 'en';
	if (state) draw();
	notice();
}

$('language').addEventListener('click', () => {
	const choice = say.isEnglish() ? 'zh' : 'en';
	const address = new URL(location.href);
	address.searchParams.set('lang', choice);
	history.replaceState(null, '', address);
	speak(choice);
});
speak(new URLSearchParams(location.search).get('lang'));
setTimeout(() => document.body.classList.add('is-waiting'), BONES_MS);
setInterval(beat, 1_000);
listen();
