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
const PICTURE =
	'<svg xmlns="http://www.w3.org/2000/svg" width="1080" height="1440"><path fill="#0F666C" d="M0 0h1080v1440H0z"/>' +
	'<circle cx="540" cy="620" r="300" fill="#F5B83D"/></svg>';

/** A sample by its name, as the terminal wrote it. */
export const sample = async (name) => JSON.parse(await readFile(join(SAMPLES, `${name}.json`), 'utf8'));

export async function stand() {
	const place = { view: null, beats: [], intents: [], answer: (intent, view) => view, hold: null };
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
		const path = decodeURIComponent(new URL(request.url, 'http://127.0.0.1').pathname);
		if (!path.startsWith('/token/')) return send(response, 404, 'text/plain', '');
		const name = path.slice('/token/'.length) || 'index.html';
		if (request.method === 'POST' && name === 'beat') {
			place.beats.push(await body(request));
			if (place.hold) await place.hold;
			return send(response, 200, 'application/json', JSON.stringify(place.view));
		}
		if (request.method === 'POST' && name === 'intent') {
			const intent = await body(request);
			place.intents.push(intent);
			place.view = place.answer(intent, place.view);
			return send(response, 200, 'application/json', JSON.stringify(place.view));
		}
		if (name === 'picture') return send(response, 200, 'image/svg+xml', PICTURE);
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
	place.show = async (name, change = (view) => view) => {
		const view = await sample(name);
		if (view.screen.screen === 'attract') {
			view.screen.url = view.screen.media === 'image' ? `${place.page}picture` : `${place.page}no-film`;
		}
		place.view = change(view) ?? view;
	};
	place.close = () => new Promise((done) => server.close(done));
	return place;
}
