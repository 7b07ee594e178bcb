import { expect, test } from 'vitest';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as domain from '../src';

const { confirming, fill, orderState, pickText, stepWords, supplyState, troubleOf, unread } = domain;
const { wayWord } = domain;

test('states have word, icon and colour, and an unknown one is never done', () => {
	const table: [string, string, string, string, string][] = [
		['restored', 'electricity', '已送电', 'Power restored', 'ok'],
		['restored', 'water', '已供水', 'Water restored', 'ok'],
		['sending', 'electricity', '充入中', 'Sending to meter', 'brand'],
		['in-doubt', 'electricity', '待确认', 'Being checked', 'doubt'],
		['closed', 'electricity', '已关闭', 'Closed', 'off'],
		['of-next-year', 'electricity', '待确认', 'Being checked', 'doubt'],
	];
	for (const [state, purpose, zh, en, colour] of table) {
		const told = orderState(state, purpose, 'zh-CN');
		expect([told.word, told.colour], state).toEqual([zh, colour]);
		expect(orderState(state, purpose, 'en').word).toBe(en);
	}
	expect(supplyState('off', 'electricity', 'zh-CN').word).toBe('已断电');
	expect(supplyState('waiting', 'water', 'en').word).toBe('Valve moving');
	expect(supplyState('of-next-year', 'water', 'zh-CN').word).toBe('状态未知');
});

test('the steps of a water order speak of valves', () => {
	expect(stepWords('restored', 'waiting', 'water', 'zh-CN').title).toBe('供水');
	expect(stepWords('restored', 'done', 'electricity', 'zh-CN').title).toBe('已送电');
	expect(stepWords('on-meter', 'doubt', 'electricity', 'en').title).toBe('Being checked');
	expect(stepWords('unheard-of', 'now', 'water', 'en')).toEqual({ title: 'unheard-of', hint: '' });
});

test('whoever comes back from a wallet without a sign-in hears why and what to do', () => {
	const table: [reason: string, zh: string, en: string][] = [
		['code_refused', '请再登录一次，或用手机号登录', 'Please sign in again, or sign in by phone'],
		['snapshot', '使用完整服务', 'Full Service'],
		['door_closed', '请过一会儿再试', 'Try again shortly'],
		['too_many_tries', '请过一小时再试', 'Try again in an hour'],
		['of_next_year', '请再登录一次', 'Please sign in again'],
		['constructor', '请再登录一次', 'Please sign in again'],
	];
	for (const [reason, zh, en] of table) {
		const [chinese, english] = [domain.refusalOf(reason, 'zh-CN'), domain.refusalOf(reason, 'en')];
		expect(chinese.what, reason).toMatch(/^没有登录/);
		expect(english.what, reason).toMatch(/^Not signed in/);
		expect(chinese.todo, reason).toContain(zh);
		expect(english.todo, reason).toContain(en);
		expect([chinese.safe, english.safe]).toEqual(['余额和订单都在', 'Balance and orders are still there']);
	}
});

test('every trouble has three sentences in both languages', () => {
	const faults = [
		{ status: 0 },
		{ status: 0, offline: true },
		{ status: 401 },
		{ status: 404 },
		{ status: 418 },
		{ status: 422, code: 'binding.refused' },
		{ status: 422, code: 'unheard-of', title: '金额不对', detail: 'Wrong amount' },
		{ status: 429 },
		{ status: 503 },
	];
	for (const fault of faults) {
		for (const language of ['zh-CN', 'en'] as const) {
			const three = troubleOf(fault, language);
			expect(Object.values(three).every((sentence) => sentence.length > 1), JSON.stringify(fault)).toBe(true);
		}
	}
	expect(troubleOf(faults[6]!, 'zh-CN').what).toBe('金额不对');
	expect(troubleOf(faults[6]!, 'en').what).toBe('Wrong amount');
	expect(confirming('zh-CN').todo).toBe('请不要再付一次，通常 1 分钟内有结果');
	expect(unread('¥86.40', '截至 14:30', 'zh-CN')).toBe('没有读到电表，余额仍是 ¥86.40，截至 14:30');
});

test('texts fall back, places are filled', () => {
	expect(pickText({ zh: '灯', en: '' }, 'en')).toBe('灯');
	expect(pickText(null, 'en')).toBe('');
	expect(fill('第 {n} 秒 {x}', { n: 4 })).toBe('第 4 秒 {x}');
	expect(wayWord('wechat-h5', 'zh-CN')).toBe('微信支付');
	expect(wayWord('alipay-mini', 'en')).toBe('Alipay');
});

test('Chinese in our words has a space before digits and Latin, and full-width punctuation', () => {
	const folder = join(import.meta.dirname, '../src');
	const wrong: string[] = [];
	for (const name of readdirSync(folder)) {
		const text = readFileSync(join(folder, name), 'utf8');
		for (const [, literal] of text.matchAll(/'([^'\n]*\p{Script=Han}[^'\n]*)'/gu)) {
			const tight = /\p{Script=Han}[0-9A-Za-z]|[0-9A-Za-z]\p{Script=Han}/u.test(literal!);
			const narrow = /\p{Script=Han}[,;:!?.]|[,;:!?]\p{Script=Han}/u.test(literal!);
			if (tight || narrow || /。$/.test(literal!)) wrong.push(`${name}: ${literal}`);
		}
	}
	expect(wrong).toEqual([]);
});
