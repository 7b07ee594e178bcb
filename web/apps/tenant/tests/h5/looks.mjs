// Every page in every look: three widths, dark, 长辈版, English, empty, broken, waiting, long names.
//
//   node looks.mjs            all of them
//   node looks.mjs home       those whose name begins so
//
// Pictures go to the folder named by YUFU_ARTIFACTS. Ends with 1 if anything is amiss.

import * as fixture from './fixture.mjs';
import { holds, open, phone, picture, says } from './look.mjs';
import { stand } from './stand.mjs';

const one = (meter) => ({ homes: [fixture.home({ meters: [meter, fixture.water()] })] });
const withOrder = (order) => ({ orders: new Map([[order.id, order]]) });
const everyState = () => ({
	orders: new Map(
		['closed', 'on-meter', 'restored', 'in-doubt', 'sending', 'awaiting-payment'].map((state, at) => [
			`o-${at}`,
			fixture.order(state, { id: `o-${at}`, placed_at: fixture.iso(fixture.NOW - (5 - at) * 40_000_000) }),
		]),
	),
});
const EN = { look: { language: 'en' } };
const ELDER = { look: { elder: true } };
const ELDER_EN = { look: { elder: true, language: 'en' }, width: 320, height: 640 };
const SMALL = { width: 320, height: 640 };
const WIDE = { width: 414, height: 896 };
const DARK = { dark: true };
const SMALL_ELDER = { ...ELDER, ...SMALL };

const WECHAT = 'Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50';

/** Name, page, what to wait for, the world, how the phone is, and what is done first. */
const LOOKS = [
	['home', 'home/home', '供电中', {}, {}],
	['home-320', 'home/home', '供电中', {}, SMALL],
	['home-414', 'home/home', '供电中', {}, WIDE],
	['home-dark', 'home/home', '供电中', {}, DARK],
	['home-english', 'home/home', 'Power on', {}, EN],
	['home-english-320', 'home/home', 'Power on', {}, { ...EN, ...SMALL }],
	['home-elder', 'home/home', '交电费', {}, ELDER],
	['home-elder-320', 'home/home', '交电费', {}, SMALL_ELDER],
	['home-elder-english-320', 'home/home', 'Pay', {}, ELDER_EN],
	['home-cut', 'home/home', '恢复供电需充', () => one(fixture.dark()), {}],
	['home-cut-320', 'home/home', '恢复供电需充', () => one(fixture.dark()), SMALL],
	['home-cut-dark', 'home/home', '恢复供电需充', () => one(fixture.dark()), DARK],
	['home-cut-elder-320', 'home/home', '恢复供电需充', () => one(fixture.dark()), SMALL_ELDER],
	['home-waiting', 'home/home', '待合闸确认', () => one(fixture.waiting()), {}],
	['home-offline', 'home/home', '离线', () => one(fixture.offline()), {}],
	['home-unread', 'home/home', '还没有读数', () => ({ ...one(fixture.unread()), noUse: true }), {}],
	['home-long', 'home/home', '供电中', () => ({ homes: [fixture.long(), fixture.home()] }), {}],
	['home-long-320', 'home/home', '供电中', () => ({ homes: [fixture.long()] }), SMALL],
	['home-long-elder-320', 'home/home', '交电费', () => ({ homes: [fixture.long()] }), SMALL_ELDER],
	['home-demo', 'home/home', '演示数据', { demo: true }, {}],
	['home-broken', 'home/home', '服务器没有应答', () => ({ fails: new Map([[/^\/homes$/, [503, 'overloaded']]]) }), {}],
	['home-loading', 'home/home', null, () => ({ slow: new Set([/^\/homes$/]) }), {}],
	['home-no-meter', 'home/home', '这里还没有表', () => ({ homes: [fixture.home({ meters: [] })] }), {}],
	['home-sheet', 'home/home', '供电中', () => ({ homes: [fixture.home(), fixture.long()] }), {}, async (page) => {
		await page.getByLabel('换一处房间').click();
		await says(page, '绑定另一处');
	}],
	['home-read-failed', 'home/home', '供电中', { readFails: true }, {}, async (page) => {
		await page.getByText('实时读表').click();
		await says(page, '没有读到电表');
	}],
	['welcome', 'welcome/welcome?tag=k7Qm2Xw9Lp4Z', '和园公寓', {}, { signedIn: false }],
	['welcome-320-english', 'welcome/welcome', 'Send a code', {}, { signedIn: false, ...EN, ...SMALL }],
	['welcome-code', 'welcome/welcome', '获取验证码', {}, { signedIn: false }, async (page) => {
		await page.getByLabel('手机号').fill('138 1234 5678');
		await page.getByText('获取验证码').click();
		await page.getByLabel('短信验证码').fill('111111');
		await page.getByRole('button', { name: '登录', exact: true }).click();
		await says(page, '验证码不对');
	}],
	['welcome-wrong-elder-320', 'welcome/welcome', '获取验证码', {}, { signedIn: false, ...SMALL_ELDER }, async (page) => {
		await page.getByText('获取验证码').click();
		await says(page, '请填 11 位手机号');
	}],
	['welcome-wechat', 'welcome/welcome', '微信登录', {}, { signedIn: false, agent: WECHAT }],
	['welcome-refused', 'welcome/welcome?sign_in=code_refused', '没有登录成功', {}, { signedIn: false, agent: WECHAT }],
	['welcome-refused-dark-320', 'welcome/welcome?sign_in=door_closed', '没有应答', {}, { signedIn: false, agent: WECHAT, ...SMALL, ...DARK }],
	['welcome-snapshot', 'welcome/welcome?tag=k7Qm2Xw9Lp4Z&sign_in=snapshot', '快照页', {}, { signedIn: false, agent: WECHAT }],
	['welcome-snapshot-english-320', 'welcome/welcome?sign_in=snapshot', 'snapshot', {}, { signedIn: false, agent: WECHAT, ...EN, ...SMALL }],
	['welcome-refused-elder-320', 'welcome/welcome?sign_in=too_many_tries', '试得太多', {}, { signedIn: false, ...SMALL_ELDER }],
	['bind', 'bind/bind?tag=k7Qm2Xw9Lp4Z', '已扫码', { homes: [] }, {}],
	['bind-refused-320', 'bind/bind', '表号', { homes: [] }, SMALL, async (page) => {
		await page.getByLabel('表号').fill('002103607735');
		await page.getByLabel('绑定码').last().fill('WRONG');
		await page.getByRole('button', { name: '绑定', exact: true }).click();
		await says(page, '没有绑定成功');
	}],
	['bind-sms', 'bind/bind?tag=k7Qm2Xw9Lp4Z', '已扫码', { homes: [] }, {}, async (page) => {
		await page.getByRole('radio', { name: '短信' }).click();
		await page.getByText('获取验证码').click();
		await says(page, '如果这只表登记了手机号');
	}],
	['bind-staff-elder-320', 'bind/bind', '表号', { homes: [] }, SMALL_ELDER, async (page) => {
		await page.getByRole('radio', { name: '找物业' }).click();
		await says(page, '物业核对后为你绑定');
	}],
	['bind-english-320', 'bind/bind', 'Meter number', { homes: [] }, { ...EN, ...SMALL }],
	['top-up', 'top-up/top-up', '其他金额', {}, {}],
	['top-up-cut', 'top-up/top-up', '三项合计', () => one(fixture.dark()), {}],
	['top-up-cut-320', 'top-up/top-up', '三项合计', () => one(fixture.dark()), SMALL],
	['top-up-cut-414', 'top-up/top-up', '三项合计', () => one(fixture.dark()), WIDE],
	['top-up-cut-dark', 'top-up/top-up', '三项合计', () => one(fixture.dark()), DARK],
	['top-up-cut-english-320', 'top-up/top-up', 'Together', () => one(fixture.dark()), { ...EN, ...SMALL }],
	['top-up-cut-elder-320', 'top-up/top-up', '三项合计', () => one(fixture.dark()), SMALL_ELDER],
	['top-up-other', 'top-up/top-up', '其他金额', {}, {}, async (page) => {
		await page.getByText('其他金额').click();
		await page.getByLabel('其他金额').fill('0.5');
		await says(page, '最少 ¥1');
	}],
	['top-up-open', 'top-up/top-up', '还没付完', () => ({ ...withOrder(fixture.order('awaiting-payment')), open_order_id: 'o-1' }), {}],
	['top-up-broken', 'top-up/top-up', '服务器没有应答', () => ({ fails: new Map([[/top-up$/, [0]]]) }), {}],
	['order-awaiting', 'order/order?id=o-1', '等待付款', () => withOrder(fixture.order('awaiting-payment')), {}],
	['order-sending', 'order/order?id=o-1', '充入中', () => withOrder(fixture.order('sending')), {}],
	['order-sending-dark', 'order/order?id=o-1', '充入中', () => withOrder(fixture.order('sending')), DARK],
	['order-restored', 'order/order?id=o-1', '灯亮了', () => withOrder(fixture.order('restored')), {}],
	['order-restored-320', 'order/order?id=o-1', '灯亮了', () => withOrder(fixture.order('restored')), SMALL],
	['order-restored-english-320', 'order/order?id=o-1', 'the light is on', () => withOrder(fixture.order('restored')), { ...EN, ...SMALL }],
	['order-restored-elder-320', 'order/order?id=o-1', '灯亮了', () => withOrder(fixture.order('restored')), SMALL_ELDER],
	['order-doubt', 'order/order?id=o-1', '充入结果待确认', () => withOrder(fixture.order('in-doubt')), {}],
	['order-closed', 'order/order?id=o-1', '没有扣款', () => withOrder(fixture.order('closed')), {}],
	['order-confirm-switch', 'order/order?id=o-1', '等你确认送电', () => withOrder(fixture.order('on-meter')), {}],
	['order-water', 'order/order?id=o-1', '充入中', () => withOrder(fixture.order('sending', { purpose: 'water', meter_no_tail: '4408' })), {}],
	['order-missing', 'order/order?id=o-9', '没有找到', {}, {}],
	['order-cancel', 'order/order?id=o-1', '取消订单', () => withOrder(fixture.order('awaiting-payment')), {}, async (page) => {
		await page.getByRole('button', { name: '取消订单' }).click();
		await says(page, '取消前会先问支付平台');
	}],
	['orders', 'orders/orders', '待支付', everyState, {}],
	['orders-320', 'orders/orders', '待支付', everyState, SMALL],
	['orders-english', 'orders/orders', 'Awaiting', everyState, EN],
	['orders-elder-320', 'orders/orders', '待支付', everyState, SMALL_ELDER],
	['orders-empty', 'orders/orders', '还没有充值记录', {}, {}],
	['usage', 'usage/usage', '共 ', {}, {}],
	['usage-320', 'usage/usage', '共 ', {}, SMALL],
	['usage-dark', 'usage/usage', '共 ', {}, DARK],
	['usage-english-320', 'usage/usage', ' in all', {}, { ...EN, ...SMALL }],
	['usage-elder-320', 'usage/usage', '这个月', {}, SMALL_ELDER],
	['usage-day', 'usage/usage', '共 ', {}, {}, async (page) => {
		await page.getByRole('radio', { name: '日' }).click();
		await says(page, '前一天');
	}],
	['usage-year-414', 'usage/usage', '共 ', {}, WIDE, async (page) => {
		await page.getByRole('radio', { name: '年' }).click();
		await says(page, '前一年');
	}],
	['usage-figures', 'usage/usage', '共 ', {}, SMALL, async (page) => {
		await page.getByText('看数字').click();
		await says(page, '收起数字');
	}],
	['usage-water', 'usage/usage', '共 ', {}, {}, async (page) => {
		await page.getByRole('radio', { name: '冷水' }).click();
		await says(page, '吨');
	}],
	['usage-empty', 'usage/usage', '共 ', { noUse: true }, {}],
	['bill', 'bill/bill?bill=b-1', '读数 × 单价', {}, {}],
	['bill-english-320', 'bill/bill?bill=b-1', 'Reading', {}, { ...EN, ...SMALL }],
	['entries', 'entries/entries', '可看算法', {}, {}],
	['entries-alarms', 'entries/entries', '可看算法', {}, SMALL, async (page) => {
		await page.getByRole('radio', { name: '告警' }).click();
		await says(page, '电表离线');
	}],
	['receipt', 'receipt/receipt?order=o-1', '人民币', {}, {}],
	['receipt-dark-320', 'receipt/receipt?order=o-1', '人民币', {}, { ...SMALL, ...DARK }],
	['receipt-link', 'receipt/receipt?token=r-token', '这张凭条是真的', {}, { signedIn: false }],
	['receipt-link-english-320', 'receipt/receipt?token=r-token', 'genuine', {}, { signedIn: false, ...EN, ...SMALL }],
	['receipt-forged', 'receipt/receipt?token=forged', '没有找到', {}, { signedIn: false }],
	['me', 'me/me', '138****5678', {}, {}],
	['me-320-english', 'me/me', '138****5678', {}, { ...EN, ...SMALL }],
	['me-dark', 'me/me', '138****5678', {}, DARK],
	['me-elder-320', 'me/me', '138****5678', {}, SMALL_ELDER],
	['people', 'people/people', '王*芳', {}, {}],
	['people-invite-320', 'people/people', '王*芳', {}, SMALL, async (page) => {
		await page.getByText('邀请同住的人').click();
		await says(page, '4K7Q-2XW9');
	}],
	['people-unbind', 'people/people', '王*芳', {}, {}, async (page) => {
		await page.getByRole('button', { name: '解除绑定' }).click();
		await says(page, '不会退给你');
	}],
	['notices', 'notices/notices', '恢复供电', {}, {}],
	['notices-empty', 'notices/notices', '还没有通知', { notices: [] }, {}],
	['notice-choice-320', 'notice-choice/notice-choice', '免打扰', {}, SMALL],
	['notice-choice-elder-320', 'notice-choice/notice-choice', '免打扰', {}, SMALL_ELDER],
	['statement', 'statement/statement', '下载 PDF', {}, {}],
	['supply-on', 'supply/supply', '勾选后才能打开', () => one(fixture.waiting()), {}],
	['supply-off', 'supply/supply', '冰箱', {}, {}],
	['supply-off-english-320', 'supply/supply', 'Fridge', {}, { ...EN, ...SMALL }],
	['supply-refused', 'supply/supply', '欠费时不能合闸', () => one(fixture.dark()), {}],
];

const wanted = process.argv[2] ?? '';
const browser = await open();
let wrong = 0;
for (const [name, path, text, changes, options, first] of LOOKS) {
	if (!name.startsWith(wanted)) continue;
	const place = await stand(typeof changes === 'function' ? changes() : changes);
	const seen = await phone(browser, place, options);
	// What the stand refuses on purpose makes the browser speak.
	seen.excuse(/Failed to load resource/);
	try {
		await seen.go(path);
		if (text) await says(seen.page, text);
		else await seen.page.waitForTimeout(500);
		await seen.page.waitForLoadState(text ? 'networkidle' : 'load').catch(() => undefined);
		if (first) await first(seen.page);
		await holds(seen, name);
		await picture(seen.page, name);
	} catch (fault) {
		wrong += 1;
		await picture(seen.page, `${name}-failed`).catch(() => undefined);
		console.error(`not ok ${name}\n  ${fault.message}\n  ${seen.faults.join('\n  ')}`);
	}
	await seen.close();
	await place.close();
}
await browser.close();
console.log(`${LOOKS.length} looks, ${wrong} amiss`);
process.exitCode = wrong ? 1 : 0;
