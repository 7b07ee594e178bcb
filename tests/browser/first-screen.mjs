// How long the tenant's first screen takes on a throttled line, against a running demo: the sign-in
// page from the address behind the QR, and home with its balance. Prints lines of the table in
// docs/performance.md. Measures; tests nothing.
//
//   node first-screen.mjs PAGE CODE PROVIDER [ROUNDS]
//
// PAGE is the address behind the QR, CODE the printed code, PROVIDER the simulated providers.

import assert from 'node:assert/strict';
import { open } from './browser.mjs';

const [page_url, code, provider, wanted] = process.argv.slice(2);
assert.ok(page_url && code && provider, 'usage: node first-screen.mjs PAGE CODE PROVIDER [ROUNDS]');
const origin = new URL(page_url).origin;
const api = `${origin}/api/mini/v1`;

/** Visits of each kind. */
const rounds = Number(wanted || 5);
/** The goal, in milliseconds. */
const GOAL_MS = 1_500;
/** How long one screen may take before the round is given up, in milliseconds. */
const ROUND_MS_MAX = 30_000;
/** How often a code is looked for in the texts, and how long between two looks, in milliseconds. */
const LOOKS_MAX = 50;
const LOOK_EVERY_MS = 100;

/** Bytes a second of so many Mbit/s, as Chromium's own tools reckon them: nine tenths arrive. */
const mbit = (rate) => (rate * 1_000_000 * 0.9) / 8;

/**
 * Chromium's DevTools and Lighthouse call these so. The latency stands before each answer: 2.75
 * round trips of 60 ms, 3.75 of 150 ms, which is what a fresh connection costs.
 */
const LINES = {
	'Fast 4G (9 Mbit/s, 165 ms)': { downloadThroughput: mbit(9), uploadThroughput: mbit(1.5), latency: 165 },
	'Slow 4G (1.6 Mbit/s, 562.5 ms)': { downloadThroughput: mbit(1.6), uploadThroughput: mbit(0.75), latency: 562.5 },
};

/** Which line, how much slower the processor, what is wanted. */
const CASES = [
	['Fast 4G (9 Mbit/s, 165 ms)', 1, GOAL_MS],
	['Fast 4G (9 Mbit/s, 165 ms)', 4, GOAL_MS],
	['Slow 4G (1.6 Mbit/s, 562.5 ms)', 4, null],
];

async function call(path, body, token) {
	const headers = { 'content-type': 'application/json' };
	if (token) headers.authorization = `Bearer ${token}`;
	const answer = await fetch(`${api}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
	assert.ok(answer.ok, `${path}: ${answer.status}`);
	return answer.json();
}

/** The code of the newest text to a number. */
async function texted(phone) {
	for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
		const answer = await fetch(`${provider}/control/sms?phone=${phone}`);
		const newest = (await answer.json()).at(-1);
		if (newest) return newest.params.code;
		await new Promise((ready) => setTimeout(ready, LOOK_EVERY_MS));
	}
	throw new Error(`no text came to ${phone}`);
}

/** Somebody who is signed in and has a home, as their browser keeps it. */
async function tenant() {
	const phone = `139${String(Date.now()).slice(-8)}`;
	const { challenge } = await call('/sms-codes', { phone, purpose: 'sign-in' });
	const session = await call('/session/sms', { challenge, code: await texted(phone) });
	const { access_token, refresh_token, expires_in_s } = session;
	const tag = new URL(page_url).pathname.split('/').pop();
	await call('/homes', { by: 'code', tag, code }, access_token);
	const until = Date.now() + (expires_in_s - 10) * 1_000;
	return JSON.stringify({ access: access_token, refresh: refresh_token, until });
}

/** Notes in the page when an element with this text was painted, counted from the navigation. */
function watch([selector, words]) {
	const pattern = new RegExp(words);
	const seen = () => {
		const found = [...document.querySelectorAll(selector)];
		if (!found.some(({ innerText }) => pattern.test(innerText))) return;
		observer.disconnect();
		// The frame that holds it is painted before the task after it.
		requestAnimationFrame(() => setTimeout(() => window.firstSeen(performance.now())));
	};
	const observer = new MutationObserver(seen);
	observer.observe(document, { childList: true, subtree: true, characterData: true });
}

/** One visit with an empty cache: milliseconds, requests, and bytes over the line. */
async function visit(browser, [url, selector, words, kept], [line, slower]) {
	const context = await browser.newContext({
		viewport: { width: 375, height: 812 },
		deviceScaleFactor: 2,
		isMobile: true,
		hasTouch: true,
		locale: 'zh-CN',
		timezoneId: 'Asia/Shanghai',
	});
	try {
		const page = await context.newPage();
		if (kept) await context.addInitScript((value) => localStorage.setItem('yf.session', value), kept);
		const seen = new Promise((told, gaveUp) => {
			setTimeout(() => gaveUp(new Error(`${url} did not show ${words}`)), ROUND_MS_MAX).unref();
			void page.exposeFunction('firstSeen', told);
		});
		await context.addInitScript(watch, [selector, words]);
		const cdp = await context.newCDPSession(page);
		const count = { requests: 0, bytes: 0 };
		cdp.on('Network.requestWillBeSent', ({ request }) => {
			if (request.url.startsWith('http')) count.requests += 1;
		});
		cdp.on('Network.loadingFinished', ({ encodedDataLength }) => (count.bytes += encodedDataLength));
		await cdp.send('Network.enable');
		await cdp.send('Network.emulateNetworkConditions', { offline: false, ...LINES[line] });
		await cdp.send('Emulation.setCPUThrottlingRate', { rate: slower });
		await page.goto(url, { waitUntil: 'commit' });
		return { ms: await seen, ...count };
	} finally {
		await context.close();
	}
}

/** The value half of the sorted samples do not pass. */
const middle = (samples) => [...samples].sort((a, b) => a - b)[Math.ceil(samples.length / 2) - 1];
const seconds = (ms) => (ms / 1_000).toFixed(2);

const browser = await open();
try {
	const kept = await tenant();
	const screens = [
		['the QR → sign-in', [page_url, 'button', '获取验证码', null]],
		['home with its balance', [`${origin}/m/`, '.yf-hero-sum', '\\d', kept]],
	];
	for (const [name, screen] of screens) {
		for (const [line, slower, goal] of CASES) {
			const visits = [];
			for (let round = 0; round < rounds; round += 1) {
				visits.push(await visit(browser, screen, [line, slower]));
			}
			const times = visits.map(({ ms }) => ms);
			const [p50, most] = [middle(times), Math.max(...times)];
			const { requests, bytes } = visits.at(-1);
			const what = `${name}, cold, ${line}, processor ÷ ${slower}, ${requests} requests, ` +
				`${(bytes / 1024).toFixed(0)} KiB: p50 / max of ${visits.length}`;
			const verdict = goal === null ? '– | –' : `≤ ${seconds(goal)} | ${p50 <= goal ? 'yes' : '**no**'}`;
			console.log(`| H5 | ${what} | ${seconds(p50)} / ${seconds(most)} s | ${verdict} |`);
		}
	}
} finally {
	await browser.close();
}
