// The kiosk's real window, driven through WebKit's own driver: one session is one run of the
// program. Only what the protocol's own document names is used (W3C WebDriver, 2018).

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** How long something may take to be seen, in milliseconds. */
const PATIENCE_MS = 20_000;
/** Between two looks, in milliseconds. */
const LOOK_MS = 50;

const nap = (ms) => new Promise((ready) => setTimeout(ready, ms));

/** Asks again until there is an answer. */
export async function until(what, ask, patience = PATIENCE_MS) {
	const end = performance.now() + patience;
	for (;;) {
		const answer = await ask();
		if (answer) return answer;
		if (performance.now() > end) throw new Error(`waited ${patience} ms for ${what}`);
		await nap(LOOK_MS);
	}
}

async function freePort() {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address();
	server.close();
	await once(server, 'close');
	return port;
}

/** Starts the driver, which starts the program once for each session. */
export async function driver(env) {
	const port = await freePort();
	const child = spawn('WebKitWebDriver', ['--host=127.0.0.1', `--port=${port}`], {
		env: { ...env, TAURI_WEBVIEW_AUTOMATION: 'true' },
		stdio: ['ignore', 'ignore', 'inherit'],
	});
	child.on('error', () => console.error('WebKitWebDriver is missing: scripts/prepare test'));
	const base = `http://127.0.0.1:${port}`;
	await until('WebKitWebDriver', async () => {
		const answer = await fetch(`${base}/status`).catch(() => null);
		return answer?.ok;
	});
	return { base, end: () => child.kill() };
}

/** One run of the program with its page. */
export class Page {
	/** `touch` presses a point of the panel. */
	constructor(base, id, touch) {
		this.base = `${base}/session/${id}`;
		this.touch = touch;
	}

	static async open({ base }, touch, binary, args = []) {
		// Without a browser's name: the program's own would have to match.
		const always = { 'webkitgtk:browserOptions': { binary, args } };
		const { sessionId } = await send('POST', `${base}/session`, {
			capabilities: { alwaysMatch: always },
		});
		return new Page(base, sessionId, touch);
	}

	/** Runs a script in the page; `arguments` as in the protocol. */
	run(script, ...args) {
		return send('POST', `${this.base}/execute/sync`, { script, args });
	}

	/** What can be read on the screen. */
	text() {
		return this.run('return document.body.innerText');
	}

	/** Waits until all of these can be read. */
	async says(...texts) {
		let seen = '';
		try {
			await until(texts.join(' & '), async () => {
				seen = await this.text();
				return texts.every((text) => (text instanceof RegExp ? text.test(seen) : seen.includes(text)));
			}, this.patience ?? PATIENCE_MS);
		} catch (fault) {
			throw new Error(`${fault.message}; the screen says: ${seen.replace(/\s+/g, ' ')}`);
		}
		return seen;
	}

	/** Waits longer from now on. */
	within(ms) {
		this.patience = ms;
		return this;
	}

	/** Where the first element stands that can be touched and whose words fit: its middle. */
	find(words, selector = 'button, [role=button]') {
		const script = `const [selector, words, pattern] = arguments;
			const fits = pattern ? (t) => new RegExp(words).test(t) : (t) => t.includes(words);
			const found = [...document.querySelectorAll(selector)].find((one) =>
				!one.disabled && one.getClientRects().length &&
				fits((one.getAttribute('aria-label') ?? '') + ' ' + one.innerText));
			if (!found) return null;
			const { x, y, width, height } = found.getBoundingClientRect();
			return [Math.round(x + width / 2), Math.round(y + height / 2)];`;
		const pattern = words instanceof RegExp;
		return this.run(script, selector, pattern ? words.source : words, pattern);
	}

	/** Touches it where it is on the panel, by the display's own pointer: the driver's pointer is now
	 * and then still where it was before. */
	async press(words, selector) {
		const found = () => this.find(words, selector);
		await until(`a button ${words}`, found, this.patience ?? PATIENCE_MS);
		await this.settled();
		const [x, y] = await until(`a button ${words}`, found, this.patience ?? PATIENCE_MS);
		await this.touch(x, y);
	}

	/** A touch counts only where the screen has stood for a moment: waits for that. */
	async settled() {
		let before = '';
		for (let alike = 0; alike < 7; ) {
			const now = await this.run('return document.querySelector("main")?.className + "|" + document.querySelector("h1")?.innerText');
			alike = now === before ? alike + 1 : 0;
			before = now;
			await nap(LOOK_MS);
		}
	}

	/** Types digits on the page's own pad. */
	async type(digits) {
		for (const digit of digits) {
			await this.press(new RegExp(`^\\s*${digit}\\s*$`), '.k-key');
		}
	}

	/** Ends the program. */
	close() {
		return send('DELETE', this.base);
	}
}

async function send(method, url, body) {
	const answer = await fetch(url, {
		method,
		headers: { 'content-type': 'application/json' },
		body: body && JSON.stringify(body),
	});
	const { value } = await answer.json();
	if (!answer.ok) throw new Error(`${value?.error}: ${value?.message}`);
	return value;
}
