// Periods of use and their bars.

import type { Usage, UsagePoint } from '@yufu/api';
import { DAY_MS, dateOf, dayStart, dayText, monthOf, monthText, short, weekday } from '@yufu/domain';
import { yearOf, yearText, type Language } from '@yufu/domain';

/** What one looks at: one day by hours, one month by days, one year by months. */
export type Scope = 'day' | 'month' | 'year';

/** One bar's place in its period. */
export interface Slot {
	from: number;
	until: number;
	quantity: number | null;
	amount_fen: number | null;
	before: number | null;
	estimated: boolean;
	/** Still running. */
	open: boolean;
	future: boolean;
}

const HOUR_MS = 3_600_000;
const two = (value: number) => String(value).padStart(2, '0');
const monthStart = (year: number, month: number) => {
	const [y, m] = [year + Math.floor((month - 1) / 12), ((((month - 1) % 12) + 12) % 12) + 1];
	return dayStart(`${y}-${two(m)}-01`);
};

/** The beginning of the period `back` periods before the one of `now`. */
export function periodStart(scope: Scope, now: number, back: number): number {
	if (scope === 'day') return dayStart(dateOf(now)) - back * DAY_MS;
	if (scope === 'month') return monthStart(yearOf(now), monthOf(now) - back);
	return dayStart(`${yearOf(now) - back}-01-01`);
}

/** The beginnings of a period's bars, and its end at last. */
export function edges(scope: Scope, start: number): number[] {
	if (scope === 'day') return Array.from({ length: 25 }, (_, hour) => start + hour * HOUR_MS);
	const [year, month] = [yearOf(start), monthOf(start)];
	if (scope === 'year') return Array.from({ length: 13 }, (_, at) => monthStart(year, 1 + at));
	const days = Math.round((monthStart(year, month + 1) - start) / DAY_MS);
	return Array.from({ length: days + 1 }, (_, day) => start + day * DAY_MS);
}

/** How a period is asked for. */
export function question(scope: Scope, start: number) {
	const by = ({ day: 'hour', month: 'day', year: 'month' } as const)[scope];
	const all = edges(scope, start);
	return { by, from: dateOf(start), until: dateOf(all[all.length - 1] ?? start) };
}

/** A period's bars. What nobody read stays a gap. */
export function slots(scope: Scope, start: number, usage: Usage | null, now: number): Slot[] {
	const all = edges(scope, start);
	const points = new Map<number, UsagePoint>();
	for (const point of usage?.points ?? []) points.set(Date.parse(point.from), point);
	return all.slice(0, -1).map((from, at) => {
		const point = points.get(from);
		const until = all[at + 1] ?? from;
		return {
			from,
			until,
			quantity: point?.quantity ?? null,
			amount_fen: point?.amount_fen ?? null,
			before: usage?.before?.[at]?.quantity ?? null,
			estimated: point?.estimated ?? false,
			open: from <= now && now < until,
			future: from > now,
		};
	});
}

/** The marks under a period's bars, in hundredths of its width. */
export function marks(scope: Scope, count: number, language: Language) {
	if (scope === 'day') {
		const unit = language === 'en' ? '24 h' : '24 时';
		return [0, 6, 12, 18, 24].map((hour) => ({
			at: (hour / 24) * 100,
			text: hour === 24 ? unit : String(hour),
		}));
	}
	const wanted = scope === 'month' ? [1, 5, 10, 15, 20, 25, 30] : [1, 3, 5, 7, 9, 11];
	const shown = wanted.filter((mark) => mark <= count);
	return shown.map((mark) => ({ at: ((mark - 0.5) / count) * 100, text: String(mark) }));
}

/** The name of a period: 今天 has its date, a month its year. */
export function periodName(scope: Scope, start: number, now: number, language: Language): string {
	if (scope === 'day') return dayText(start, now, language);
	return scope === 'month' ? monthText(start, language) : yearText(start, language);
}

/** The name of a bar. */
export function slotName(scope: Scope, slot: Slot, now: number, language: Language): string {
	if (scope === 'day') return `${short(slot.from)}–${short(slot.until - 1).slice(0, 3)}59`;
	if (scope === 'year') return monthText(slot.from, language);
	const comma = language === 'en' ? ', ' : '，';
	return `${dayText(slot.from, now, language)}${comma}${weekday(slot.from, language)}`;
}
