// Debian's Chromium as a phone, with everything off that would speak to anybody but the stand.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { NOW } from './fixture.mjs';

const EXECUTABLE = process.env.YUFU_TEST_BROWSER || '/usr/bin/chromium';
const ARGUMENTS = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-dev-shm-usage',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-domain-reliability',
	'--disable-sync',
	'--disable-default-apps',
	'--disable-extensions',
	'--disable-client-side-phishing-detection',
	'--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication',
	'--metrics-recording-only',
	'--no-first-run',
	'--no-pings',
	'--font-render-hinting=none',
	'--force-color-profile=srgb',
];
/** How long a page may take to show what is asked of it, in milliseconds. */
export const PATIENCE_MS = 10_000;
const SHOTS = process.env.YUFU_ARTIFACTS;

export const open = () => chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS });

/** A phone: what it kept, how it looks, and whatever its pages did that they must not do. */
export async function phone(browser, place, options = {}) {
	const { width = 375, height = 812, dark = false, look, signedIn = true, agent } = options;
	const context = await browser.newContext({
		viewport: { width, height },
		colorScheme: dark ? 'dark' : 'light',
		reducedMotion: 'reduce',
		deviceScaleFactor: 2,
		hasTouch: true,
		isMobile: true,
		locale: 'zh-CN',
		timezoneId: options.timezone ?? 'Asia/Shanghai',
		userAgent: agent,
	});
	const kept = {};
	if (look) kept['yf.look'] = JSON.stringify({ language: 'zh-CN', elder: false, theme: 'system', ...look });
	if (signedIn) {
		const { access_token, refresh_token } = place.signIn();
		const tokens = { access: access_token, refresh: refresh_token, until: NOW + 590_000 };
		kept['yf.session'] = JSON.stringify(tokens);
	}
	await context.addInitScript((values) => {
		if (location.protocol === 'about:' || localStorage.getItem('set')) return;
		localStorage.setItem('set', '1');
		for (const [name, value] of Object.entries(values)) localStorage.setItem(name, value);
	}, kept);
	const faults = [];
	const excused = [];
	const watch = async (page) => {
		page.setDefaultTimeout(PATIENCE_MS);
		await page.clock.setFixedTime(NOW);
		page.on('request', (request) => {
			const asked = new URL(request.url());
			const inside = asked.origin === place.origin || ['data:', 'blob:'].includes(asked.protocol);
			if (!inside) faults.push(`a foreign origin was asked: ${request.url()}`);
		});
		page.on('console', (message) => {
			if (!['error', 'warning'].includes(message.type())) return;
			const text = `${message.text()} ${message.location().url}`;
			if (!excused.some((pattern) => pattern.test(text))) faults.push(`console: ${text}`);
		});
		page.on('pageerror', (error) => faults.push(`script: ${error.stack ?? error}`));
		return page;
	};
	const page = await watch(await context.newPage());
	return {
		page,
		context,
		faults,
		tab: async () => watch(await context.newPage()),
		go: (path) => page.goto(`${place.origin}/m/#/pages/${path}`),
		excuse: (pattern) => excused.push(pattern),
		close: () => context.close(),
	};
}

/** A picture into the folder of YUFU_ARTIFACTS, if one is named. */
export async function picture(page, name) {
	if (!SHOTS) return;
	await mkdir(SHOTS, { recursive: true });
	// The window grows to its page, so that what is fixed at the foot stands at the foot.
	const { width, height } = page.viewportSize();
	const whole = await page.evaluate(() => document.documentElement.scrollHeight);
	await page.setViewportSize({ width, height: Math.max(height, whole) });
	await page.screenshot({ path: join(SHOTS, `${name}.png`) });
	await page.setViewportSize({ width, height });
}

/** What holds for every look, whatever the page. */
export async function holds({ page, faults }, name) {
	const wide = await page.evaluate(() => {
		const shown = (element) => element.className !== 'yf-heard' && element.offsetParent !== null;
		return [...document.querySelectorAll('#app *')]
			.filter((element) => element instanceof HTMLElement && shown(element))
			.filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
			.map((element) => `${element.tagName} ${element.className} ${element.textContent?.slice(0, 40)}`);
	});
	assert.deepEqual(wide, [], `${name}: something is wider than the window`);
	assert.ok(
		await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
		`${name}: the page scrolls sideways`,
	);
	const odd = await page.evaluate(() =>
		document.body.innerText.match(/\b(undefined|null|NaN|false|true|Invalid Date)\b|\{\w+\}/g),
	);
	assert.equal(odd, null, `${name}: a value nobody wrote stands on the page`);
	const targets = await page.evaluate(() => {
		const asked = document.querySelector('.yf-elder') ? 60 : 44;
		return [...document.querySelectorAll('button, input, [role=button], uni-picker')]
			.filter((element) => element.offsetParent !== null || element.closest('.yf-tabs, .yf-sheet, .yf-foot'))
			.map((element) => [element.closest('.yf-field-box') ?? element, element])
			.filter(([box]) => {
				const { width, height } = box.getBoundingClientRect();
				// Tabs, steps beside a figure and the way back are not among the main parts.
				const minor = box.closest('.yf-nav, .yf-tabs, .yf-picked, .yf-period');
				return Math.min(height, width) < (minor ? 44 : asked) - 0.5;
			})
			.map(([box, element]) => {
				const { width, height } = box.getBoundingClientRect();
				return `${Math.round(width)}×${Math.round(height)} ${element.textContent || element.className}`;
			});
	});
	assert.deepEqual(targets, [], `${name}: too small to tap`);
	const bare = await page.evaluate(() => {
		const named = (element) => element.textContent.trim() || element.getAttribute('aria-label');
		return [...document.querySelectorAll('button')].filter((button) => !named(button)).length;
	});
	assert.equal(bare, 0, `${name}: ${bare} buttons have no name`);
	assert.deepEqual(faults, [], `${name}: ${faults.join('\n')}`);
}

/** Waits for a text on the page. */
export const says = (page, text) => page.getByText(text).first().waitFor();
