// Serves the page as the server does, with states of the fixture: same paths, same headers.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PAGE = fileURLToPath(new URL('../../web/live/', import.meta.url));
const TYPES = {
	'.html': 'text/html; charset=utf-8',
	'.css': 'text/css; charset=utf-8',
	'.js': 'text/javascript; charset=utf-8',
	'.svg': 'image/svg+xml',
};
const HEADERS = {
	'content-security-policy':
		"default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; " +
		"frame-ancestors 'none'; img-src 'self' data:",
	'x-content-type-options': 'nosniff',
	'x-frame-options': 'DENY',
	'referrer-policy': 'no-referrer',
	'cross-origin-opener-policy': 'same-origin',
	'cross-origin-resource-policy': 'same-origin',
};

/** A stand of the page: `show` sends a state, `down` cuts everybody off, `up` answers again. */
export async function stand(first) {
	let state = first;
	let answers = true;
	const listeners = new Set();
	const say = (response) => response.write(`event: state\ndata: ${JSON.stringify(state)}\n\n`);

	const server = createServer(async (request, response) => {
		const path = new URL(request.url, 'http://stand').pathname;
		const end = (status, type, body) => {
			response.writeHead(status, { ...HEADERS, 'content-type': type });
			response.end(body);
		};
		if (path === '/live/state') {
			if (!answers) return end(503, 'application/problem+json', '{}');
			return end(200, 'application/json', JSON.stringify(state));
		}
		if (path === '/live/events') {
			if (!answers) return end(503, 'application/problem+json', '{}');
			response.writeHead(200, {
				...HEADERS,
				'content-type': 'text/event-stream',
				'cache-control': 'no-store',
			});
			response.write(': here\n\n');
			listeners.add(response);
			response.on('close', () => listeners.delete(response));
			return say(response);
		}
		const name = path === '/live' || path === '/live/' ? 'index.html' : path.replace('/live/', '');
		if (!/^[a-z.-]+$/.test(name)) return end(404, 'text/plain', 'there is no such page');
		try {
			end(200, TYPES[extname(name)], await readFile(join(PAGE, name)));
		} catch {
			end(404, 'text/plain', 'there is no such page');
		}
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	return {
		url: `http://127.0.0.1:${server.address().port}/live`,
		show(next) {
			state = next;
			for (const response of listeners) say(response);
		},
		down() {
			answers = false;
			for (const response of listeners) response.destroy();
		},
		up() {
			answers = true;
		},
		close() {
			for (const response of listeners) response.destroy();
			server.closeAllConnections();
			return new Promise((resolve) => server.close(resolve));
		},
	};
}
