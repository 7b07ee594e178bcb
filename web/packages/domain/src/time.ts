// Moments in words, at the fixed +08:00 of the sites. Mini-programs have no time zones of their
// own, so the sum is done here; the country has had no summer time since 1991.

import type { Language } from './words';

const OFFSET_MS = 8 * 3_600_000;
/** A day, in milliseconds. */
export const DAY_MS = 86_400_000;

interface Parts {
	year: number;
	month: number;
	day: number;
	weekday: number;
	hour: number;
	minute: number;
	second: number;
}

function parts(at: number): Parts {
	const shifted = new Date(at + OFFSET_MS);
	return {
		year: shifted.getUTCFullYear(),
		month: shifted.getUTCMonth() + 1,
		day: shifted.getUTCDate(),
		weekday: shifted.getUTCDay(),
		hour: shifted.getUTCHours(),
		minute: shifted.getUTCMinutes(),
		second: shifted.getUTCSeconds(),
	};
}

const two = (value: number): string => String(value).padStart(2, '0');
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const WEEKDAYS = [...'日一二三四五六'];
const WEEKDAYS_EN = 'Sun Mon Tue Wed Thu Fri Sat'.split(' ');

/** Milliseconds of an RFC 3339 moment; null for none or for what is no moment. */
export function moment(text: string | null | undefined): number | null {
	if (!text) return null;
	const at = Date.parse(text);
	return Number.isNaN(at) ? null : at;
}

/** `14:32`. */
export function short(at: number): string {
	const { hour, minute } = parts(at);
	return `${two(hour)}:${two(minute)}`;
}

/** `14:32:07`, where the seconds are proof. */
export const clock = (at: number): string => `${short(at)}:${two(parts(at).second)}`;

/** `2026-11-20` of the site. */
export function dateOf(at: number): string {
	const { year, month, day } = parts(at);
	return `${year}-${two(month)}-${two(day)}`;
}

/** The beginning of a site's day `2026-11-20`, in milliseconds. */
export const dayStart = (date: string): number => Date.parse(`${date}T00:00:00+08:00`);

/** The hour of the day at the site, 0 to 23. */
export const hourOf = (at: number): number => parts(at).hour;
/** The day of the month at the site. */
export const dayOf = (at: number): number => parts(at).day;
/** The month at the site, 1 to 12. */
export const monthOf = (at: number): number => parts(at).month;
/** The year at the site. */
export const yearOf = (at: number): number => parts(at).year;

/** `11 月 18 日`, with the year where it is another than now's. */
export function dayText(at: number, now: number, language: Language): string {
	const [then, today] = [parts(at), parts(now)];
	const other = then.year !== today.year;
	if (language === 'en') {
		const text = `${then.day} ${MONTHS[then.month - 1]}`;
		return other ? `${text} ${then.year}` : text;
	}
	const text = `${then.month} 月 ${then.day} 日`;
	return other ? `${then.year} 年 ${text}` : text;
}

/** `2026 年 11 月`. */
export function monthText(at: number, language: Language): string {
	const { year, month } = parts(at);
	return language === 'en' ? `${MONTHS[month - 1]} ${year}` : `${year} 年 ${month} 月`;
}

/** `2026 年`. */
export const yearText = (at: number, language: Language): string =>
	language === 'en' ? String(parts(at).year) : `${parts(at).year} 年`;

/** `周六`. */
export const weekday = (at: number, language: Language): string =>
	language === 'en' ? (WEEKDAYS_EN[parts(at).weekday] ?? '') : `周${WEEKDAYS[parts(at).weekday]}`;

/** `今天`, `昨天`, or nothing. */
export function nearDay(at: number, now: number, language: Language): string {
	if (dateOf(at) === dateOf(now)) return language === 'en' ? 'today' : '今天';
	if (dateOf(at) === dateOf(now - DAY_MS)) return language === 'en' ? 'yesterday' : '昨天';
	return '';
}

/** `14:30`, `昨天 23:00`, `11 月 18 日 23:00`. */
export function when(at: number, now: number, language: Language): string {
	const near = nearDay(at, now, language);
	if (dateOf(at) === dateOf(now)) return short(at);
	return `${near || dayText(at, now, language)} ${short(at)}`;
}

/** The same with the word 今天, where a sentence needs a day: `今天 09:00`. */
export function whenInFull(at: number, now: number, language: Language): string {
	const near = nearDay(at, now, language);
	return `${near || dayText(at, now, language)} ${short(at)}`;
}

/** A span in seconds: `9 秒`, `6 分 4 秒`, `37 分钟`, `2 小时 5 分`, `3 天`. */
export function span(seconds: number, language: Language): string {
	const all = Math.max(0, Math.floor(seconds));
	const [minutes, hours] = [Math.floor(all / 60), Math.floor(all / 3600)];
	const english = language === 'en';
	if (all < 60) return english ? `${all} s` : `${all} 秒`;
	if (minutes < 10) {
		return english ? `${minutes} min ${all % 60} s` : `${minutes} 分 ${all % 60} 秒`;
	}
	if (minutes < 60) return english ? `${minutes} min` : `${minutes} 分钟`;
	if (hours < 48) {
		return english ? `${hours} h ${minutes % 60} min` : `${hours} 小时 ${minutes % 60} 分`;
	}
	const days = Math.floor(hours / 24);
	return english ? `${days} days` : `${days} 天`;
}
