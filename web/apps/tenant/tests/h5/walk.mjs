// What people do, walked through in Chromium against the stand's books.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as fixture from './fixture.mjs';
import { holds, open, phone, says } from './look.mjs';
import { BUILT, stand } from './stand.mjs';

/** The first screen's scripts, packed, in bytes; and their number, as a browser asks for six files at a time. */
const FIRST_SCREEN_MAX = 100 * 1024;
const FIRST_FILES_MAX = 3;
const WECHAT = 'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 MicroMessenger/8.0.50';

const press = (page, name) => page.getByRole('button', { name, exact: true }).click();
const keepOf = ({ id, home, meter, amount_fen, way }) => ({ id, home, meter, amount_fen, way });
const asked = (place, method, path) =>
	place.state.requests.filter((one) => one.method === method && path.test(one.path));

async function at(page, name) {
	await page.waitForURL((url) => url.hash.startsWith(`#/pages/${name}`) || url.pathname.includes(name));
}

const WALKS = {
	async 'from the code on the meter to light'(browser) {
		const place = await stand({ homes: [] });
		const seen = await phone(browser, place, { signedIn: false });
		const { page } = seen;
		await seen.go('welcome/welcome?tag=k7Qm2Xw9Lp4Z');
		await says(page, '和园公寓，电表');
		await page.getByLabel('手机号').fill('13812345678');
		await press(page, '获取验证码');
		await page.getByLabel('短信验证码').fill('246810');
		await press(page, '登录');
		await at(page, 'bind/bind');
		await says(page, '已扫码');
		await page.getByLabel('绑定码').last().fill('YUFU-2026');
		await press(page, '绑定');
		await says(page, '供电中');
		place.state.homes[0].meters[0] = fixture.dark();
		await page.reload();
		await press(page, '恢复供电需充 ¥25.64');
		await page.getByText('电炉、电熨斗等都已关好').click();
		await press(page, '微信支付 ¥25.64');
		await at(page, 'wallet');
		await page.locator('#pay').click();
		await at(page, 'order/order');
		await says(page, '充入中');
		const [order] = place.state.orders.values();
		assert.equal(order.amount_fen, 2_564);
		place.put(fixture.order('restored', keepOf(order)));
		await says(page, '灯亮了');
		assert.equal(await page.locator('.yf-lamp-cone').count(), 1, 'the lamp is lit');
		assert.equal(place.state.orders.size, 1);
		await holds(seen, 'walk');
		await page.getByText('电子凭条').click();
		await says(page, '已到账，已充入电表');
		await says(page, '人民币壹佰元整');
		return [seen, place];
	},

	async 'a visit the wallet sent back says why, in both languages, until something else is tried'(browser) {
		const place = await stand({ homes: [] });
		const seen = await phone(browser, place, { signedIn: false, agent: WECHAT });
		const { page } = seen;
		const table = [
			['code_refused', '没有登录成功', 'did not confirm you'],
			['snapshot', '使用完整服务', 'Use Full Service'],
			['door_closed', '没有应答', 'does not answer'],
			['too_many_tries', '试得太多', 'too many tries'],
		];
		for (const [reason, zh, en] of table) {
			await seen.go(`welcome/welcome?sign_in=${reason}`);
			await page.reload();
			const told = page.getByRole('alert');
			await told.getByText(zh).waitFor();
			await told.getByText('余额和订单都在').waitFor();
			await page.getByText('English', { exact: true }).click();
			await told.getByText(en).waitFor();
			await page.getByText('中文', { exact: true }).click();
			await told.getByText(zh).waitFor();
			await holds(seen, reason);
		}
		// From the front page it comes along; the phone is another way in.
		await seen.go('home/home?sign_in=snapshot');
		await page.reload();
		await at(page, 'welcome/welcome');
		await page.getByRole('alert').getByText('使用完整服务').waitFor();
		await press(page, '手机号登录');
		await page.getByLabel('手机号').fill('13812345678');
		await press(page, '获取验证码');
		await page.getByLabel('短信验证码').waitFor();
		assert.equal(await page.getByRole('alert').count(), 0);
		return [seen, place];
	},

	async 'two tabs, the back button, a lost reply and a reload end in one order'(browser) {
		const place = await stand({ lose: new Map([[/^\/orders$/, 2]]) });
		const seen = await phone(browser, place);
		seen.excuse(/Failed to load resource/);
		const [one, other] = [seen.page, await seen.tab()];
		for (const page of [one, other]) {
			await page.goto(`${place.origin}/m/#/pages/top-up/top-up`);
			await page.getByRole('radio', { name: /^¥50 / }).click();
		}
		await Promise.all([press(one, '微信支付 ¥50.00'), press(other, '微信支付 ¥50.00')]);
		await Promise.all([at(one, 'wallet'), at(other, 'wallet')]);
		await one.goBack();
		await at(one, 'order/order');
		await says(one, '正在确认支付结果');
		await one.reload();
		await press(one, '还没付，继续支付 ¥50.00');
		await at(one, 'wallet');
		await other.goto(`${place.origin}/m/#/pages/top-up/top-up`);
		await says(other, '还没付完');
		assert.equal(place.state.orders.size, 1, 'one order');
		const ids = new Set(asked(place, 'POST', /^\/orders$/).map(({ body }) => body.client_id));
		assert.equal(ids.size, 1, 'one id was ever sent');
		assert.ok(asked(place, 'POST', /^\/orders$/).length >= 3, 'the lost replies were asked again');
		return [seen, place];
	},

	async 'an order that was paid elsewhere is shown and not paid again'(browser) {
		const place = await stand();
		const seen = await phone(browser, place);
		const { page } = seen;
		await seen.go('top-up/top-up');
		await page.getByRole('radio', { name: /^¥100 / }).click();
		await press(page, '微信支付 ¥100.00');
		await at(page, 'wallet');
		const [order] = place.state.orders.values();
		place.put(fixture.order('restored', keepOf(order)));
		const before = asked(place, 'POST', /pay$/).length;
		await seen.go('top-up/top-up');
		await page.getByRole('radio', { name: /^¥100 / }).click();
		await press(page, '微信支付 ¥100.00');
		await says(page, '灯亮了');
		assert.equal(asked(place, 'POST', /pay$/).length, before, 'the wallet was not opened again');
		await press(page, '返回');
		await seen.go('top-up/top-up');
		await page.getByRole('radio', { name: /^¥100 / }).click();
		await press(page, '微信支付 ¥100.00');
		await at(page, 'wallet');
		assert.equal(place.state.orders.size, 2, 'what is wished for afterwards is a new order');
		return [seen, place];
	},

	async 'without events the order is asked after'(browser) {
		const place = await stand({ noStream: true, orders: new Map([['o-1', fixture.order('sending')]]) });
		const seen = await phone(browser, place);
		seen.excuse(/Failed to load resource/);
		await seen.go('order/order?id=o-1');
		await says(seen.page, '充入中');
		place.put(fixture.order('restored'));
		await says(seen.page, '灯亮了');
		return [seen, place];
	},

	async 'a cut stream falls back to asking'(browser) {
		const place = await stand({ orders: new Map([['o-1', fixture.order('sending')]]) });
		const seen = await phone(browser, place);
		seen.excuse(/Failed to load resource|ERR_INCOMPLETE_CHUNKED_ENCODING/);
		await seen.go('order/order?id=o-1');
		await says(seen.page, '充入中');
		await seen.page.waitForTimeout(200);
		place.cutStreams();
		place.state.orders.set('o-1', fixture.order('in-doubt'));
		await says(seen.page, '不会充两次');
		assert.match(await seen.page.locator('.yf-step-doubt').innerText(), /不会重发/);
		return [seen, place];
	},

	async 'in WeChat the bridge opens the wallet, and its word proves nothing'(browser) {
		const place = await stand({ ways: ['wechat-page', 'wechat-h5', 'alipay-page'] });
		const seen = await phone(browser, place, { agent: WECHAT });
		const { page } = seen;
		await page.addInitScript(() => {
			window.bridged = [];
			window.WeixinJSBridge = {
				invoke(name, params, done) {
					window.bridged.push([name, params.package]);
					done({ err_msg: 'get_brand_wcpay_request:ok' });
				},
			};
		});
		await seen.go('top-up/top-up');
		await page.getByRole('radio', { name: /^¥20 / }).click();
		assert.equal(await page.getByText('支付宝').count(), 0, 'only what works here is offered');
		await press(page, '微信支付 ¥20.00');
		await at(page, 'order/order');
		await says(page, '正在确认支付结果');
		assert.deepEqual(await page.evaluate(() => window.bridged), [
			['getBrandWCPayRequest', 'prepay_id=1'],
		]);
		assert.equal(await page.locator('.yf-lamp-cone').count(), 0, 'nothing is lit yet');
		return [seen, place];
	},

	async 'an old session is renewed once for two tabs, an ended one asks to sign in'(browser) {
		const place = await stand();
		const seen = await phone(browser, place);
		seen.excuse(/Failed to load resource/);
		await seen.go('home/home');
		await says(seen.page, '供电中');
		const other = await seen.tab();
		place.state.sessions.clear();
		const before = place.state.refreshes;
		await Promise.all([
			seen.page.reload(),
			other.goto(`${place.origin}/m/#/pages/home/home`),
		]);
		await Promise.all([says(seen.page, '供电中'), says(other, '供电中')]);
		assert.equal(place.state.refreshes, before + 1, 'renewed once');
		place.state.sessions.clear();
		place.state.refreshes += 1;
		await seen.page.reload();
		await says(seen.page, '为了安全，已退出登录');
		return [seen, place];
	},

	async 'switching on needs the tick, and is believed when read back'(browser) {
		const place = await stand({ homes: [fixture.home({ meters: [fixture.waiting()] })] });
		const seen = await phone(browser, place);
		const { page } = seen;
		await seen.go('home/home');
		await press(page, '送电');
		await says(page, '勾选后才能打开');
		assert.ok(await page.getByRole('button', { name: '送电', exact: true }).isDisabled());
		await page.getByRole('checkbox').click();
		await press(page, '送电');
		await says(page, '正在打开');
		await says(page, '供电中');
		const [wish] = asked(place, 'POST', /supply$/);
		assert.deepEqual(wish.body, { wanted: 'on', appliances_off: true });
		return [seen, place];
	},

	async 'a live read replaces the digits in place'(browser) {
		const place = await stand();
		const seen = await phone(browser, place);
		await seen.go('home/home');
		await seen.page.getByText('实时读表').click();
		await says(seen.page, '刚读到');
		assert.match(await seen.page.locator('.yf-hero-sum').innerText(), /86\s*\.12/);
		return [seen, place];
	},

	async 'a meter that has not spoken yet is asked after without a tap'(browser) {
		const place = await stand({ homes: [fixture.home({ meters: [fixture.unread()] })] });
		const seen = await phone(browser, place);
		await seen.go('home/home');
		await says(seen.page, '还没有读数');
		place.state.homes[0].meters[0] = fixture.dark();
		await says(seen.page, '已断电');
		return [seen, place];
	},

	async 'a further text message is worked for'(browser) {
		const place = await stand({ proofAfter: 0 });
		const seen = await phone(browser, place, { signedIn: false });
		seen.excuse(/Failed to load resource/);
		await seen.go('welcome/welcome');
		await seen.page.getByLabel('手机号').fill('13812345678');
		await press(seen.page, '获取验证码');
		await seen.page.getByLabel('短信验证码').waitFor();
		const [first, second] = asked(place, 'POST', /sms-codes/);
		assert.ok(!first.body.proof && second.body.proof, 'the second ask carries its proof');
		return [seen, place];
	},

	async 'offline the last figures stay, with their age, and paying is not offered'(browser) {
		const place = await stand();
		const seen = await phone(browser, place);
		seen.excuse(/ERR_INTERNET_DISCONNECTED|Failed to load resource/);
		await seen.go('home/home');
		await says(seen.page, '供电中');
		await seen.context.setOffline(true);
		await says(seen.page, '手机没有网络，联网前不能充值');
		assert.match(await seen.page.locator('.yf-hero').innerText(), /截至 14:30/);
		assert.ok(await seen.page.getByRole('button', { name: '充值', exact: true }).isDisabled());
		await seen.context.setOffline(false);
		return [seen, place];
	},

	async 'what was kept is shown with its age when nobody answers'(browser) {
		const place = await stand();
		const seen = await phone(browser, place);
		seen.excuse(/Failed to load resource/);
		await seen.go('home/home');
		await says(seen.page, '供电中');
		place.state.fails.set(/^\/homes$/, [0]);
		await seen.page.reload();
		await says(seen.page, '下面是 14:32 存下的内容');
		await says(seen.page, '供电中');
		return [seen, place];
	},

	async 'a stranger’s order, home and receipt answer as missing ones'(browser) {
		const place = await stand();
		const seen = await phone(browser, place);
		seen.excuse(/Failed to load resource/);
		for (const path of ['order/order?id=o-of-another', 'receipt/receipt?token=guessed']) {
			await seen.page.goto('about:blank');
			await seen.go(path);
			await says(seen.page, '没有找到');
		}
		return [seen, place];
	},

	async 'the keyboard reaches and pays'(browser) {
		const place = await stand();
		const seen = await phone(browser, place);
		const { page } = seen;
		await seen.go('top-up/top-up');
		await page.getByRole('radio', { name: /^¥50 / }).focus();
		await page.keyboard.press('Enter');
		await page.getByRole('button', { name: '微信支付 ¥50.00' }).focus();
		await page.keyboard.press('Enter');
		await at(page, 'wallet');
		return [seen, place];
	},

	async 'no style sheet would fetch from a foreign origin, at whatever moment'() {
		for (const name of await readdir(join(BUILT, 'assets'))) {
			if (!name.endsWith('.css')) continue;
			const style = await readFile(join(BUILT, 'assets', name), 'utf8');
			const foreign = style.match(/(?:url\(|@import)\s*["']?(?:https?:)?\/\/[^)\s]*/g);
			assert.deepEqual(foreign, null, name);
		}
		return [];
	},

	async 'the first screen is small'(browser) {
		for (const [name, path, text, signedIn] of [
			['sign-in', 'welcome/welcome', '获取验证码', false],
			['home', 'home/home', '供电中', true],
		]) {
			const place = await stand();
			const seen = await phone(browser, place, { signedIn });
			let [raw, packed] = [0, 0];
			const bodies = [];
			seen.page.on('response', (response) => {
				if (response.url().endsWith('.js')) bodies.push(response.body());
			});
			await seen.go(path);
			await says(seen.page, text);
			await seen.page.waitForLoadState('networkidle');
			for (const body of await Promise.all(bodies)) {
				raw += body.length;
				packed += gzipSync(body).length;
			}
			console.log(`  first screen, ${name}: ${(packed / 1024).toFixed(1)} KB of script packed, ${(raw / 1024).toFixed(1)} KB raw, ${bodies.length} files`);
			assert.ok(packed <= FIRST_SCREEN_MAX, `${name}: ${packed} bytes`);
			assert.ok(bodies.length <= FIRST_FILES_MAX, `${name}: ${bodies.length} files`);
			await seen.close();
			await place.close();
		}
		return [];
	},
};

const wanted = process.argv[2] ?? '';
const browser = await open();
let wrong = 0;
let done = 0;
for (const [name, walk] of Object.entries(WALKS)) {
	if (!name.includes(wanted)) continue;
	done += 1;
	try {
		const [seen, place] = await walk(browser);
		if (seen) {
			assert.deepEqual(seen.faults, []);
			await seen.close();
			await place.close();
		}
		console.log(`ok ${name}`);
	} catch (fault) {
		wrong += 1;
		console.error(`not ok ${name}\n  ${fault.stack}`);
	}
}
await browser.close();
console.log(`${done} walks, ${wrong} amiss`);
process.exit(wrong ? 1 : 0);
