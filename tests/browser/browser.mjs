// Debian's Chromium with everything off that would speak to anybody but the page's own server.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

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
export const PATIENCE_MS = 15_000;

const SHOTS = process.env.YUFU_ARTIFACTS;

export const open = () => chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS });

/** One look at the page: its context, and whatever it did that it must not do. */
export async function look(browser, url, options = {}) {
	const { width = 1440, height = 900, dark = false, lang, now, still = true, timezone } = options;
	const context = await browser.newContext({
		viewport: { width, height },
		colorScheme: dark ? 'dark' : 'light',
		reducedMotion: still ? 'reduce' : 'no-preference',
		deviceScaleFactor: width < 500 ? 2 : 1,
		locale: 'zh-CN',
		timezoneId: timezone ?? 'UTC',
	});
	const faults = [];
	const excused = [];
	const origin = new URL(url).origin;
	const page = await context.newPage();
	page.setDefaultTimeout(PATIENCE_MS);
	if (now != null) await page.clock.setFixedTime(now);
	page.on('request', (request) => {
		const asked = new URL(request.url());
		const inside = asked.origin === origin || ['data:', 'blob:'].includes(asked.protocol);
		if (!inside) faults.push(`the page asked a foreign origin: ${request.url()}`);
	});
	page.on('console', (message) => {
		if (['error', 'warning'].includes(message.type())) {
			const text = `${message.text()} ${message.location().url}`;
			if (!excused.some((pattern) => pattern.test(text))) faults.push(`console: ${text}`);
		}
	});
	page.on('pageerror', (error) => faults.push(`script: ${error.stack ?? error}`));
	const address = new URL(url);
	if (lang) address.searchParams.set('lang', lang);
	await page.goto(address.href);
	return {
		page,
		faults,
		/** What a line that is cut on purpose makes the browser say. */
		excuse: (pattern) => excused.push(pattern),
		close: () => context.close(),
	};
}

/** A picture into the folder of YUFU_ARTIFACTS, if one is named. */
export async function picture(page, name, fullPage = false) {
	if (!SHOTS) return;
	await mkdir(SHOTS, { recursive: true });
	await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage });
}
