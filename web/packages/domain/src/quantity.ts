// Energy is whole watt-hours, water whole litres. Both become text here.

import { thousands, UNKNOWN } from './money';
import type { Language } from './words';

/** The units a meter counts in. */
export type Unit = 'wh' | 'l';

/** What a meter measures. */
export type Purpose = 'electricity' | 'water' | 'gas';

/** Thousandths as a decimal with `places`, cut and not rounded up: use not yet full is not shown. */
function decimal(thousandths: number, places: 1 | 2 | 3): string {
	const size = Math.abs(thousandths);
	const rest = String(size % 1000).padStart(3, '0').slice(0, places);
	return `${thousandths < 0 ? '−' : ''}${thousands(Math.floor(size / 1000))}.${rest}`;
}

/** The figure alone, in 度 or m³. Water has three places where it is less than one. */
export function amountOf(quantity: number | null | undefined, unit: Unit): string {
	if (quantity == null) return UNKNOWN;
	if (!Number.isSafeInteger(quantity)) throw new RangeError(`not whole ${unit}: ${quantity}`);
	const places = unit === 'l' && Math.abs(quantity) < 1000 && quantity % 10 !== 0 ? 3 : 2;
	return decimal(quantity, places);
}

/** The unit people know: 度 is one kilowatt-hour, 吨 one cubic metre of water. */
export function unitOf(unit: Unit, purpose: Purpose, language: Language): string {
	if (unit === 'wh') return language === 'en' ? 'kWh' : '度';
	if (purpose === 'water' && language !== 'en') return '吨';
	return 'm³';
}

/** `3.65 度`, `1.23 吨`, `0.42 m³`, `—`. */
export function quantityText(
	quantity: number | null | undefined,
	unit: Unit,
	purpose: Purpose,
	language: Language,
): string {
	const amount = amountOf(quantity, unit);
	return amount === UNKNOWN ? UNKNOWN : `${amount} ${unitOf(unit, purpose, language)}`;
}

/** A round number at or above the highest value: 1, 2, 4, 5, 8 or 10 times a power of ten. */
export function scaleTop(highest: number): number {
	if (highest <= 0) return 1000;
	let power = 1;
	while (power * 10 <= highest) power *= 10;
	for (const step of [1, 2, 4, 5, 8, 10]) {
		if (step * power >= highest) return step * power;
	}
	return power * 10;
}

/** The short text of a grid line: `0.4`, `5`, `1,200`. */
export function tick(quantity: number): string {
	return decimal(quantity, 3).replace(/\.?0+$/, '');
}
