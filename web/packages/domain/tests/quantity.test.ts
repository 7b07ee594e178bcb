import { expect, test } from 'vitest';
import { amountOf, meterNo, mobile, orderNo, quantityText, scaleTop, tick, unitOf } from '../src';

test('energy and water have the unit people know', () => {
	const table: [number | null, 'wh' | 'l', 'electricity' | 'water' | 'gas', string, string][] = [
		[3_650, 'wh', 'electricity', '3.65 度', '3.65 kWh'],
		[999, 'wh', 'electricity', '0.99 度', '0.99 kWh'],
		[0, 'wh', 'electricity', '0.00 度', '0.00 kWh'],
		[133_970, 'wh', 'electricity', '133.97 度', '133.97 kWh'],
		[1_234_567, 'wh', 'electricity', '1,234.56 度', '1,234.56 kWh'],
		[null, 'wh', 'electricity', '—', '—'],
		[1_230, 'l', 'water', '1.23 吨', '1.23 m³'],
		[7, 'l', 'water', '0.007 吨', '0.007 m³'],
		[420, 'l', 'gas', '0.42 m³', '0.42 m³'],
	];
	for (const [quantity, unit, purpose, zh, en] of table) {
		expect(quantityText(quantity, unit, purpose, 'zh-CN'), zh).toBe(zh);
		expect(quantityText(quantity, unit, purpose, 'en'), en).toBe(en);
	}
	expect(unitOf('l', 'gas', 'zh-CN')).toBe('m³');
	expect(() => amountOf(1.5, 'wh')).toThrow(RangeError);
});

test('a chart ends at a round number that holds its highest bar', () => {
	const table: [number, number][] = [
		[0, 1_000],
		[740, 800],
		[800, 800],
		[801, 1_000],
		[8_910, 10_000],
		[10_001, 20_000],
		[133_970, 200_000],
		[7, 8],
	];
	for (const [highest, top] of table) expect(scaleTop(highest), String(highest)).toBe(top);
	expect([400, 5_000, 800, 1_200_000, 0, 10_000].map(tick)).toEqual([
		'0.4',
		'5',
		'0.8',
		'1,200',
		'0',
		'10',
	]);
});

test('numbers are grouped as they are read aloud', () => {
	expect(orderNo('YF2611201431480417')).toBe('YF 2611 2014 3148 0417');
	expect(orderNo('other')).toBe('other');
	expect(meterNo('002103607735')).toBe('0021 0360 7735');
});

test('a mobile number is a mainland one or nothing', () => {
	const table: [string, string | null][] = [
		['13812345678', '13812345678'],
		['138 1234 5678', '13812345678'],
		['+8613812345678', '13812345678'],
		['１３８１２３４５６７８', '13812345678'],
		['12812345678', null],
		['1381234567', null],
		['', null],
		['8613812345', null],
	];
	for (const [typed, want] of table) expect(mobile(typed), typed).toBe(want);
});
