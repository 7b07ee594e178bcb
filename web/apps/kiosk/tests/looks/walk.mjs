// What the page does under a finger: it wakes, it tells what was touched once, it is not fooled by a
// screen that changes, it says when nobody answers, and it remembers nothing.

import assert from 'node:assert/strict';
import { look, open, panel, picture } from './panel.mjs';
import { sample, stand } from './stand.mjs';

/** Longer than a screen has to stand before it hears a touch. */
const SETTLED_MS = 300;

const WALKS = {
	async 'the first touch on an advert wakes and presses nothing that appears under it'(seen, place) {
		await place.show('attract-image');
		const home = await sample('home');
		place.answer = (intent, view) => (intent.intent === 'wake' ? home : view);
		await look(seen, place);
		await seen.page.touchscreen.tap(300, 1300);
		await seen.page.waitForSelector('.k-tile');
		await seen.page.waitForTimeout(SETTLED_MS);
		assert.deepEqual(place.intents, [{ intent: 'wake' }]);
		await seen.page.touchscreen.tap(300, 1300);
		await told(place, 2);
		assert.equal(place.intents[1].intent, 'start');
	},

	async 'a touch on a screen that has only just come is not heard'(seen, place) {
		await place.show('home');
		const identify = await sample('identify');
		place.answer = (intent, view) => (intent.intent === 'start' ? identify : view);
		await look(seen, place);
		await seen.page.waitForTimeout(SETTLED_MS);
		// The second touch falls on what the first has brought, the moment it is there.
		await seen.page.evaluate(() => {
			new MutationObserver((_, watch) => {
				const way = document.querySelector('.k-way');
				if (!way) return;
				watch.disconnect();
				way.dispatchEvent(down());
				way.click();
			}).observe(document.body, { childList: true, subtree: true });
		});
		await seen.page.click('.k-tile >> nth=0');
		await seen.page.waitForSelector('.k-way');
		await seen.page.waitForTimeout(SETTLED_MS);
		assert.deepEqual(place.intents.map(({ intent }) => intent), ['start']);
		await seen.page.click('.k-way >> nth=0');
		await told(place, 2);
		assert.deepEqual(place.intents[1], { intent: 'look_up_by', way: 'meter' });
	},

	async 'digits are typed in groups, taken back, and sent as they are'(seen, place) {
		await place.show('number-order');
		await look(seen, place);
		await seen.page.waitForTimeout(SETTLED_MS);
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
		await told(place, 1);
		assert.deepEqual(place.intents[0], { intent: 'typed', text: 'YF2611201424310187' });
	},

	async 'an amount of one’s own is sent in fen, and one out of range is not'(seen, place) {
		await place.show('amount');
		await look(seen, place);
		await seen.page.waitForTimeout(SETTLED_MS);
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
		await told(place, 1);
		assert.deepEqual(place.intents[0], { intent: 'amount', fen: 2564 });
	},

	async 'pages of a list turn and do not scroll'(seen, place) {
		await place.show('rooms-flats');
		await look(seen, place);
		await seen.page.waitForTimeout(SETTLED_MS);
		const first = await seen.page.locator('.k-node').first().boundingBox();
		for (let n = 0; n < 2; n += 1) await seen.page.click('.k-pager .k-btn >> nth=1');
		await seen.page.click('.k-node span:text-is("1104")');
		await told(place, 1);
		assert.deepEqual(place.intents[0], { intent: 'choose', id: 'n43' });
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
		await look(seen, place);
		await seen.page.waitForTimeout(1_200);
		const beat = place.beats.at(-1);
		assert.deepEqual(Object.keys(beat).sort(), [
			'last_input_ms',
			'play_ended',
			'plays',
			'screen',
			'seq',
			'shown_content',
		]);
		assert.equal(beat.screen, 'home');
		assert.equal(beat.seq, 7);
		assert.equal(beat.shown_content, 12);
		assert.ok(beat.plays.includes('webm'), `plays ${beat.plays}`);
		await place.show('attract-video');
		await seen.page.waitForSelector('.k-attract');
		await seen.page.waitForTimeout(2_200);
		assert.deepEqual(place.beats.map((one) => one.play_ended).filter((play) => play !== null), [41]);
		assert.equal(place.beats.at(-1).shown_content, null);
	},

	async 'a film plays without sound to its end, in the same element as the one before'(seen, place) {
		const film = (play) => (view) => ({
			...view,
			screen: { ...view.screen, url: `${place.page}film`, play },
		});
		await place.show('attract-video', film(7));
		await look(seen, place);
		const element = await seen.page.waitForSelector('video');
		await ended(place, 7);
		assert.equal(await element.evaluate((video) => video.muted && video.currentTime > 0), true);
		await place.show('attract-video', film(8));
		await ended(place, 8);
		assert.equal(await element.evaluate((video) => video.isConnected), true);
		assert.equal(await seen.page.locator('video').count(), 1);
	},

	async 'a page nobody answers says so, and comes back by itself'(seen, place) {
		await place.show('home');
		await look(seen, place);
		let answer;
		place.hold = new Promise((done) => (answer = done));
		await seen.page.waitForSelector('.k-demo:text("正在恢复")', { timeout: 15_000 });
		answer();
		place.hold = null;
		await seen.page.waitForSelector('.k-demo', { state: 'detached' });
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

/** Waits until a beat says that a showing is over. */
async function ended(place, play) {
	for (let n = 0; n < 400; n += 1) {
		if (place.beats.some((beat) => beat.play_ended === play)) return;
		await new Promise((done) => setTimeout(done, 20));
	}
	assert.fail(`the end of ${play} was never told`);
}

/** Waits until so many intents have come. */
async function told(place, count) {
	for (let n = 0; n < 100 && place.intents.length < count; n += 1) {
		await new Promise((done) => setTimeout(done, 20));
	}
	assert.equal(place.intents.length, count, JSON.stringify(place.intents));
}

const browser = await open();
let wrong = 0;
for (const [name, walk] of Object.entries(WALKS)) {
	const place = await stand();
	const seen = await panel(browser, place);
	await seen.page.addInitScript(() => {
		window.down = () => new PointerEvent('pointerdown', { bubbles: true });
	});
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
