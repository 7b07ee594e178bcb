// A stand of the terminal: the built page under a token, the two questions it asks, and pictures.
// It answers with a sample until it is told another one, and keeps what it was told.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const BUILT = fileURLToPath(new URL('../../dist/', import.meta.url));
const FILM = fileURLToPath(new URL('film.webm', import.meta.url));
const SAMPLES = fileURLToPath(new URL('../../samples/', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript' };
/** The policy of the kiosk's window, where only the way to the terminal differs. */
const POLICY =
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: http://127.0.0.1:*; " +
	"media-src http://127.0.0.1:*; font-src 'self'; connect-src 'self'; frame-src 'none'; " +
	"base-uri 'none'; form-action 'none'";
/** How long the page may take for what a test waits for, in milliseconds. */
const PATIENCE_MS = 15_000;
/** Where the samples say that the kiosk serves its files. */
const FILES = 'http://127.0.0.1:4807/k7Qm2Xw9/';
const drawing = (width, height, ground) =>
	`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><path fill="${ground}" ` +
	`d="M0 0h${width}v${height}H0z"/><circle cx="${width / 2}" cy="${height / 2}" r="${height / 5}" fill="#F5B83D"/></svg>`;
/** The files of the samples, by the first letters of their digests: a logo, one upright, one across. */
const PICTURES = {
	10: drawing(56, 56, '#4A4FA3'),
	a7: drawing(1080, 1440, '#0F666C'),
	b8: drawing(1920, 1080, '#4A4FA3'),
};

/** A sample by its name, as the terminal wrote it. */
export const sample = async (name) => JSON.parse(await readFile(join(SAMPLES, `${name}.json`), 'utf8'));

export async function stand() {
	const place = {
		view: null,
		beats: [],
		intents: [],
		answer: (intent, view) => view,
		/** What a beat is answered with. */
		reply: (beat, view) => view,
		hold: null,
	};
	const waiting = new Set();
	/** Waits until something holds of what the page has asked; looked at after every answer. */
	place.until = (holds, what) =>
		new Promise((done, fail) => {
			const late = setTimeout(() => {
				waiting.delete(see);
				fail(new Error(`${what} never came; intents: ${JSON.stringify(place.intents)}`));
			}, PATIENCE_MS);
			const see = () => {
				if (!holds(place)) return;
				clearTimeout(late);
				waiting.delete(see);
				done();
			};
			waiting.add(see);
			see();
		});
	const send = (response, status, type, body) =>
		response
			.writeHead(status, { 'content-type': type, 'content-security-policy': POLICY })
			.end(body);
	const body = async (request) => {
		let text = '';
		for await (const part of request) text += part;
		return JSON.parse(text);
	};
	const server = createServer(async (request, response) => {
		response.on('finish', () => waiting.forEach((see) => see()));
		const path = decodeURIComponent(new URL(request.url, 'http://127.0.0.1').pathname);
		if (!path.startsWith('/token/')) return send(response, 404, 'text/plain', '');
		const name = path.slice('/token/'.length) || 'index.html';
		if (request.method === 'POST' && name === 'beat') {
			const beat = await body(request);
			place.beats.push(beat);
			if (place.hold) await place.hold;
			return send(response, 200, 'application/json', JSON.stringify(place.reply(beat, place.view)));
		}
		if (request.method === 'POST' && name === 'intent') {
			const intent = await body(request);
			place.intents.push(intent);
			place.view = place.answer(intent, place.view);
			return send(response, 200, 'application/json', JSON.stringify(place.view));
		}
		const picture = name.startsWith('files/') && PICTURES[name.slice('files/'.length).slice(0, 2)];
		if (picture) return send(response, 200, 'image/svg+xml', picture);
		if (name === 'film') return send(response, 200, 'video/webm', await readFile(FILM));
		const file = join(BUILT, normalize(name));
		try {
			return send(response, 200, TYPES[extname(file)] ?? 'application/octet-stream', await readFile(file));
		} catch {
			return send(response, 404, 'text/plain', '');
		}
	});
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	place.origin = `http://127.0.0.1:${server.address().port}`;
	place.page = `${place.origin}/token/`;
	/** The same document with the files where this stand serves them. */
	const here = (view) =>
		JSON.parse(JSON.stringify(view).replaceAll(FILES, `${place.page}files/`));
	place.show = async (name, change = (view) => view) => {
		const view = here(await sample(name));
		if (view.screen.media === 'video') view.screen.url = `${place.page}no-film`;
		place.view = change(view) ?? view;
	};
	place.close = () => new Promise((done) => server.close(done));
	return place;
}
