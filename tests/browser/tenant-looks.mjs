// Every page of a tenant who is signed in at a running demo, as the smallest phone shows it with
// large type in the dark: 320 px, 1.4 ×. Only looks; what holds for every look is held here too.

import { holds, picture } from '../../web/apps/tenant/tests/h5/look.mjs';

/** How long a page may take to show what is asked of it, in milliseconds. */
const PATIENCE_MS = 20_000;

/** Page and what to wait for; ORDER stands for the order that brought the light. */
const LOOKS = [
	['home/home', '交电费'],
	['top-up/top-up', '其他金额'],
	['order/order?id=ORDER', '灯亮了'],
	['receipt/receipt?order=ORDER', '人民币'],
	['orders/orders', '已送电'],
	['usage/usage', '这个月'],
	['entries/entries', '充值'],
	['supply/supply', '供电中'],
	['statement/statement', '下载 PDF'],
	['notices/notices', '通知'],
	['notice-choice/notice-choice', '免打扰'],
	['people/people', '邀请同住的人'],
	['me/me', '退出登录'],
	['bind/bind', '表号'],
	['welcome/welcome', '获取验证码', 'nobody'],
];

/** Looks at every page with what the browser of `context` keeps; answers how many there were. */
export async function looks(browser, context, origin, order) {
	const kept = (await context.storageState()).origins.find((one) => one.origin === origin);
	const session = kept?.localStorage.filter(({ name }) => name === 'yf.session') ?? [];
	const look = { language: 'zh-CN', elder: true, theme: 'system' };
	for (const [path, words, nobody] of LOOKS) {
		const localStorage = [
			{ name: 'yf.look', value: JSON.stringify(look) },
			...(nobody ? [] : session),
		];
		const own = await browser.newContext({
			viewport: { width: 320, height: 640 },
			colorScheme: 'dark',
			deviceScaleFactor: 2,
			isMobile: true,
			hasTouch: true,
			locale: 'zh-CN',
			timezoneId: 'Asia/Shanghai',
			reducedMotion: 'reduce',
			storageState: { cookies: [], origins: [{ origin, localStorage }] },
		});
		const page = await own.newPage();
		page.setDefaultTimeout(PATIENCE_MS);
		const faults = [];
		page.on('pageerror', (error) => faults.push(String(error)));
		page.on('console', (message) => {
			if (['error', 'warning'].includes(message.type())) faults.push(message.text());
		});
		const name = `tenant-small-dark-${path.split('/')[0]}`;
		await page.goto(`${origin}/m/#/pages/${path.replace('ORDER', order)}`);
		await page.getByText(words).first().waitFor();
		await page.waitForLoadState('networkidle');
		await picture(page, name);
		await holds({ page, faults }, name);
		await own.close();
	}
	return LOOKS.length;
}
