// The compiled WeChat mini-program, from signing in to light, in its simulator.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const path = require('node:path');
const { createInterface } = require('node:readline');
const { phone, until } = require('./phone');

async function main() {
	const server = spawn(process.execPath, [path.join(__dirname, '../h5/serve.mjs')]);
	server.stderr.pipe(process.stderr);
	const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
	const read = async () => JSON.parse((await lines.next()).value);
	/** Changes the stand's world and says what it saw so far. */
	const world = (change) => {
		server.stdin.write(`${JSON.stringify(change)}\n`);
		return read();
	};
	const device = phone((await read()).origin);
	const went = async (to) => {
		const arrived = () => device.ways.find(([, url]) => url?.startsWith(to));
		await until(arrived, () => `${to}, went ${JSON.stringify(device.ways)}`);
		const [, url] = arrived();
		device.ways.length = 0;
		return url;
	};

	const before = await device.open('/pages/home/home?tag=k7Qm2Xw9Lp4Z');
	const toWelcome = await went('/pages/welcome/welcome');
	before.close();

	const welcome = await device.open(toWelcome);
	await welcome.says('和园公寓，电表');
	await welcome.tap('微信登录');
	const toBind = await went('/pages/bind/bind');
	welcome.close();

	const bind = await device.open(toBind);
	await bind.says('已扫码');
	await bind.type('YUFU-2026');
	await bind.tap('绑定');
	const toHome = await went('/pages/home/home');
	bind.close();

	await world({ cut: true });
	const home = await device.open(toHome);
	await home.says('恢复供电需充 ¥25.64');
	await home.says('因欠费断开');
	assert.equal(home.lit(), false, 'a room without light has no light');
	await home.tap('恢复供电需充 ¥25.64');
	const toTopUp = await went('/pages/top-up/top-up');
	home.close();

	const topUp = await device.open(toTopUp);
	await topUp.says('三项合计');
	await topUp.tap('微信支付 ¥25.64');
	const toOrder = await went('/pages/order/order');
	topUp.close();
	const named = (name) => device.calls.filter(([call]) => call === name);
	const [[, asked]] = named('requestSubscribeMessage');
	assert.deepEqual(asked.tmplIds, ['tpl-1'], 'consent is asked on the tap');
	const [[, paid]] = named('requestPayment');
	assert.equal(paid.package, 'prepay_id=1');
	const order = device.calls.map(([name]) => name);
	assert.ok(order.indexOf('requestSubscribeMessage') < order.indexOf('requestPayment'));

	const page = await device.open(toOrder);
	await page.says('正在确认支付结果');
	await world({ order: 'sending' });
	await page.says('充入中');
	assert.equal(page.lit(), false, 'nothing is lit before the read-back');
	const { requests, orders } = await world({ order: 'restored' });
	await page.says('灯亮了');
	assert.equal(page.lit(), true);
	assert.equal(orders.length, 1, 'one order');
	const consents = requests.find(({ path }) => path.endsWith('/consents'));
	assert.deepEqual(consents.body, { template_ids: { 'tpl-1': 'accept' } });
	const keys = requests.filter(({ path }) => path === '/session/wechat-mini');
	assert.deepEqual(keys[0].body, { app_id: 'wx1234567890abcdef', code: 'wx-code' });
	page.close();
	console.log('ok the compiled mini-program walks from signing in to light');
	server.kill();
}

main().then(
	() => process.exit(0),
	(fault) => {
		console.error(fault);
		process.exit(1);
	},
);
