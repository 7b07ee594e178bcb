// Building the page: elements from words, icons from our own drawings, no mark-up out of data.

const LINES = {
	clock: '<circle cx="12" cy="12" r="8.5"/><path d="M12 7.2V12l3.2 2"/>',
	tick: '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
	arrows:
		'<path d="M19.5 8.5A8 8 0 0 0 5 8M4.5 15.5A8 8 0 0 0 19 16M19.8 4.2v4.5h-4.5' +
		'M4.2 19.8v-4.5h4.5"/>',
	bolt: '<path d="M13 3 5.5 13.5H11l-1 7.5 8-11h-5.5z"/>',
	question:
		'<circle cx="12" cy="12" r="8.7"/><path d="M9.6 9.7a2.5 2.5 0 1 1 3.6 2.3c-.8.4-1.2.9' +
		'-1.2 1.7M12 16.6v.2"/>',
	cross: '<path d="m6.5 6.5 11 11M17.5 6.5l-11 11"/>',
	back: '<path d="M9 6 4.5 10.5 9 15M5 10.5h9a5 5 0 0 1 0 10h-3"/>',
	hand:
		'<path d="M7.5 12.5V6.8a1.4 1.4 0 0 1 2.8 0v4.4m0-5.7a1.4 1.4 0 0 1 2.8 0v5.7m0-4.4a1.4 1.4 ' +
		'0 0 1 2.8 0v6.7c0 4-2 6.5-5 6.5-2.6 0-3.9-1.3-5-3.5l-2.1-4.1a1.4 1.4 0 0 1 ' +
		'2.4-1.4l1.3 2"/>',
	gone:
		'<path d="M4 4l16 16M8.5 13.8a5 5 0 0 1 4-1.5M5 10.3a10 10 0 0 1 4-2.4M12.5 7.2a10 ' +
		'10 0 0 1 6.5 3.1M16 13.8l-.6-.5M12 17.8v.2"/>',
	scales:
		'<path d="M12 4v16M7 20h10M4 7.5h16M4 7.5 2 13a3 3 0 0 0 5 0zM20 7.5 18 13a3 3 0 0 0 4.5 0z"/>',
	bell: '<path d="M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5h4"/>',
	meter:
		'<rect x="4" y="3.5" width="16" height="17" rx="2"/>' +
		'<path d="M8 8h8v4H8zM9 16.5h.2M12 16.5h3"/>',
	router:
		'<rect x="3.5" y="13" width="17" height="7" rx="2"/><path d="M7 16.5h.2M10.5 16.5h.2' +
		'M16.5 13V8M13.5 6.5a4.2 4.2 0 0 1 6 0"/>',
	drop: '<path d="M12 3.2c3.6 4.3 5.8 7.4 5.8 10.4a5.8 5.8 0 0 1-11.6 0C6.2 10.6 8.4 7.5 12 3.2z"/>',
	shield: '<path d="M12 3.5 5 6v5.5c0 4.3 2.8 7.3 7 9 4.2-1.7 7-4.7 7-9V6z"/>',
	open: '<path d="M3 15h4.5L16 8M16.5 15H21M7.5 15v.2M16.5 15v.2"/>',
	dash: '<path d="M6 12h12"/>',
	up: '<path d="m5.5 14.5 6.5-6.5 6.5 6.5"/>',
	down: '<path d="m5.5 9.5 6.5 6.5 6.5-6.5"/>',
	stop: '<path d="M8.3 3.5h7.4l4.8 4.8v7.4l-4.8 4.8H8.3l-4.8-4.8V8.3zM12 8v4.8M12 16v.2"/>',
};

/** One of our icons, drawn on the 24 grid; purely for the eye, the word stands beside it. */
export function icon(name, kind = '') {
	const holder = document.createElement('template');
	const frame = `class="i ${kind}" viewBox="0 0 24 24" aria-hidden="true"`;
	holder.innerHTML = `<svg ${frame}>${LINES[name]}</svg>`;
	return holder.content.firstChild;
}

/** An element with attributes and children; text is always text. */
export function h(tag, attributes, ...children) {
	return dress(document.createElement(tag), attributes, children);
}

/** The same for drawings. */
export function s(tag, attributes, ...children) {
	return dress(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function dress(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes ?? {})) {
		if (value === true) element.setAttribute(name, '');
		else if (value !== false && value != null) element.setAttribute(name, value);
	}
	element.append(...children.flat(2).filter((child) => child != null && child !== false));
	return element;
}

/** A span whose text follows the clock: `say(now_ms)` is asked every second. */
export function ticking(kind, say) {
	const span = h('span', { class: kind });
	span.tick = (now) => {
		const text = say(now);
		if (span.textContent !== text) span.textContent = text;
	};
	span.dataset.ticks = '';
	return span;
}

/** Lets every ticking span below `root` say its age. */
export function tick(root, now) {
	for (const span of root.querySelectorAll('[data-ticks]')) span.tick(now);
}
