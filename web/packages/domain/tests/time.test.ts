import { expect, test } from 'vitest';
import * as domain from '../src';

const { ageOf, clock, dateOf, dayStart, dayText, moment, monthText, span, weekday, when } = domain;
const at = (text: string) => Date.parse(`${text}+08:00`);
const NOW = at('2026-11-20T14:32:07');

test('the age of a figure is said as the table of states fixes it', () => {
	const table: [string | null, boolean, string, string, string][] = [
		['2026-11-20T14:31:41', false, 'fresh', '刚读到 14:31:41', 'Read just now 14:31:41'],
		['2026-11-20T14:31:07', false, 'fresh', '刚读到 14:31:07', 'Read just now 14:31:07'],
		['2026-11-20T14:31:06', false, 'as-of', '截至 14:31', 'As of 14:31'],
		['2026-11-20T12:32:07', false, 'as-of', '截至 12:32', 'As of 12:32'],
		['2026-11-20T12:32:06', false, 'old', '截至 12:32', 'As of 12:32'],
		['2026-11-19T23:00:00', false, 'old', '截至昨天 23:00', 'As of yesterday 23:00'],
		['2026-11-18T23:00:00', false, 'old', '截至 11 月 18 日 23:00', 'As of 18 Nov 23:00'],
		['2025-12-31T23:59:59', false, 'old', '截至 2025 年 12 月 31 日 23:59', 'As of 31 Dec 2025 23:59'],
		['2026-11-20T14:30:00', true, 'estimated', '估算，截至 14:30', 'Estimate, as of 14:30'],
		[null, false, 'none', '还没有读数', 'No reading yet'],
		[null, true, 'none', '还没有读数', 'No reading yet'],
	];
	for (const [text, estimated, kind, zh, en] of table) {
		const then = text == null ? null : at(text);
		const age = ageOf(then, NOW, 'zh-CN', estimated);
		expect([age.kind, age.text], zh).toEqual([kind, zh]);
		expect(ageOf(then, NOW, 'en', estimated).text).toBe(en);
	}
});

test('days are those of the site, whatever zone the phone is in', () => {
	expect(dateOf(Date.parse('2026-11-20T15:59:59Z'))).toBe('2026-11-20');
	expect(dateOf(Date.parse('2026-11-20T16:00:00Z'))).toBe('2026-11-21');
	expect(dayStart('2026-11-21')).toBe(Date.parse('2026-11-20T16:00:00Z'));
	expect(when(at('2026-11-19T23:59:59'), NOW, 'zh-CN')).toBe('昨天 23:59');
	expect(dayText(at('2026-01-01T00:00:00'), NOW, 'zh-CN')).toBe('1 月 1 日');
	expect(monthText(NOW, 'zh-CN')).toBe('2026 年 11 月');
	expect(monthText(NOW, 'en')).toBe('Nov 2026');
	expect([weekday(at('2026-11-14T08:00:00'), 'zh-CN'), weekday(NOW, 'en')]).toEqual(['周六', 'Fri']);
	expect(clock(NOW)).toBe('14:32:07');
	expect([moment(null), moment('no moment'), moment('2026-11-20T06:32:07Z')]).toEqual([null, null, NOW]);
});

test('a span of time is said in the two units that matter', () => {
	const table: [number, string, string][] = [
		[-3, '0 秒', '0 s'],
		[9.9, '9 秒', '9 s'],
		[364, '6 分 4 秒', '6 min 4 s'],
		[2_220, '37 分钟', '37 min'],
		[7_500, '2 小时 5 分', '2 h 5 min'],
		[259_200, '3 天', '3 days'],
	];
	for (const [seconds, zh, en] of table) {
		expect([span(seconds, 'zh-CN'), span(seconds, 'en')], zh).toEqual([zh, en]);
	}
});
