// A tenant with a phone, against a running demo: from the QR on the meter by a code in a text, a
// printed code and the wallet's page to the light; then one look at every page on the smallest phone
// with large type in the dark.
//
//   node tests/browser/tenant.mjs PAGE CODE PROVIDER
//
// PAGE is the address behind the QR, CODE the printed code, PROVIDER the simulated providers.
// Pictures go to the folder named by YUFU_ARTIFACTS.

import assert from 'node:assert/strict';
import { picture } from '../../web/apps/tenant/tests/h5/look.mjs';
import { open } from './browser.mjs';
import { looks } from './tenant-looks.mjs';

const [page_url, code, provider] = process.argv.slice(2);
assert.ok(page_url && code && provider, 'usage: node tenant.mjs PAGE CODE PROVIDER');
/** How long the light may take, in milliseconds: the bus is real, the meter may be busy. */
const LIGHT_MS_MAX = 90_000;
const PHONE = `139${String(Date.now()).slice(-8)}`;

/** The code of the newest text to a number, as the person reads it on their phone. */
async function texted(phone) {
	for (let tries = 0; tries < 50; tries += 1) {
		const answer = await fetch(`${provider}/control/sms?phone=${phone}`);
		const newest = (await answer.json()).at(-1);
		if (newest) return newest.params.code;
		await new Promise((ready) => setTimeout(ready, 100));
	}
	throw new Error(`no text came to ${phone}`);
}

const press = (page, name) => page.getByRole('button', { name }).first().click();
const says = (page, text) => page.getByText(text).first().waitFor({ timeout: LIGHT_MS_MAX });

const browser = await open();
const context = await browser.newContext({
	viewport: { width: 375, height: 812 },
	deviceScaleFactor: 2,
	locale: 'zh-CN',
	timezoneId: 'Asia/Shanghai',
	reducedMotion: 'reduce',
});
const page = await context.newPage();
page.setDefaultTimeout(20_000);
const faults = [];
const own = [new URL(page_url).origin, new URL(provider).origin];
page.on('pageerror', (error) => faults.push(String(error)));
page.on('request', (request) => {
	const { origin, protocol } = new URL(request.url());
	if (protocol.startsWith('http') && !own.includes(origin)) faults.push(`asked ${origin}`);
});

try {
	const began = Date.now();
	await page.goto(page_url);
	await says(page, '演示数据');
	await page.getByLabel('手机号').fill(PHONE);
	await picture(page, 'tenant-1-welcome');
	await press(page, '获取验证码');
	await page.getByLabel('短信验证码').fill(await texted(PHONE));
	await press(page, /^登录$/);
	await page.getByLabel('绑定码').last().waitFor();
	await picture(page, 'tenant-2-bind');
	await page.getByLabel('绑定码').last().fill(code);
	await press(page, /^绑定$/);
	await says(page, '已断电');
	await picture(page, 'tenant-3-home-dark');
	await press(page, /充/);
	await page.getByText('都已关好').waitFor();
	await page.getByRole('radio', { name: /^¥50/ }).click();
	await page.getByText('都已关好').click();
	await picture(page, 'tenant-4-top-up');
	await press(page, /^微信支付 ¥/);
	await page.waitForURL((url) => url.origin === own[1]);
	await picture(page, 'tenant-5-wallet');
	const paid = Date.now();
	await page.locator('button[value=approve]').click();
	await page.goto(`${own[0]}/m/#/pages/orders/orders`);
	await press(page, /¥50/);
	await says(page, '已付款');
	await picture(page, 'tenant-6-order');
	await says(page, '灯亮了');
	await picture(page, 'tenant-7-light');
	const lit = Date.now();
	const order = new URLSearchParams(page.url().split('?')[1]).get('id');
	assert.equal(await page.locator('.yf-lamp-cone').count(), 1, 'the lamp is lit');
	await page.getByText('电子凭条').click();
	await says(page, '人民币伍拾元整');
	await says(page, '已到账，已充入电表');
	await picture(page, 'tenant-8-receipt');
	await page.goto(`${own[0]}/m/#/pages/home/home`);
	await says(page, '供电中');
	await picture(page, 'tenant-9-home-lit');
	assert.deepEqual(faults, []);
	const seen = await looks(browser, context, own[0], order);
	const seconds = (from, until) => ((until - from) / 1000).toFixed(1);
	console.log(
		`ok - from the QR to light in ${seconds(began, lit)} s, from paying in ${seconds(paid, lit)} s; ` +
			`${seen} pages at 320 px, 1.4 × type, dark`,
	);
} catch (error) {
	await picture(page, 'tenant-broken');
	console.error(`not ok - ${error.message}\n${page.url()}\n${await page.locator('body').innerText()}`);
	console.error(faults.join('\n'));
	process.exitCode = 1;
} finally {
	await browser.close();
}
