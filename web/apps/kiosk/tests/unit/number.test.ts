import { describe, expect, it } from 'vitest';
import { after, asked, grouped } from '@/screens/number';

describe('a number on the pad', () => {
	it.each([
		['meter', 12, 6, 12, '', [4, 4, 4]],
		['phone', 11, 11, 11, '', [3, 4, 4]],
		['code', 6, 6, 6, '', [3, 3]],
		['last_four', 4, 4, 4, '', [4]],
		['order', 24, 16, 16, 'YF', [4, 4, 4, 4]],
		['order', 16, 16, 16, 'YF', [4, 4, 4, 4]],
		['something', 4, 4, 4, '', [4]],
	])('%s of %i is set in groups', (what, max, least, most, prefix, sizes) => {
		const found = asked(what, max);
		expect([found.least, found.most, found.prefix]).toEqual([least, most, prefix]);
		expect(grouped('', found).map((group) => group.length)).toEqual(sizes);
	});

	it('keeps what was typed in its places', () => {
		const groups = grouped('138123', asked('phone', 11));
		expect(groups.map((group) => group.join(''))).toEqual(['138', '123 ', '    ']);
	});

	it.each([
		['', '7', '7'],
		['1234', '5', '1234'],
		['123', 'erase', '12'],
		['', 'erase', ''],
		['123', 'clear', ''],
		['12', '.', '12'],
		['12', 'x', '12'],
	])('%o and the key %o make %o', (typed, key, want) => {
		expect(after(typed, key, 4)).toBe(want);
	});
});
