import { expect, test } from 'vitest';
import type { Usage } from '@yufu/api';
import { dateOf } from '@yufu/domain';
import { edges, marks, periodName, periodStart, question, slotName, slots } from '../../src/state/usage';

const NOW = Date.parse('2026-11-20T14:32:07+08:00');

test('periods begin at the midnights of the site', () => {
	const table = [
		['day', 0, '2026-11-20'],
		['day', 20, '2026-10-31'],
		['month', 0, '2026-11-01'],
		['month', 11, '2025-12-01'],
		['month', 23, '2024-12-01'],
		['year', 0, '2026-01-01'],
		['year', 2, '2024-01-01'],
	] as const;
	for (const [scope, back, date] of table) {
		expect(dateOf(periodStart(scope, NOW, back)), `${scope} ${back}`).toBe(date);
	}
});

test('a period has as many bars as it has hours, days or months', () => {
	const table = [
		['day', '2026-11-20', 24, '2026-11-21'],
		['month', '2026-11-01', 30, '2026-12-01'],
		['month', '2026-12-01', 31, '2027-01-01'],
		['month', '2024-02-01', 29, '2024-03-01'],
		['month', '2026-02-01', 28, '2026-03-01'],
		['year', '2026-01-01', 12, '2027-01-01'],
	] as const;
	for (const [scope, from, count, until] of table) {
		const start = Date.parse(`${from}T00:00:00+08:00`);
		expect(edges(scope, start), `${scope} ${from}`).toHaveLength(count + 1);
		expect(question(scope, start)).toMatchObject({ from, until });
	}
});

test('what nobody read stays a gap, what runs is open, what comes is future', () => {
	const start = periodStart('day', NOW, 0);
	const at = (hour: number) => new Date(start + hour * 3_600_000).toISOString();
	const point = (hour: number, quantity: number | null, estimated = false) => ({
		from: at(hour),
		until: at(hour + 1),
		quantity,
		amount_fen: quantity,
		estimated,
	});
	const usage = {
		points: [point(0, 120), point(2, null), point(3, 80, true), point(14, 30)],
		before: [point(0, 100)],
	} as Usage;
	const all = slots('day', start, usage, NOW);
	expect(all.map(({ quantity }) => quantity).slice(0, 4)).toEqual([120, null, null, 80]);
	expect([all[0]!.before, all[1]!.before]).toEqual([100, null]);
	expect(all[3]!.estimated).toBe(true);
	expect(all.filter(({ open }) => open).map(({ from }) => from)).toEqual([start + 14 * 3_600_000]);
	expect(all.filter(({ future }) => future)).toHaveLength(9);
	expect(slots('day', start, null, NOW).every(({ quantity }) => quantity === null)).toBe(true);
});

test('periods and bars have names people say', () => {
	const [day, month] = [periodStart('day', NOW, 0), periodStart('month', NOW, 0)];
	expect(periodName('day', day, NOW, 'zh-CN')).toBe('11 月 20 日');
	expect(periodName('month', month, NOW, 'zh-CN')).toBe('2026 年 11 月');
	expect(periodName('year', periodStart('year', NOW, 0), NOW, 'en')).toBe('2026');
	const hour = slots('day', day, null, NOW)[14]!;
	expect(slotName('day', hour, NOW, 'zh-CN')).toBe('14:00–14:59');
	const saturday = slots('month', month, null, NOW)[13]!;
	expect(slotName('month', saturday, NOW, 'zh-CN')).toBe('11 月 14 日，周六');
	expect(slotName('month', saturday, NOW, 'en')).toBe('14 Nov, Sat');
	expect(marks('month', 28, 'zh-CN').map(({ text }) => text)).toEqual(['1', '5', '10', '15', '20', '25']);
	expect(marks('day', 24, 'en').at(-1)).toEqual({ at: 100, text: '24 h' });
});
