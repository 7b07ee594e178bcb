// A customer at the kiosk, in its real window, against a running demo: the kiosk is taken up, a room
// is looked up, the code on its screen is read as a phone's camera reads it, paid in the wallet's
// page, the light comes back and the receipt comes out of the printer. Then the rest of what issues
// from a day at a kiosk: a program killed while the code is on the screen, an operator's picture.
//
//   node tests/browser/kiosk.mjs DEMO_LOG PROGRAMS KIOSK_FOLDER
//
// DEMO_LOG is what the demo said, PROGRAMS the folder of the built programs, KIOSK_FOLDER a folder
// of its own. The demo's data lies in the folder named by YUFU_DEMO_DIR. Pictures go to the folder
// named by YUFU_ARTIFACTS. Prints what was measured.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { open as chromium } from './browser.mjs';
import { Cabinet } from './cabinet.mjs';
import { scanned } from './scan.mjs';
import { until } from './webdriver.mjs';

const [demo_log, programs, folder] = process.argv.slice(2).map((path) => resolve(path));
assert.ok(folder, 'usage: node kiosk.mjs DEMO_LOG PROGRAMS KIOSK_FOLDER');
const data = resolve(process.env.YUFU_DEMO_DIR ?? 'demo');
/** How long the light may take, in milliseconds: the bus is real, the meter may be busy. */
const LIGHT_MS_MAX = 90_000;
/** A touch that has led to nothing by then was not heard, in milliseconds. */
const TOUCH_MS_MAX = 3_000;

const run = promisify(execFile);
/** `yufu` beside the running server, as an operator on the machine uses it. */
const yufu = async (...words) => {
	const { stdout } = await run(join(programs, 'yufu'), ['--config', join(data, 'config.toml'), ...words]);
	return stdout.trim() ? JSON.parse(stdout) : null;
};

const said = await readFile(demo_log, 'utf8');
const meters = /dark room's meter (.*)/.exec(said)?.[1].trim().split(' · ') ?? [];
const meter = meters.at(-1);
assert.ok(meter, 'the demo names no dark meter');

const figures = {};
/** What the meter has before anybody pays, in yuan, and what it may use meanwhile. */
let before = 0;
const USED_MAX = 1;
const wallet = await chromium();
const cabinet = await Cabinet.open({ programs, folder, server: (await readFile(join(data, 'http.ready'), 'utf8')).trim() });

/** Takes the kiosk up, as the operator before it does: the six digits are compared first. */
async function take_up(page) {
	await page.says('这台终端还没有登记');
	const shown = async (of) => (await page.run(`return document.querySelector('${of}')?.innerText ?? ''`)).replace(/\s/g, '');
	const code = await until('a code', async () => /^[0-9A-Z]{8}$/.exec(await shown('.k-code'))?.[0]);
	const digits = await shown('.k-print');
	await cabinet.picture('unpaired');
	const looked = await yufu('kiosk', 'pair', code, '--project', '1');
	assert.equal(looked.fingerprint, digits, 'somebody else waits under that code');
	const at = performance.now();
	await yufu('kiosk', 'pair', code, '--project', '1', '--fingerprint', digits, '--number', 'K-01', '--name', '大厅', '--take-over');
	await page.within(60_000).says(/充值缴费|触摸屏幕开始/);
	figures['taken up until home'] = performance.now() - at;
}

/** A tile of the home screen. The adverts may come up in between: the first touch on one wakes the
 * kiosk and does nothing else. */
async function start(page, tile) {
	const at = (of) => page.run(`return !!document.querySelector('${of}')`);
	// One touch at a time, and what it leads to is waited for: a second one would fall on that. One
	// that comes too early for the page is not heard, so it is made again.
	while (!(await at('.k-way'))) {
		const under = (await at('.k-attract')) ? '.k-attract' : '.k-tile';
		await page.press(under === '.k-tile' ? tile : '', under);
		const moved = async () => !(await at(under)) || (under === '.k-tile' && (await at('.k-attract')));
		await until(`what ${tile} leads to`, moved, TOUCH_MS_MAX).catch(() => {});
	}
}

/** The balance on the screen, in yuan. */
async function balance(page) {
	const said = /余额\s*¥\s*(-?[\d,]+\.\d\d)/.exec(await page.text());
	return said ? Number(said[1].replaceAll(',', '')) : Number.NaN;
}

/** Where a meter stands, as the kiosk says it to whoever types its number. */
async function place_of(page) {
	await start(page, '余额查询');
	await page.press('输入表号');
	await page.says('请输入表号');
	await page.type(meter);
	await cabinet.picture('number');
	await page.press('查找');
	await page.within(60_000).says('核对，再充值', '再读一次');
	await cabinet.picture('account-dark');
	const card = await page.run(`return document.querySelector('.k-place')?.innerText ?? ''`);
	const [place] = card.split('\n');
	before = await balance(page);
	console.log(`${meter} stands at ${place} with ${before}`);
	await page.press('退出');
	return place;
}

/** From the home screen to the amounts, by building, floor, room and four digits. */
async function by_room(page, place) {
	await start(page, '充值缴费');
	await page.press('选房号');
	// A place is told without its floor, which a room's number begins with.
	const floor = /(\d+)\d\d(?!\d)/.exec(place.replace(/^.*号楼/, ''))?.[1];
	const nodes = () => page.run(`return [...document.querySelectorAll('.k-node')].map((one) => one.innerText.trim())`);
	let before = [];
	for (let depth = 0; ; depth += 1) {
		const labels = await until('the next step', async () => {
			const now = await nodes();
			const keys = await page.run(`return !!document.querySelector('.k-key')`);
			return keys ? [] : now.length > 0 && now.join() !== before.join() && now;
		});
		if (labels.length === 0) break;
		before = labels;
		const fits = labels.filter((one) => place.includes(one) || one === `${floor} 层`);
		const label = fits.sort((a, b) => b.length - a.length)[0];
		assert.ok(label, `none of ${labels} leads to ${place}`);
		await cabinet.picture(`rooms-${depth}`);
		await page.press(new RegExp(`^\\s*${label}\\s*$`), '.k-node');
	}
	await page.type(meter.slice(-4));
	await cabinet.picture('last-four');
	await page.press('核对');
	// A room has water as well.
	await page.within(60_000).says('是哪一只表');
	await cabinet.picture('matches');
	await page.press(`尾号 ${meter.slice(-4)}`, '.k-match');
	await page.within(60_000).says('核对，再充值', '再读一次');
	await cabinet.picture('account');
	await page.press(/充值/, '.k-act button');
	await page.says('要充多少钱');
}

/** The code on the screen, and the wallet's page behind it. */
async function pay(page, shot) {
	await page.press(/50/, '.k-amount');
	await page.says('充后余额');
	await cabinet.picture('amount');
	await page.press(/微信/);
	const link = await until('a code on the screen', async () => scanned(await cabinet.seen()));
	await cabinet.picture(shot);
	return link;
}

async function approve(link) {
	const context = await wallet.newContext({ locale: 'zh-CN' });
	const phone = await context.newPage();
	await phone.goto(link);
	await phone.locator('button[value=approve]').click();
	await context.close();
}

async function sale(page, place) {
	await by_room(page, place);
	const link = await pay(page, 'pay');
	const paid = performance.now();
	await approve(link);
	// Not that it is paid, nor that it will arrive: that the light is on, read back from the meter.
	await page.within(LIGHT_MS_MAX).says('灯亮了');
	figures['paid until the screen says the light is on'] = performance.now() - paid;
	const receipt = await cabinet.receipt(1);
	figures['paid until the receipt is out'] = performance.now() - paid;
	await page.says(/凭条/);
	await cabinet.picture('result');
	assert.ok(receipt.length > 2_000, 'the receipt is empty');
}

/** The process is killed while the code is on the screen; whoever pays then loses nothing. */
async function killed_while_paying(place) {
	await by_room(cabinet.page, place);
	const link = await pay(cabinet.page, 'pay-before-the-kill');
	await cabinet.kill();
	await approve(link);
	const at = performance.now();
	const page = await cabinet.start();
	await page.within(60_000).says(/充值缴费|触摸屏幕开始/);
	figures['killed until home'] = performance.now() - at;
	// The receipt of a sale of before the cut is not printed by itself: it may be in somebody's hand.
	await cabinet.picture('home-after-the-kill');
	// Both payments are in the meter, each once.
	await start(page, '余额查询');
	await page.press('输入表号');
	await page.says('请输入表号');
	await page.type(meter);
	await page.press('查找');
	// What has been used meanwhile costs a little.
	const whole = async () => (await balance(page)) >= before + 100 - USED_MAX;
	await until('both payments in the meter', whole, LIGHT_MS_MAX);
	const now = await balance(page);
	assert.ok(now <= before + 100, `more than was paid: ${now} after ${before}`);
	await cabinet.picture('both-in-the-meter');
}

/** An operator looks at the screen from afar. */
async function seen_from_afar() {
	const at = performance.now();
	const asked = await yufu('kiosk', 'command', 'K-01', 'screenshot');
	assert.ok(asked.id, JSON.stringify(asked));
	const done = await until('the picture', async () => {
		const { commands } = await yufu('kiosk', 'show', 'K-01');
		const mine = commands.find((one) => one.id === asked.id);
		assert.ok(!['failed', 'refused', 'expired'].includes(mine?.state), JSON.stringify(mine));
		return mine?.state === 'done' && mine;
	});
	figures['remote picture asked until here'] = performance.now() - at;
	return done;
}

try {
	figures['cold start until the page answers'] = cabinet.cold;
	await take_up(cabinet.page);
	await cabinet.picture('home');
	const place = await place_of(cabinet.page);
	await sale(cabinet.page, place);
	await cabinet.page.press(/退出|完成|回首页/);
	await seen_from_afar();
	await killed_while_paying(place);
	for (const [what, ms] of Object.entries(figures)) console.log(`${what}: ${Math.round(ms)} ms`);
} catch (fault) {
	await cabinet.picture('fault').catch(() => {});
	console.error(await cabinet.said());
	throw fault;
} finally {
	await cabinet.close();
	await wallet.close();
}
