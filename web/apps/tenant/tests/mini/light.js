// The compiled WeChat mini-program against a running demo, in its simulator: from the QR on the
// meter by WeChat's own sign-in, a printed code and WeChat's wallet to the light.
//
//   node light.js PAGE CODE PROVIDER
//
// PAGE is the address behind the QR, CODE the printed code, PROVIDER the simulated providers.

const assert = require('node:assert/strict');
const { phone, until } = require('./phone');
const { wechat } = require('./wechat');

/** The mini-program of the demo, as its own page at WeChat names it. */
const APP_ID = 'wx8888888888888888';
/** How long the light may take, in milliseconds: the bus is real, the meter may be busy. */
const LIGHT_MS_MAX = 90_000;
/** How long the whole walk may take, in milliseconds. */
const WALK_MS_MAX = 240_000;
const AMOUNT_FEN = 5_000;

async function main() {
	const [scanned, code, provider] = process.argv.slice(2);
	assert.ok(scanned && code && provider, 'usage: node light.js PAGE CODE PROVIDER');
	const person = wechat(provider, APP_ID, `tenant-${Date.now()}`);
	const device = phone(new URL(scanned).origin, person);
	/** Waits until a page has opened another one, closes it, and opens that one. */
	const next = async (page, to) => {
		const arrived = () => device.ways.find(([, url]) => url?.startsWith(to));
		await until(arrived, () => `${to}, went ${JSON.stringify(device.ways)}: ${page.text()}`);
		const [, url] = arrived();
		device.ways.length = 0;
		page.close();
		return device.open(url);
	};
	const began = Date.now();

	// WeChat opens the mini-program with the whole address of the code that was scanned.
	const before = await device.open(`/pages/home/home?q=${encodeURIComponent(scanned)}`);

	const welcome = await next(before, '/pages/welcome/welcome');
	await welcome.says('，电表');
	await welcome.tap('微信登录');

	const bind = await next(welcome, '/pages/bind/bind');
	await bind.says('已扫码：电表');
	await bind.type(code);
	await bind.tap('绑定');

	const home = await next(bind, '/pages/home/home');
	await home.says('已断电', LIGHT_MS_MAX);
	await home.says('演示数据');
	assert.equal(home.lit(), false, 'a room without light has no light');
	await home.tap(/^(充值|恢复供电需充 ¥[\d.,]+)$/);

	const topUp = await next(home, '/pages/top-up/top-up');
	await topUp.says('都已关好');
	await topUp.tap('¥50');
	await topUp.tap('电炉、电熨斗等都已关好');
	await topUp.tap('微信支付 ¥50.00');

	const order = await next(topUp, '/pages/order/order');
	const paid = Date.now();
	await order.says('灯亮了', LIGHT_MS_MAX);
	assert.equal(order.lit(), true, 'the lamp is lit');
	const lit = Date.now();
	order.close();

	const after = await device.open('/pages/home/home');
	await after.says('供电中');
	assert.equal(after.lit(), true);
	after.close();

	await theWalletAskedForASignature(device, person);
	await theBooksAgree(person);
	const seconds = (from, until_ms) => ((until_ms - from) / 1_000).toFixed(1);
	console.log(
		`ok - the mini-program from the QR to light in ${seconds(began, lit)} s, ` +
			`from paying in ${seconds(paid, lit)} s`,
	);
}

/** Consent came first; what the wallet was handed opens it, and one letter less does not. */
async function theWalletAskedForASignature(device, person) {
	const order = device.calls.map(([name]) => name);
	const [consent, payment] = ['requestSubscribeMessage', 'requestPayment'];
	assert.ok(order.includes(consent) && order.indexOf(consent) < order.indexOf(payment));
	const handed = device.calls.filter(([name]) => name === payment).map(([, options]) => options);
	assert.equal(handed.length, 1, 'the wallet was opened once');
	const [{ paySign, nonceStr }] = handed;
	for (const forged of [{ nonceStr: `${nonceStr.slice(1)}0` }, { paySign: paySign.slice(4) }]) {
		await assert.rejects(person.pay({ ...handed[0], ...forged }), /signature does not hold/);
	}
}

/** The provider's book, its message to the person and its list of deliveries. */
async function theBooksAgree(person) {
	const orders = await person.orders();
	assert.equal(orders.length, 1, 'one order at the provider');
	const [{ payments, total_fen }] = orders;
	assert.deepEqual([payments.length, total_fen], [1, AMOUNT_FEN], 'paid once');
	const [{ provider_trade_no }] = payments;
	const told = async () => (await person.messages()).length > 0;
	await until(told, () => 'the message that was agreed to');
	const shipped = async () =>
		JSON.stringify(await person.shipped()).includes(provider_trade_no);
	await until(shipped, () => 'the delivery that WeChat has to know of', LIGHT_MS_MAX);
}

const late = () => {
	console.error(`not ok - the mini-program did not end within ${WALK_MS_MAX / 1_000} s`);
	process.exit(1);
};
setTimeout(late, WALK_MS_MAX).unref();
main().then(
	() => process.exit(0),
	(fault) => {
		console.error(`not ok - ${fault.stack}`);
		process.exit(1);
	},
);
