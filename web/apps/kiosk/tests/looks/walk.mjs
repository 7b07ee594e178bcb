// What the page does under a finger: it wakes, it tells what was touched once, it is not fooled by a
// screen that changes, it says when nobody answers, and it remembers nothing.
//
//   node walk.mjs           all of them
//   node walk.mjs advert    those whose name has that in it

import assert from 'node:assert/strict';
import { holds, look, open, panel, picture } from './panel.mjs';
import { sample, stand } from './stand.mjs';

/** The page's clock stands still; it goes on only by `pass`. */
const STARTS = '2026-11-20T06:32:08Z';
const STANDS = '2026-11-20T06:32:10Z';
/** So long a screen has to stand before it hears a touch. */
const SETTLE_MS = 250;
/** Between two beats. */
const BEAT_MS = 1_000;
const TOLD = { zh: '已告诉终端', en: 'told' };

const pass = ({ page }, ms) => page.clock.runFor(ms);
/** A frame, and then as long as a screen has to stand. */
async function settle(seen) {
	await pass(seen, 20);
	await pass(seen, SETTLE_MS);
}
/** The page as the stand has it, at rest: from now on only the test moves its clock. */
async function begin(seen, place) {
	await seen.page.clock.install({ time: STARTS });
	await look(seen, place);
	await seen.page.clock.pauseAt(STANDS);
	await settle(seen);
}
/** One more beat, answered and drawn: what the page has asked before has come as well. */
async function beat(seen, place) {
	const { reply, view } = place;
	const mark = String(place.beats.length);
	place.reply = (one, now) => ({ ...reply(one, now), head: { ...now.head, number: mark } });
	const count = place.beats.length;
	await pass(seen, BEAT_MS);
	await place.until(() => place.beats.length > count, 'a beat');
	if (view.screen.screen !== 'attract') await seen.page.waitForSelector(`.k-help:has-text("${mark}")`);
	place.reply = reply;
}
/** So many intents have come, and no more. */
async function told(place, ...wanted) {
	await place.until(() => place.intents.length >= wanted.length, `intent ${wanted.length}`);
	assert.deepEqual(place.intents, wanted);
}

const WALKS = {
	async 'the first touch on an advert wakes and presses nothing that appears under it'(seen, place) {
		await place.show('attract-image');
		const home = await sample('home');
		place.answer = (intent, view) => (intent.intent === 'wake' ? home : view);
		await begin(seen, place);
		await seen.page.touchscreen.tap(300, 1300);
		await seen.page.waitForSelector('.k-tile');
		await settle(seen);
		await beat(seen, place);
		await told(place, { intent: 'wake' });
		await seen.page.touchscreen.tap(300, 1300);
		await told(place, { intent: 'wake' }, { intent: 'start', errand: 'top_up' });
	},

	async 'a touch on a screen that has only just come is not heard'(seen, place) {
		await place.show('home');
		const identify = await sample('identify');
		place.answer = (intent, view) => (intent.intent === 'start' ? identify : view);
		await begin(seen, place);
		const start = { intent: 'start', errand: 'top_up' };
		await seen.page.click('.k-tile >> nth=0');
		await seen.page.waitForSelector('.k-way');
		// What the first touch has brought is touched the moment it is there, and a moment too early.
		await seen.page.click('.k-way >> nth=0');
		await pass(seen, 20);
		await pass(seen, SETTLE_MS - 50);
		await seen.page.click('.k-way >> nth=1');
		await pass(seen, 50);
		await beat(seen, place);
		await told(place, start);
		await seen.page.click('.k-way >> nth=2');
		await told(place, start, { intent: 'look_up_by', way: 'phone' });
	},

	async 'digits are typed in groups, taken back, and sent as they are'(seen, place) {
		await place.show('number-order');
		await begin(seen, place);
		const key = (name) => seen.page.click(`.k-key:text-is("${name}")`);
		for (const digit of '26112014243101889') await key(digit);
		await seen.page.click('.k-key[aria-label="删一位"]');
		await key('7');
		await picture(seen, 'walk', 'number-typed');
		assert.equal(
			(await seen.page.innerText('.k-typed-row')).replace(/\s+/g, ''),
			'YF2611201424310187',
		);
		await seen.page.click('.k-act > .k-btn-pri');
		await told(place, { intent: 'typed', text: 'YF2611201424310187' });
	},

	async 'an amount of one’s own is sent in fen, and one out of range is not'(seen, place) {
		await place.show('amount');
		await begin(seen, place);
		assert.equal(await seen.page.locator('.k-amount.picked').count(), 0, 'nothing is chosen before');
		assert.equal(await seen.page.locator('.k-wallets .k-btn:not([disabled])').count(), 0);
		await seen.page.click('.k-amount-other');
		const key = (name) => seen.page.click(`.k-key:text-is("${name}")`);
		for (const digit of '9999') await key(digit);
		assert.equal(await seen.page.locator('.k-act .k-btn-pri[disabled]').count(), 1);
		for (let n = 0; n < 4; n += 1) await seen.page.click('.k-key[aria-label="删一位"]');
		for (const digit of ['2', '5', '.', '6', '4']) await key(digit);
		await picture(seen, 'walk', 'amount-typed');
		await seen.page.click('.k-act .k-btn-pri');
		await told(place, { intent: 'amount', fen: 2564 });
	},

	async 'pages of a list turn and do not scroll'(seen, place) {
		await place.show('rooms-flats');
		await begin(seen, place);
		const first = await seen.page.locator('.k-node').first().boundingBox();
		for (let n = 0; n < 2; n += 1) await seen.page.click('.k-pager .k-btn >> nth=1');
		await seen.page.click('.k-node span:text-is("1104")');
		await told(place, { intent: 'choose', id: 'n43' });
		assert.deepEqual(await seen.page.locator('.k-node').first().boundingBox(), first, 'it moved');
	},

	async 'while a card is written there is nothing to touch'(seen, place) {
		await place.show('card-writing');
		await look(seen, place);
		const alive = await seen.page.locator('button:not([disabled])').count();
		assert.equal(alive, 0);
	},

	async 'every beat says what stands there, and a film that cannot be shown is told once'(seen, place) {
		await place.show('home');
		await begin(seen, place);
		await beat(seen, place);
		const said = place.beats.at(-1);
		assert.deepEqual(Object.keys(said).sort(), [
			'last_input_ms',
			'play_ended',
			'plays',
			'screen',
			'seq',
			'shown_content',
		]);
		assert.equal(said.screen, 'home');
		assert.equal(said.seq, 7);
		assert.equal(said.shown_content, 12);
		assert.ok(said.plays.includes('webm'), `plays ${said.plays}`);
		await place.show('attract-video');
		// The answer to the beat that tells the end can be seen: the page has taken it in.
		place.reply = (one, view) =>
			one.play_ended === null ? view : { ...view, screen: { ...view.screen, title: TOLD } };
		await pass(seen, BEAT_MS);
		await seen.page.waitForSelector(`.k-attract:has-text("${TOLD.zh}")`);
		for (let n = 0; n < 2; n += 1) await beat(seen, place);
		assert.deepEqual(place.beats.map((one) => one.play_ended).filter((play) => play !== null), [41]);
		assert.equal(place.beats.at(-1).shown_content, null);
	},

	async 'a film plays without sound to its end, in the same element as the one before'(seen, place) {
		const film = (play) => (view) => ({
			...view,
			screen: { ...view.screen, url: `${place.page}film`, play },
		});
		const ended = (play) =>
			place.until(({ beats }) => beats.some((one) => one.play_ended === play), `the end of ${play}`);
		await place.show('attract-video', film(7));
		await begin(seen, place);
		const element = await seen.page.waitForSelector('video');
		await ended(7);
		assert.equal(await element.evaluate((video) => video.muted && video.currentTime > 0), true);
		await place.show('attract-video', film(8));
		await pass(seen, BEAT_MS);
		await ended(8);
		assert.equal(await element.evaluate((video) => video.isConnected), true);
		assert.equal(await seen.page.locator('video').count(), 1);
	},

	async 'a page nobody answers says so, and comes back by itself'(seen, place) {
		await place.show('home');
		await begin(seen, place);
		let answer;
		place.hold = new Promise((done) => (answer = done));
		// The few beats that are out together, and as many again as make it silent.
		await pass(seen, 10 * BEAT_MS);
		await seen.page.waitForSelector('.k-demo:text("正在恢复")');
		answer();
		place.hold = null;
		await pass(seen, BEAT_MS);
		await seen.page.waitForSelector('.k-demo', { state: 'detached' });
	},

	async 'pictures take turns with the words, one that is missing has none, and nothing moves'(seen, place) {
		const base = Date.parse('2026-11-20T06:32:00Z');
		/** After so many seconds of a round of 10 for the words, 15 and 15, this stands there. */
		const turns = [
			[0, 'words'],
			[9, 'words'],
			[10, 'a7'],
			[24, 'a7'],
			[25, 'b8'],
			[39, 'b8'],
			[40, 'words'],
		];
		const stands = async () => {
			const boxes = [];
			for (const part of ['.k-notice', '.k-tile', '.k-logo']) {
				boxes.push(await seen.page.locator(part).first().boundingBox());
			}
			return boxes;
		};
		await place.show('home');
		await begin(seen, place);
		const before = await stands();
		const missing = { url: `${place.page}no-picture`, title: { zh: '没有', en: '' }, seconds: 5 };
		await place.show('home-pictures', (view) => {
			view.head.logo = `${place.page}no-logo`;
			view.screen.pictures = [missing];
			return view;
		});
		await beat(seen, place);
		await seen.page.waitForSelector('svg.k-logo');
		assert.equal(await seen.page.locator('.k-notice figure:not(.gone), .k-dots').count(), 0);
		assert.deepEqual(await stands(), before, 'without its files it moved');
		await place.show('home-pictures', (view) => {
			view.screen.pictures.splice(1, 0, missing);
			return view;
		});
		await beat(seen, place);
		await seen.page.waitForSelector('img.k-logo');
		await seen.page.waitForFunction(() => document.querySelectorAll('.k-dots i').length === 3);
		for (const [second, wanted] of turns) {
			// A round is 40 s, and the time of the sample is not the beginning of one.
			const now = base - (base % 40_000) + second * 1_000;
			place.view = { ...place.view, now: new Date(now).toISOString() };
			await beat(seen, place);
			const shown = await seen.page.evaluate(
				() => document.querySelector('.k-notice figure:not(.gone) img')?.getAttribute('src') ?? 'words',
			);
			assert.match(shown, new RegExp(wanted), `after ${second} s`);
			assert.deepEqual(await stands(), before, `it moved after ${second} s`);
			await picture(seen, 'walk', `home-${second}-s`);
			await holds({ ...seen, faults: [] }, `home after ${second} s`);
		}
	},

	async 'what belongs to a person is painted over for a picture that leaves the kiosk'(seen, place) {
		await place.show('account');
		await look(seen, place);
		await seen.page.evaluate(() => document.documentElement.setAttribute('data-masked', ''));
		await picture(seen, 'walk', 'account-masked');
		const open = await seen.page.evaluate(() =>
			[...document.querySelectorAll('#app *')]
				.filter((element) => /王\*芳|0602|12\.40|2268/.test(element.textContent) && !element.children.length)
				.filter((element) => getComputedStyle(element).color !== 'rgba(0, 0, 0, 0)')
				.map((element) => element.className),
		);
		assert.deepEqual(open, []);
		// Whoever has the code of a receipt can read it.
		for (const name of ['result-printed', 'trouble-order', 'pay']) {
			await place.show(name);
			await look(seen, place);
			await seen.page.evaluate(() => document.documentElement.setAttribute('data-masked', ''));
			const codes = await seen.page.evaluate(() =>
				[...document.querySelectorAll('.k-qr')].map((code) => getComputedStyle(code).visibility),
			);
			assert.deepEqual(codes, ['hidden'], name);
		}
	},
};

const [wanted = ''] = process.argv.slice(2);
const browser = await open();
let wrong = 0;
for (const [name, walk] of Object.entries(WALKS)) {
	if (!name.includes(wanted)) continue;
	const place = await stand();
	const seen = await panel(browser, place);
	try {
		await walk(seen, place);
		assert.deepEqual(seen.faults, []);
		console.log(`ok ${name}`);
	} catch (fault) {
		wrong += 1;
		console.error(`not ok ${name}\n  ${fault.stack}`);
	}
	await seen.close();
	await place.close();
}
await browser.close();
process.exitCode = wrong ? 1 : 0;
