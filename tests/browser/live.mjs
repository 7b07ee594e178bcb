// The live page in a real browser.
//
//   node tests/browser/live.mjs            a stand of the page with the fixture's states
//   node tests/browser/live.mjs URL        the page of a running server
//
// Pictures go to the folder named by YUFU_ARTIFACTS. Ends with 1 if anything is amiss.

import assert from 'node:assert/strict';
import { look, open, picture } from './browser.mjs';
import * as fixture from './fixture.mjs';
import { stand } from './stand.mjs';

const drawn = (page) => page.locator('main').waitFor();

/** What holds for every look, whatever the state. */
async function holds({ page, faults }, name) {
	const wide = await page.evaluate(() =>
		document.documentElement.scrollWidth <= innerWidth
			? []
			: [...document.querySelectorAll('body *')]
					.filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
					.map((element) => `${element.tagName} ${element.className} ${element.textContent}`),
	);
	assert.deepEqual(wide, [], `${name}: the page is wider than its window`);
	const odd = await page.evaluate(() =>
		document.body.innerText.match(/\b(undefined|null|NaN|false|true|Invalid Date)\b/g),
	);
	assert.equal(odd, null, `${name}: a value nobody wrote stands on the page`);
	const bare = await page.evaluate(() => {
		const named = (element) => element.textContent.trim() || element.getAttribute('aria-label');
		return [...document.querySelectorAll('button')].filter((button) => !named(button)).length;
	});
	assert.equal(bare, 0, `${name}: ${bare} buttons have no name`);
	assert.deepEqual(faults, [], `${name}: ${faults.join('\n')}`);
}

const LOOKS = [
	['1440', 'demo', { width: 1440 }],
	['1280', 'demo', { width: 1280, height: 800 }],
	['1024', 'demo', { width: 1024, height: 768 }],
	['375', 'demo', { width: 375, height: 812 }],
	['320', 'demo', { width: 320, height: 640 }],
	['dark', 'demo', { dark: true }],
	['dark-375', 'demo', { dark: true, width: 375, height: 812 }],
	['english', 'demo', { lang: 'en' }],
	['english-1280', 'demo', { lang: 'en', width: 1280, height: 800 }],
	['english-375', 'demo', { lang: 'en', width: 375, height: 812 }],
	['empty', 'empty', {}],
	['empty-375', 'empty', { width: 375, height: 812 }],
	['long', 'long', {}],
	['long-1280', 'long', { width: 1280, height: 800 }],
	['long-english', 'long', { lang: 'en' }],
	['long-375', 'long', { width: 375, height: 812 }],
	['restored', 'restored', {}],
	['restored-english-375', 'restored', { lang: 'en', width: 375, height: 812 }],
	['many', 'many', {}],
	['many-dark', 'many', { dark: true }],
	['many-375', 'many', { width: 375, height: 812 }],
];

async function everyLook(browser) {
	for (const [name, state, options] of LOOKS) {
		const place = await stand(fixture[state]());
		const seen = await look(browser, place.url, { now: fixture.NOW, ...options });
		await drawn(seen.page);
		await picture(seen.page, name);
		await picture(seen.page, `${name}-whole`, true);
		await holds(seen, name);
		await seen.close();
		await place.close();
	}
}

const text = (page, selector) => page.locator(selector).first().innerText();

async function theFiguresStandWhereTheyBelong(browser) {
	const place = await stand(fixture.demo());
	const seen = await look(browser, place.url, { now: fixture.NOW, timezone: 'America/Lima' });
	const { page } = seen;
	await drawn(page);
	assert.equal(await text(page, '.amount'), '¥1,915.00');
	assert.equal(await text(page, '.difference'), '比昨天同时刻多 9.9%');
	assert.match(await text(page, '#date'), /11 月 20 日，星期五/);
	assert.match(await text(page, '#money tr.late'), /已充入，未送电[\s\S]*1 分 12 秒/);
	assert.ok(await page.locator('#demo').isVisible(), 'a demo says that it is one');
	assert.ok(await page.locator('#safe').isHidden(), 'nothing is held back');
	place.show(fixture.restored());
	await page.locator('#safe').waitFor();
	assert.match(await text(page, '#safe'), /安全模式：不向表计下发，也不拉闸/);
	// Each figure of the legend is the number of its windows.
	for (const state of ['on', 'off', 'dark', 'waiting', 'offline', 'kept']) {
		const windows = await page.locator(`.field .w-${state}`).count();
		const legend = page.locator(`.windows .legend li:has(.w-${state}:not(.w-dry, .w-lost)) b`);
		assert.equal(await legend.innerText(), String(windows), state);
	}
	const first = page.locator('#topups details').first();
	assert.match(await first.innerText(), /14:34:24[\s\S]*14:34:41[\s\S]*已送电[\s\S]*9\.2 秒/);
	assert.equal(await first.locator('.step.is-done').count(), 6);
	await first.locator('summary').click();
	const told = await first.innerText();
	assert.match(told, /先记下购电次数，再发/);
	assert.match(told, /金额 ¥100\.00 · 渠道 微信支付 · 单价 ¥0\.588/);
	assert.match(told, /购电次数 38 · 已发次数 1/);
	const raw = await first.locator('.detail').allInnerTexts();
	const bare = raw.filter((text) => /[a-z]{3}/.test(text));
	assert.deepEqual(bare, [], 'no detail shows a name out of the program');
	await picture(page, 'opened', true);
	await holds(seen, 'figures');
	await seen.close();
	await place.close();
}

async function aWindowSpeaksToPointerAndKeyboard(browser) {
	const place = await stand(fixture.demo());
	const seen = await look(browser, place.url, { now: fixture.NOW });
	const { page } = seen;
	await drawn(page);
	await page.locator('.field .w-dark').first().hover();
	assert.match(await text(page, '#tip'), /号楼 \d{4}[\s\S]*已付未亮[\s\S]*¥[\s\S]*(?:刚读到|截至)/);
	await picture(page, 'tooltip');
	await page.mouse.move(5, 5);
	await page.locator('#tip').waitFor({ state: 'hidden' });
	await page.locator('#language').focus();
	await page.keyboard.press('Tab');
	const where = () => page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? '');
	const start = await where();
	assert.match(start, /^和园公寓 3 号楼 0601，/, 'one stop for all windows, the first of them');
	assert.ok(await page.locator('#tip').isVisible(), 'the keyboard opens the tooltip too');
	await page.keyboard.press('ArrowRight');
	assert.match(await where(), /3 号楼 0602/);
	await page.keyboard.press('ArrowDown');
	assert.match(await where(), /3 号楼 0502/);
	await picture(page, 'keyboard');
	await page.keyboard.press('Escape');
	await page.locator('#tip').waitFor({ state: 'hidden' });
	await page.keyboard.press('Tab');
	assert.equal(await page.evaluate(() => document.activeElement.tagName), 'SUMMARY');
	await holds(seen, 'keyboard');
	await seen.close();
	await place.close();
}

async function aNewStateChangesFiguresAndNotThePage(browser) {
	const place = await stand(fixture.demo());
	const seen = await look(browser, place.url, { now: fixture.NOW });
	const { page } = seen;
	await drawn(page);
	const places = () =>
		page.evaluate(() =>
			[...document.querySelectorAll('main .card, .field .w')].map((element) => {
				const box = element.getBoundingClientRect();
				return [box.x, box.y + scrollY, box.width, box.height].join(' ');
			}),
		);
	const before = await places();
	await page.locator('.field .w').first().focus();
	await page.locator('#topups summary').nth(1).focus();
	place.show(fixture.later());
	await page.locator('.amount', { hasText: '2,015' }).waitFor();
	assert.equal(await page.locator('.field .w-dark').count(), await darkElsewhere(page));
	assert.deepEqual(await places(), before, 'nothing moves when figures change');
	const held = await page.evaluate(() => document.activeElement.tagName);
	assert.equal(held, 'SUMMARY', 'the keyboard keeps its place');
	await holds(seen, 'change');
	await seen.close();
	await place.close();
}

const darkElsewhere = async (page) =>
	Number(await page.locator('.windows .legend li:has(.w-dark) b').innerText());

async function aCutLineKeepsTheLastStateWithItsAge(browser) {
	const place = await stand(fixture.demo());
	const seen = await look(browser, place.url);
	const { page } = seen;
	seen.excuse(/503|ERR_|Failed to load/);
	await drawn(page);
	place.down();
	await page.locator('#cut').waitFor();
	assert.match(await text(page, '#cut'), /连接断了[\s\S]*14:3\d:\d\d[\s\S]*已过 \d+ 秒[\s\S]*现在重连/);
	assert.ok(await page.locator('.field .w').first().isVisible(), 'what was known stays');
	await picture(page, 'cut');
	await page.setViewportSize({ width: 375, height: 812 });
	await picture(page, 'cut-375');
	place.up();
	await page.locator('#cut button').click();
	await page.locator('#cut').waitFor({ state: 'hidden' });
	await holds(seen, 'cut');
	await seen.close();
	await place.close();
}

async function aServerThatIsDownIsSaidInThreeSentences(browser) {
	const place = await stand(fixture.demo());
	place.down();
	const seen = await look(browser, place.url);
	const { page } = seen;
	seen.excuse(/503|Failed to load/);
	await page.locator('#trouble').waitFor();
	assert.match(await text(page, '#trouble'), /没有连上服务器[\s\S]*钱和电不受影响[\s\S]*再试/);
	await picture(page, 'down');
	place.up();
	await page.locator('#trouble button').click();
	await drawn(page);
	await holds(seen, 'down');
	await seen.close();
	await place.close();
}

/** Before there is a state, the panels stand where they will stand, with a name and without a figure. */
async function beforeTheFirstStateThePanelsStandThereWithoutFigures(browser) {
	const panels = (page, of) =>
		page.locator(`${of} > .card`).evaluateAll((cards) =>
			cards.map((card) => {
				const { left, width, top } = card.getBoundingClientRect();
				return [card.querySelector('h2').firstChild.textContent, left, width, Math.round(top)];
			}),
		);
	for (const [name, options] of [
		['bones', {}],
		['bones-1280-english', { width: 1280, height: 800, lang: 'en' }],
		['bones-dark', { dark: true }],
		['bones-375', { width: 375, height: 812 }],
		['bones-320', { width: 320, height: 640 }],
	]) {
		// The server is down, comes up, and has not worked out a state yet.
		const place = await stand({ now: null });
		place.down();
		const seen = await look(browser, place.url, { now: fixture.NOW, ...options });
		const { page } = seen;
		seen.excuse(/503|Failed to load/);
		await page.locator('#trouble').waitFor();
		assert.equal(await page.locator('.bones').isVisible(), false, 'one thing at a time');
		place.up();
		await page.locator('#trouble button').click();
		await page.locator('.is-waiting .bones i').first().waitFor();
		assert.equal(await page.locator('#trouble').isVisible(), false);
		const text = await page.locator('.first').innerText();
		assert.doesNotMatch(text, /\d|—/, `${name}: no figure before there is one`);
		const before = await panels(page, '.bones');
		await picture(page, name);
		await holds(seen, name);
		place.show(fixture.demo());
		await drawn(page);
		assert.equal(await page.locator('.bones').isVisible(), false);
		// The strip of a demo and the facts in the head come with the state; sideways nothing moves.
		const sideways = (rows) => rows.map(([title, left, width]) => [title, left, width]);
		assert.deepEqual(sideways(await panels(page, 'main')), sideways(before), `${name}: it moved`);
		await seen.close();
		await place.close();
	}
}

async function theLanguageChangesInPlace(browser) {
	const place = await stand(fixture.demo());
	const seen = await look(browser, place.url, { now: fixture.NOW });
	const { page } = seen;
	await drawn(page);
	await page.locator('#language').click();
	assert.match(page.url(), /lang=en/);
	assert.match(await text(page, '#sold'), /Sold today/);
	const han = await page.evaluate(() => {
		const own = document.querySelectorAll('h2, th, .legend, .head .s, .st, .fact, .rail-titles span');
		return [...own].filter((e) => /[\u4e00-\u9fff]/.test(e.textContent)).map((e) => e.textContent);
	});
	assert.deepEqual(han, [], 'no word of ours stays Chinese');
	await page.locator('#language').click();
	assert.match(await text(page, '#sold'), /今天卖出/);
	await holds(seen, 'language');
	await seen.close();
	await place.close();
}

/** A running server: the page draws what it says, in both languages and on a phone. */
async function theServersPage(browser, url) {
	for (const [name, options] of [
		['server', {}],
		['server-320', { width: 320, height: 640 }],
		['server-dark', { dark: true }],
		['server-english', { lang: 'en' }],
		['server-375', { width: 375, height: 812 }],
	]) {
		const seen = await look(browser, url, options);
		await drawn(seen.page);
		const state = await seen.page.evaluate(() => fetch('/live/state').then((a) => a.json()));
		const rooms = state.projects.reduce((sum, project) => sum + project.rooms.length, 0);
		assert.equal(await seen.page.locator('.field .w').count(), rooms, `${name}: a window per room`);
		const open = await seen.page.locator('#topups details').count();
		assert.equal(open, state.orders.length, `${name}: a rail per order`);
		await picture(seen.page, name);
		await picture(seen.page, `${name}-whole`, true);
		await holds(seen, name);
		await seen.close();
	}
}

const STAND = {
	'every look holds on every screen, in both themes and languages': everyLook,
	'the figures stand where they belong, in the time of the site': theFiguresStandWhereTheyBelong,
	'a window speaks to pointer and keyboard': aWindowSpeaksToPointerAndKeyboard,
	'a new state changes figures and not the page': aNewStateChangesFiguresAndNotThePage,
	'a cut line keeps the last state with its age': aCutLineKeepsTheLastStateWithItsAge,
	'a server that is down is said in three sentences': aServerThatIsDownIsSaidInThreeSentences,
	'before the first state the panels stand there without figures':
		beforeTheFirstStateThePanelsStandThereWithoutFigures,
	'the language changes in place': theLanguageChangesInPlace,
};

const [url] = process.argv.slice(2);
const tests = url ? { 'the page of the server holds': (b) => theServersPage(b, url) } : STAND;
const browser = await open();
let failed = 0;
for (const [name, test] of Object.entries(tests)) {
	try {
		await test(browser);
		console.log(`ok      ${name}`);
	} catch (error) {
		failed += 1;
		console.log(`FAILED  ${name}\n${error.stack ?? error}`);
	}
}
await browser.close();
console.log(`${Object.keys(tests).length - failed} passed, ${failed} failed`);
// A failed test leaves its stand open; nothing waits for that.
process.exit(failed ? 1 : 0);
