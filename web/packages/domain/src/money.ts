// Money is whole fen. It becomes text here and nowhere else; unknown is 一横 (—), never 0.

import type { Language } from './words';

/** What stands where a figure is not known. */
export const UNKNOWN = '—';

/** `12,345`. */
export const thousands = (whole: number): string =>
	String(whole).replace(/\B(?=(\d{3})+$)/g, ',');

/** A sum in the parts the pages draw in different sizes. */
export interface YuanParts {
	/** `−` or nothing; it stands before the sign of the currency. */
	sign: string;
	/** Whole yuan with commas, or 一横. */
	whole: string;
	/** `.40`, or nothing where the sum is unknown. */
	cents: string;
	known: boolean;
}

/** The parts of a sum of `fen`. A fraction of a fen is not money and is refused. */
export function yuanParts(fen: number | null | undefined): YuanParts {
	if (fen == null) return { sign: '', whole: UNKNOWN, cents: '', known: false };
	if (!Number.isSafeInteger(fen)) throw new RangeError(`not whole fen: ${fen}`);
	const size = Math.abs(fen);
	const cents = `.${String(size % 100).padStart(2, '0')}`;
	return { sign: fen < 0 ? '−' : '', whole: thousands(Math.floor(size / 100)), cents, known: true };
}

/** `¥1,915.00`, `−¥12.60`, `—`. */
export function yuan(fen: number | null | undefined): string {
	const { sign, whole, cents, known } = yuanParts(fen);
	return known ? `${sign}¥${whole}${cents}` : UNKNOWN;
}

/** `¥50` where the sum is whole yuan, for amounts to choose from. */
export function yuanShort(fen: number): string {
	return fen % 100 === 0 ? yuan(fen).slice(0, -3) : yuan(fen);
}

/** Why a typed amount is no amount. */
export type AmountFault = 'empty' | 'not-a-number' | 'too-many-places' | 'too-small' | 'too-large';

/** A typed amount in fen, or why it is none. Full-width digits are taken as what they mean. */
export function parseYuan(
	typed: string,
	least_fen: number,
	most_fen: number,
): { fen: number } | { fault: AmountFault } {
	const text = typed
		.replace(/[０-９．，]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
		.replace(/[\s¥￥,元]/g, '');
	if (text === '') return { fault: 'empty' };
	const found = /^(\d{1,9})(?:\.(\d*))?$/.exec(text);
	if (!found) return { fault: 'not-a-number' };
	const places = found[2] ?? '';
	if (places.length > 2) return { fault: 'too-many-places' };
	const fen = Number(found[1]) * 100 + Number(places.padEnd(2, '0'));
	if (fen < least_fen) return { fault: 'too-small' };
	if (fen > most_fen) return { fault: 'too-large' };
	return { fen };
}

/** A price of thousandths of a fen per unit: `¥0.588`, at least two places, at most five. */
export function priceYuan(fen_per_unit_milli: number): string {
	const whole = Math.floor(fen_per_unit_milli / 100_000);
	const rest = String(fen_per_unit_milli % 100_000).padStart(5, '0');
	return `¥${thousands(whole)}.${rest.slice(0, 2)}${rest.slice(2).replace(/0+$/, '')}`;
}

const DIGITS = '零壹贰叁肆伍陆柒捌玖';
const PLACES = ['', '拾', '佰', '仟'];
const GROUPS = ['', '万', '亿', '万亿'];

/** Four digits in words; `gap` says that a zero stands between this and what came before. */
function group(value: number, gap: boolean): string {
	let words = '';
	let zero = gap;
	for (let place = 3; place >= 0; place -= 1) {
		const digit = Math.floor(value / 10 ** place) % 10;
		if (digit === 0) {
			zero = zero || words !== '';
			continue;
		}
		words += `${zero && words !== '' ? '零' : ''}${DIGITS[digit]}${PLACES[place]}`;
		zero = false;
	}
	return gap && words !== '' ? `零${words}` : words;
}

/** 金额大写: `壹佰元整`, `壹仟肆佰零玖元伍角`, as the rules for filling in bank notes fix it. */
export function inWords(fen: number): string {
	if (!Number.isSafeInteger(fen)) throw new RangeError(`not whole fen: ${fen}`);
	const size = Math.abs(fen);
	let rest = Math.floor(size / 100);
	const groups: number[] = [];
	do {
		groups.push(rest % 10_000);
		rest = Math.floor(rest / 10_000);
	} while (rest > 0);
	let whole = '';
	for (let at = groups.length - 1; at >= 0; at -= 1) {
		const value = groups[at] ?? 0;
		if (value === 0) continue;
		whole += `${group(value, whole !== '' && value < 1_000)}${GROUPS[at]}`;
	}
	const [jiao, cent] = [Math.floor(size / 10) % 10, size % 10];
	const sign = fen < 0 ? '负' : '';
	if (size === 0) return '零元整';
	const yuanWords = whole && `${whole}元`;
	if (jiao === 0 && cent === 0) return `${sign}${yuanWords}整`;
	const jiaoWords = jiao > 0 ? `${DIGITS[jiao]}角` : whole && '零';
	return `${sign}${yuanWords}${jiaoWords}${cent > 0 ? `${DIGITS[cent]}分` : ''}`;
}

/** A signed change: `+¥100.00`, `−¥5.97`. */
export const change = (fen: number): string => (fen > 0 ? `+${yuan(fen)}` : yuan(fen));

/** `100 元` where a person is spoken to; figures elsewhere keep their sign. */
export const spoken = (fen: number, language: Language): string =>
	language === 'en' ? yuanShort(fen) : `${yuanShort(fen).replace('¥', '')} 元`;
