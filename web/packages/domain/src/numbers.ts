// Numbers people compare with a paper: groups make them readable aloud.

/** `YF 2611 2014 3148 0417`. */
export function orderNo(text: string): string {
	const found = /^(YF)(.+)$/.exec(text);
	return found ? `${found[1]} ${fours(found[2] ?? '')}` : text;
}

/** `0021 0360 7735`. */
export const meterNo = (text: string): string => fours(text);

const fours = (text: string): string => text.replace(/\s/g, '').replace(/(.{4})(?=.)/g, '$1 ');

/** A mainland mobile number, without spaces, or null. */
export function mobile(typed: string): string | null {
	const text = typed
		.replace(/[０-９]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
		.replace(/[\s-]/g, '')
		.replace(/^(\+?86)(?=1\d{10}$)/, '');
	return /^1[3-9]\d{9}$/.test(text) ? text : null;
}

/** What can be dialled of a number as printed. */
export const dialled = (printed: string): string => printed.replace(/[^\d+]/g, '');
