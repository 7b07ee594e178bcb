// WeChat as far as a compiled mini-program needs it: what `wx` answers, how a page is opened and
// tapped. Requests go over a real socket, to a stand of the contract or to a running server.

const http = require('node:http');
const path = require('node:path');
const { JSDOM } = require('jsdom');

// The simulator wants a browser's window. It runs a component's script again for every page that
// uses it and takes it out of Node's cache itself, so no other runner may keep a cache of its own.
const { window } = new JSDOM('<!doctype html><body>', { url: 'http://127.0.0.1/', pretendToBeVisual: true });
const GLOBALS = ['document', 'Event', 'CustomEvent', 'Element', 'HTMLElement', 'Node', 'navigator'];
for (const name of GLOBALS) {
	Object.defineProperty(global, name, { value: window[name], configurable: true, writable: true });
}
global.window = window;
const exparser = require('miniprogram-exparser');
const simulate = require('miniprogram-simulate');

const ROOT = path.join(__dirname, '../../dist/build/mp-weixin');
/** How long a page may take to show what is asked of it, in milliseconds. */
const PATIENCE_MS = 8_000;

const device = {
	platform: 'devtools',
	brand: 'devtools',
	model: 'iPhone 15',
	system: 'iOS 17',
	SDKVersion: '3.6.0',
	version: '8.0.50',
	language: 'zh_CN',
	theme: 'light',
	windowWidth: 375,
	windowHeight: 724,
	screenWidth: 375,
	screenHeight: 812,
	pixelRatio: 2,
	statusBarHeight: 44,
	fontSizeScaleFactor: 1,
	safeArea: { left: 0, right: 375, top: 44, bottom: 778, width: 375, height: 734 },
};

/** A WeChat that says yes to everything and asks nobody. */
const AGREEING = {
	appId: 'wx1234567890abcdef',
	login: async () => ({ code: 'wx-code' }),
	pay: async () => ({}),
	agree: async ({ tmplIds }) => Object.fromEntries(tmplIds.map((id) => [id, 'accept'])),
};

/**
 * A phone with the mini-program on it, whose requests go to `origin`. `wechat` is who signs in,
 * pays and agrees to messages.
 */
function phone(origin, wechat = AGREEING) {
	const stored = new Map();
	const calls = [];
	const ways = [];
	let app;
	/** A function of `wx` that ends later, by `success` or `fail` and then by `complete`. */
	const later = (name, work) => async (options = {}) => {
		calls.push([name, options]);
		const [end, result] = await work(options).then(
			(found) => ['success', { errMsg: `${name}:ok`, ...found }],
			(fault) => ['fail', { errMsg: `${name}:fail ${fault.message}` }],
		);
		options[end]?.(result);
		options.complete?.(result);
	};
	const go = (kind) => later(kind, async ({ url }) => void ways.push([kind, url]));
	const request = (options) => {
		const target = new URL(options.url, origin);
		const asked = http.request(target, { method: options.method, headers: options.header });
		asked.on('response', (response) => {
			const chunks = [];
			response.on('data', (chunk) => chunks.push(chunk));
			response.on('end', () => {
				const data = Buffer.concat(chunks).toString();
				const result = { statusCode: response.statusCode, data, header: response.headers };
				options.success?.(result);
				options.complete?.(result);
			});
		});
		asked.on('error', (reason) => options.fail?.({ errMsg: String(reason) }));
		asked.end(options.data);
		return { abort: () => asked.destroy() };
	};
	Object.assign(global, {
		App: (options) => (app = options),
		Page: () => undefined,
		getApp: () => app,
		getCurrentPages: () => [],
	});
	global.wx = Object.assign(global.wx ?? window.wx ?? {}, {
		request,
		login: later('login', wechat.login),
		requestPayment: later('requestPayment', wechat.pay),
		requestSubscribeMessage: later('requestSubscribeMessage', wechat.agree),
		navigateTo: go('navigateTo'),
		redirectTo: go('redirectTo'),
		reLaunch: go('reLaunch'),
		navigateBack: go('navigateBack'),
		getSystemInfoSync: () => device,
		getAppBaseInfo: () => device,
		getWindowInfo: () => device,
		getDeviceInfo: () => device,
		getSystemSetting: () => ({}),
		getAppAuthorizeSetting: () => ({}),
		getMenuButtonBoundingClientRect: () => ({ left: 281, right: 368, top: 48, bottom: 80 }),
		getAccountInfoSync: () => ({ miniProgram: { appId: wechat.appId } }),
		setNavigationBarTitle: (options) => options?.success?.({}),
		canIUse: () => true,
		getStorageSync: (name) => stored.get(name) ?? '',
		setStorageSync: (name, value) => void stored.set(name, value),
		removeStorageSync: (name) => void stored.delete(name),
		onAppShow: () => undefined,
		onAppHide: () => undefined,
		onThemeChange: () => undefined,
		onNetworkStatusChange: () => undefined,
		getLaunchOptionsSync: () => ({}),
		getEnterOptionsSync: () => ({}),
		nextTick: (run) => setTimeout(run),
	});
	require(path.join(ROOT, 'app.js'));
	app.onLaunch?.({ path: 'pages/home/home', query: {} });
	return { calls, ways, stored, open: (url) => open(url) };
}

/** Opens a page by its address and lets it begin. */
async function open(url) {
	const [where, text = ''] = url.replace(/^\//, '').split('?');
	const query = Object.fromEntries(new URLSearchParams(text));
	const page = simulate.render(simulate.load(path.join(ROOT, where), { rootPath: ROOT }));
	page.attach(document.createElement('div'));
	page.instance.onLoad?.(query);
	page.instance.onShow?.();
	return {
		page,
		text: () => page.dom.textContent,
		says: (wanted, patience_ms) =>
			until(
				() => page.dom.textContent.includes(wanted),
				() => `“${wanted}” in: ${page.dom.textContent}`,
				patience_ms,
			),
		tap: (word) => tap(page, word),
		type: (value) => type(page, value),
		lit: () => page.dom.querySelector('[class*=yf-lamp-cone]') !== null,
		close: () => {
			page.instance.onHide?.();
			page.instance.onUnload?.();
			page.detach();
		},
	};
}

/** Waits until something holds, at most so long; `say` tells what it was waited for. */
async function until(holds, say, patience_ms = PATIENCE_MS) {
	const began = Date.now();
	while (!(await holds())) {
		if (Date.now() - began > patience_ms) throw new Error(`waited in vain for ${say()}`);
		await simulate.sleep(30);
	}
}

/** Taps the innermost element that says `word`, a text or a pattern, as a finger does. */
async function tap(page, word) {
	const all = [...page.dom.querySelectorAll('*')];
	const meant = (text) => (word instanceof RegExp ? word.test(text) : text === word);
	const found = all.filter((element) => meant(element.textContent.trim())).pop();
	if (!found) throw new Error(`nothing says “${word}”: ${page.dom.textContent}`);
	const touch = { identifier: 1, pageX: 1, pageY: 1, clientX: 1, clientY: 1 };
	for (const name of ['touchstart', 'touchend']) {
		const event = new Event(name, { bubbles: true, cancelable: true });
		const touches = name === 'touchstart' ? [touch] : [];
		Object.assign(event, { touches, changedTouches: [touch], targetTouches: touches });
		found.dispatchEvent(event);
	}
	await simulate.sleep(60);
}

/** Types into the last field of the page. */
async function type(page, value) {
	const field = [...page.dom.querySelectorAll('wx-input')].pop();
	if (!field) throw new Error(`no field: ${page.dom.innerHTML}`);
	exparser.triggerEvent(field.__wxElement, 'input', { value });
	await simulate.sleep(60);
}

module.exports = { phone, until };
