// Windows: a room is a window, a building is a building. Brightness and pattern carry the state
// without colour, the label and the tooltip carry it in words.

import { h, icon } from '/live/dom.js';
import * as say from '/live/words.js';

/** Above this many rooms each floor of each building becomes one row. */
const HOUSES_ROOMS_MAX = 600;
/** Up to this many rooms the windows are drawn large. */
const LARGE_ROOMS_MAX = 150;
/** Widths of a large window, in pixels: the largest that keeps all sites side by side is taken. */
const WIDTHS = [24, 22, 20, 18, 16];
/** On a phone windows fill their building instead. */
const PHONE = matchMedia('(max-width: 760px)');
/** A longer name of a building takes two lines, and its neighbours keep theirs free. */
const NAME_CHARS_MAX = 9;
const STATES = ['on', 'off', 'dark', 'waiting', 'offline', 'kept', 'unknown'];
/** Which of several meters' states a window shows: the one that needs somebody first. */
const URGENT = ['dark', 'off', 'waiting', 'offline', 'unknown', 'kept', 'on'];

let drawn = ''; // the rooms as they are laid out; a change of these lays out anew
let cells = new Map();
let order = [];
let current = null;

/** Draws the panel; a change of state alone only repaints the windows concerned. */
export function windows(root, state, now) {
	const rooms = state.projects.flatMap((project) =>
		project.rooms.map((room) => ({ ...room, project: say.named(project.name, project.name_en) })),
	);
	const layout = JSON.stringify([
		say.isEnglish(),
		rooms.map((room) => [room.project, room.id, room.building, room.floor, room.number]),
	]);
	if (layout !== drawn) {
		drawn = layout;
		lay(root, state, rooms.length);
	}
	for (const room of rooms) paint(cells.get(room.id), room, now);
	legend(root.querySelector('.legend'), rooms);
	if (current) point(current, false);
}

/** Takes the widest windows with which every site still stands in the first row. */
function fit(field) {
	const sites = [...field.children];
	if (!field.classList.contains('is-large') || PHONE.matches || !sites.length) {
		field.style.removeProperty('--w');
		return;
	}
	const beside = () => sites.every((site) => site.offsetTop === sites[0].offsetTop);
	for (const width of WIDTHS) {
		field.style.setProperty('--w', `${width}px`);
		if (beside()) return;
	}
	field.style.removeProperty('--w');
}
let fitted = 0; // the width the windows were last fitted to
const resized = new ResizeObserver(([entry]) => {
	if (Math.round(entry.contentRect.width) === fitted) return;
	fitted = Math.round(entry.contentRect.width);
	fit(entry.target);
});

/** What a room's window shows. */
function shown(room, purpose) {
	const states = room.meters.filter((m) => m.purpose === purpose).map((m) => m.supply);
	return URGENT.find((state) => states.includes(state)) ?? (states.length ? 'unknown' : null);
}

function paint(cell, room, now) {
	const light = shown(room, 'electricity') ?? (room.meters.length ? 'bare' : 'none');
	const water = shown(room, 'water');
	const dry = water === 'off' || water === 'dark';
	const wet = dry ? ' w-dry' : water === 'offline' ? ' w-lost' : '';
	const kind = `w w-${light}${wet}`;
	if (cell.className !== kind) cell.className = kind;
	cell.room = room;
	const words = [`${room.project} ${room.building} ${room.number}`];
	for (const meter of room.meters) words.push(supplyText(meter), say.yuan(meter.balance_fen));
	if (!room.meters.length) words.push(say.word('no_meter'));
	const label = words.join(say.isEnglish() ? ', ' : '，');
	if (cell.getAttribute('aria-label') !== label) cell.setAttribute('aria-label', label);
	if (cell === current) tip(cell, now);
}

const supplyText = (meter) => say.supplyWord(meter.supply, meter.purpose);

function legend(root, rooms) {
	const count = (test) => rooms.filter(test).length;
	const lit = STATES.map((state) => [
		state,
		say.supplyWord(state, 'electricity'),
		count((room) => shown(room, 'electricity') === state),
	]);
	lit.push([
		'on w-dry',
		say.word('water_off'),
		count((room) => ['off', 'dark'].includes(shown(room, 'water'))),
	]);
	lit.push([
		'on w-lost',
		say.word('water_lost'),
		count((room) => shown(room, 'water') === 'offline'),
	]);
	// The six states of the design always stand there; the others only when there are some.
	const always = STATES.slice(0, 6);
	root.replaceChildren(
		...lit
			.filter(([state, , number]) => number > 0 || always.includes(state))
			.map(([state, text, number]) =>
				h(
					'li',
					null,
					h('i', { class: `w w-${state}` }),
					text,
					h('b', { class: 'num' }, say.thousands(number)),
				),
			),
	);
}

function lay(root, state, total) {
	current = null;
	cells = new Map();
	order = [];
	const many = total > HOUSES_ROOMS_MAX;
	const size = many ? 'is-rows' : total > LARGE_ROOMS_MAX ? 'is-small' : 'is-large';
	const field = h('div', {
		class: `field ${size}`,
		role: 'group',
		'aria-label': say.word('map'),
	});
	for (const project of state.projects) if (project.rooms.length) field.append(site(project, many));
	field.addEventListener('keydown', walk);
	field.addEventListener('pointerover', (event) => hover(event.target.closest('.w')));
	field.addEventListener('pointerleave', () => hover(null));
	field.addEventListener('focusin', (event) => point(event.target.closest('.w'), true));
	field.addEventListener('focusout', () => point(null, true));
	root.replaceChildren(
		h(
			'div',
			{ class: 'head' },
			h(
				'h2',
				{ id: 'windows-title' },
				say.word('windows'),
				h('span', { class: 's dim num' }, `${say.thousands(total)} ${say.word('rooms')}`),
			),
			h('ul', { class: 'legend s' }),
		),
		total ? field : empty(),
	);
	if (order.length) order[0].tabIndex = 0;
	fitted = 0;
	resized.disconnect();
	resized.observe(field);
	fit(field);
}

function empty() {
	return h(
		'div',
		{ class: 'empty tall' },
		h('b', null, say.word('no_rooms')),
		h('span', { class: 's dim' }, say.word('no_rooms_do')),
	);
}

function site(project, many) {
	const name = say.named(project.name, project.name_en);
	const buildings = new Map();
	for (const room of project.rooms) {
		if (!buildings.has(room.building)) buildings.set(room.building, new Map());
		const floors = buildings.get(room.building);
		if (!floors.has(room.floor)) floors.set(room.floor, []);
		floors.get(room.floor).push(room);
	}
	const long = [...buildings.keys()].some((building) => building.length > NAME_CHARS_MAX);
	const drawings = [...buildings]
		.sort(([a], [b]) => a.localeCompare(b, 'zh', { numeric: true }))
		.map(([building, floors]) => house(building, floors, many));
	return h(
		'section',
		{ class: 'site' },
		h(
			'h3',
			{ title: name },
			h('span', { class: 'name' }, name),
			h('span', { class: 's dim num' }, `${project.rooms.length} ${say.word('rooms')}`),
		),
		h('div', { class: `houses ${long ? 'is-long' : ''}` }, drawings),
	);
}

/** Rooms one above the other share the end of their number; a floor's gaps stay gaps. */
function columns(floors) {
	const ends = new Set();
	let most = 0;
	for (const rooms of floors.values()) {
		most = Math.max(most, rooms.length);
		for (const room of rooms) ends.add(room.number.slice(-2));
	}
	if (ends.size > most * 1.5) return { of: (_, index) => index + 1, count: most };
	const sorted = [...ends].sort((a, b) => a.localeCompare(b, 'zh', { numeric: true }));
	return { of: (room) => sorted.indexOf(room.number.slice(-2)) + 1, count: sorted.length };
}

function house(building, floors, many) {
	const { of, count } = columns(floors);
	const levels = [...floors].sort(([a], [b]) => b - a);
	const labelled = levels.length > 8 ? 2 : 1;
	const lines = levels.map(([floor, rooms], index) => {
		rooms.sort((a, b) => a.number.localeCompare(b.number, 'zh', { numeric: true }));
		const line = h('div', { class: 'line' });
		line.style.setProperty('--rooms', count);
		const taken = new Set();
		rooms.forEach((room, place) => {
			let column = of(room, place);
			while (taken.has(column)) column += 1;
			taken.add(column);
			const cell = h('button', { type: 'button', tabindex: '-1', 'aria-describedby': 'tip' });
			cell.style.gridColumn = column;
			cells.set(room.id, cell);
			order.push(cell);
			line.append(cell);
		});
		const last = levels.length - 1;
		const label = many || (last - index) % labelled === 0;
		const shownFloor = label ? String(floor) : '';
		return [h('span', { class: 'floor num', 'aria-hidden': 'true' }, shownFloor), line];
	});
	return h(
		'figure',
		{ class: 'house' },
		h('div', { class: 'wall' }, lines),
		h('figcaption', { title: building }, building),
	);
}

/** Arrow keys walk to the nearest window in that direction, Home and End to the ends. */
function walk(event) {
	const from = document.activeElement;
	const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
	let to = null;
	if (event.key === 'Escape') return point(null, true);
	if (event.key === 'Home') to = order[0];
	else if (event.key === 'End') to = order[order.length - 1];
	else if (steps[event.key]) to = nearest(from, ...steps[event.key]);
	else return;
	event.preventDefault();
	if (!to) return;
	from.tabIndex = -1;
	to.tabIndex = 0;
	to.focus();
}

function nearest(from, dx, dy) {
	const box = (cell) => cell.getBoundingClientRect();
	const here = box(from);
	let best = null;
	let least = Infinity;
	for (const cell of order) {
		const there = box(cell);
		const along = dx * (there.left - here.left) + dy * (there.top - here.top);
		if (along < 2) continue;
		const aside = Math.abs(dx ? there.top - here.top : there.left - here.left);
		const far = along + aside * 4;
		if (far < least) [best, least] = [cell, far];
	}
	return best;
}

/** The pointer shows a window's words but leaves the keyboard's place alone. */
function hover(cell) {
	const held = document.activeElement?.closest?.('.field .w') ?? null;
	point(cell ?? held, true);
}

function point(cell, move) {
	current = cell;
	const box = document.getElementById('tip');
	if (!cell?.room) {
		box.hidden = true;
		return;
	}
	if (move) tip(cell, Date.now());
}

function tip(cell, now) {
	const { room } = cell;
	const box = document.getElementById('tip');
	box.replaceChildren(
		h('b', null, `${room.building} ${room.number}`),
		h('span', { class: 's dim' }, room.project),
		...(room.meters.length
			? room.meters.map((meter) => line(meter, now))
			: [h('span', { class: 's dim' }, say.word('no_meter'))]),
	);
	box.hidden = false;
	const at = cell.getBoundingClientRect();
	const { width, height } = box.getBoundingClientRect();
	const left = Math.min(Math.max(8, at.left + at.width / 2 - width / 2), innerWidth - width - 8);
	const above = at.top - height - 8;
	box.style.left = `${left + scrollX}px`;
	box.style.top = `${(above > 8 ? above : at.bottom + 8) + scrollY}px`;
}

const PICTURES = {
	on: ['bolt', 'ok'],
	off: ['open', 'err'],
	dark: ['bolt', 'err'],
	waiting: ['hand', 'warn'],
	offline: ['gone', 'off'],
	kept: ['shield', 'brand'],
	unknown: ['question', 'off'],
};

function line(meter, now) {
	const [electric, kind] = PICTURES[meter.supply] ?? PICTURES.unknown;
	const flows = meter.purpose === 'water' && electric === 'bolt';
	const picture = flows ? 'drop' : electric;
	const read = meter.read_at == null ? null : new Date(meter.read_at).getTime();
	const { text, kind: tone } = say.age(read, now);
	return h(
		'div',
		{ class: 'tip-line' },
		h(
			'div',
			{ class: 'tip-state' },
			h('span', { class: `st ${kind}` }, icon(picture), supplyText(meter)),
			h('b', { class: 'num' }, say.yuan(meter.balance_fen)),
		),
		h(
			'div',
			{ class: 'tip-state s dim' },
			h('span', { class: 'num' }, `${say.word(meter.purpose)} ${say.grouped(meter.meter_no)}`),
			h('span', { class: `num ${tone}` }, text),
		),
	);
}
