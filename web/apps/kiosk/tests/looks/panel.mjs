// A panel to look at: Debian's Chromium in the size of a kiosk, and what holds on every screen.

import assert from 'node:assert/strict';
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
	'--disable-sync',
	'--disable-extensions',
	'--metrics-recording-only',
	'--no-first-run',
	'--font-render-hinting=none',
	'--force-color-profile=srgb',
];
const PATIENCE_MS = 10_000;
const SHOTS = process.env.YUFU_ARTIFACTS;
/** The smallest target in pixels of the drawings: 24 mm on a panel of 21.5 inches. */
const TARGET = 96;
const TARGET_ELDER = 132;
/** Contrast of every text with what it stands on. */
const CONTRAST = 4.5;

export const open = () => chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS });

export async function panel(browser, place, { width = 1080, height = 1920 } = {}) {
	const context = await browser.newContext({
		viewport: { width, height },
		reducedMotion: 'reduce',
		hasTouch: true,
		locale: 'zh-CN',
		timezoneId: 'Asia/Shanghai',
	});
	const page = await context.newPage();
	page.setDefaultTimeout(PATIENCE_MS);
	const faults = [];
	page.on('request', (request) => {
		const asked = new URL(request.url());
		if (asked.origin !== place.origin && asked.protocol !== 'data:') {
			faults.push(`a foreign origin was asked: ${request.url()}`);
		}
	});
	page.on('console', (message) => {
		if (!['error', 'warning'].includes(message.type())) return;
		if (!message.location().url.includes('/no-')) faults.push(`console: ${message.text()}`);
	});
	page.on('pageerror', (error) => faults.push(`script: ${error.stack ?? error}`));
	return { page, faults, width, height, close: () => context.close() };
}

/** Opens the page and waits until it shows what the stand says. */
export async function look(seen, place) {
	await seen.page.goto(place.page);
	await seen.page.waitForFunction(() => document.querySelector('.k-main, .k-attract, .k-dark'));
	await seen.page.evaluate(() => document.fonts.ready);
	await seen.page.waitForFunction(() => [...document.images].every((image) => image.complete));
}

/** A picture into the folder of YUFU_ARTIFACTS, if one is named. */
export async function picture({ page }, folder, name) {
	if (!SHOTS) return;
	await mkdir(join(SHOTS, folder), { recursive: true });
	await page.screenshot({ path: join(SHOTS, folder, `${name}.png`) });
}

/** What holds for every screen, whatever it says. */
export async function holds({ page, faults, height }, name) {
	const found = await page.evaluate(judge, { TARGET, TARGET_ELDER, CONTRAST });
	const upright = height === 1920;
	const low = await page.evaluate(() => document.documentElement.hasAttribute('data-low'));
	const from = !upright ? 0 : low ? height / 2 : height / 3;
	const high = found.buttons
		.filter(({ top, whole }) => !whole && top < from - 1)
		.map(({ text, top }) => `${text} at ${Math.round(top)}`);
	assert.deepEqual(found.outside, [], `${name}: outside the panel`);
	assert.deepEqual(found.cut, [], `${name}: cut or overlapping`);
	assert.deepEqual(found.small, [], `${name}: too small to touch`);
	assert.deepEqual(high, [], `${name}: too high to reach`);
	assert.deepEqual(found.pale, [], `${name}: too little contrast`);
	assert.deepEqual(found.odd, [], `${name}: a value nobody wrote`);
	assert.deepEqual(found.unnamed, [], `${name}: buttons without a name`);
	assert.deepEqual(faults, [], `${name}: ${faults.join('\n')}`);
}

/** Runs in the page. */
function judge({ TARGET, TARGET_ELDER, CONTRAST }) {
	const shown = (element) => element.checkVisibility?.() ?? element.offsetParent !== null;
	const named = (element) =>
		`${element.className} “${(element.textContent || element.getAttribute('aria-label') || '').trim().slice(0, 40)}”`;
	const all = [...document.querySelectorAll('#app *')].filter(
		(element) => element instanceof HTMLElement && shown(element),
	);
	const texts = all.filter((element) =>
		[...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()),
	);
	const outside = [...texts, ...document.querySelectorAll('button, .k-card, img')]
		.filter((element) => {
			const { left, top, right, bottom, width } = element.getBoundingClientRect();
			if (width === 0) return false;
			return left < -0.5 || top < -0.5 || right > innerWidth + 0.5 || bottom > innerHeight + 0.5;
		})
		.map(named);
	const cut = all
		.filter((element) => {
			const style = getComputedStyle(element);
			const bounded = style.overflow !== 'visible' || element.matches('.k-info, .k-act, .k-main, .k-head, .k-foot');
			// Chinese letters stand out of a tight line a little; a line too many is more than that.
			const spare = Math.max(2, 0.3 * Number.parseFloat(style.fontSize));
			const over =
				element.scrollHeight > element.clientHeight + spare ||
				element.scrollWidth > element.clientWidth + spare;
			return bounded && over && element.clientWidth > 0 && !element.matches('.k-notice');
		})
		.map((element) => `${named(element)} ${element.scrollHeight}>${element.clientHeight} ${element.scrollWidth}>${element.clientWidth}`);
	const boxes = [...document.querySelectorAll('.k-info > *, .k-act > *, .k-foot, .k-head')].filter(shown);
	for (const [at, one] of boxes.entries()) {
		for (const other of boxes.slice(at + 1)) {
			const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
			const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
			const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
			if (across > 1 && down > 1) cut.push(`${named(one)} lies on ${named(other)} by ${Math.round(down)}`);
		}
	}
	const elder = document.documentElement.hasAttribute('data-elder');
	const scale = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 10;
	const asked = (elder ? TARGET_ELDER : TARGET) * scale - 0.5;
	const every = [...document.querySelectorAll('button')].filter(shown);
	const buttons = every.map((element) => {
		const { top, width, height } = element.getBoundingClientRect();
		const whole = element.matches('.k-attract, .k-dark');
		return { top, width, height, whole, text: named(element) };
	});
	const small = buttons
		.filter(({ width, height }) => Math.min(width, height) < asked)
		.map(({ text, width, height }) => `${text} ${Math.round(width)}×${Math.round(height)}`);
	const parts = (colour) => {
		const [r, g, b, a = '1'] = colour.match(/[\d.]+/g) ?? [];
		return { r: +r, g: +g, b: +b, a: +a };
	};
	const light = ({ r, g, b }) => {
		const [x, y, z] = [r, g, b].map((value) => {
			const part = value / 255;
			return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
		});
		return 0.2126 * x + 0.7152 * y + 0.0722 * z;
	};
	const ground = (element) => {
		for (let up = element; up; up = up.parentElement) {
			const colour = parts(getComputedStyle(up).backgroundColor);
			if (colour.a > 0.5) return colour;
		}
		return { r: 255, g: 255, b: 255 };
	};
	const pale = texts
		.filter((element) => !element.closest('[disabled], .k-attract, .k-demo'))
		.map((element) => {
			const [a, b] = [light(parts(getComputedStyle(element).color)), light(ground(element))];
			return [element, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
		})
		.filter(([, ratio]) => ratio < CONTRAST)
		.map(([element, ratio]) => `${named(element)} ${ratio.toFixed(2)}`);
	const odd = document.body.innerText.match(/\b(undefined|null|NaN|false|true|Invalid Date)\b|\{\w+\}/g) ?? [];
	const unnamed = every
		.filter((button) => !(button.textContent.trim() || button.getAttribute('aria-label')))
		.map(named);
	return { outside, cut, small, buttons, pale, odd, unnamed };
}
