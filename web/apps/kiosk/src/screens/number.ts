// What is typed on the pad: how many digits, how they are set, and what is sent.

/** A number that is asked for. */
export interface Asked {
	/** Digits at least, before it can be sent. */
	least: number;
	/** Digits at most. */
	most: number;
	/** What stands before the digits and is sent with them. */
	prefix: string;
	/** Where a gap stands: after how many digits each. */
	groups: number[];
}

/** An order's number: these letters, which the pad has not, and so many digits. */
const ORDER_PREFIX = 'YF';
const ORDER_DIGITS = 16;

/** What a number is like; `max` is the terminal's, in characters. */
export function asked(what: string, max: number): Asked {
	const fours = [4, 4, 4, 4, 4];
	switch (what) {
		case 'phone':
			return { least: max, most: max, prefix: '', groups: [3, 4, 4] };
		case 'code':
			return { least: max, most: max, prefix: '', groups: [3, 3] };
		case 'last_four':
			return { least: max, most: max, prefix: '', groups: [max] };
		case 'order': {
			const most = Math.min(max, ORDER_DIGITS);
			return { least: most, most, prefix: ORDER_PREFIX, groups: fours };
		}
		default:
			return { least: Math.min(6, max), most: max, prefix: '', groups: fours };
	}
}

/** The places of a number in their groups: what is typed, and blanks for what is not. */
export function grouped(typed: string, { most, groups }: Asked): string[][] {
	const places = [...typed.padEnd(most, ' ')];
	const found: string[][] = [];
	for (const size of groups) {
		if (places.length === 0) break;
		found.push(places.splice(0, size));
	}
	if (places.length > 0) found.push(places);
	return found;
}

/** What is typed after one key. */
export function after(typed: string, key: string, most: number): string {
	if (key === 'clear') return '';
	if (key === 'erase') return typed.slice(0, -1);
	return typed.length < most && /^\d$/.test(key) ? typed + key : typed;
}
