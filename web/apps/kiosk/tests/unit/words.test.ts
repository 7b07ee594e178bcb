import { describe, expect, it } from 'vitest';
import { WORDS } from '@/say/words';

/** Words that are the same in both languages, or a switch that is named in the other one. */
const EITHER = new Set(['page', 'other_language', 'pay_with', 'meter_of']);
const places = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

describe('the page’s words', () => {
	it.each(Object.entries(WORDS))('%s is said in both languages', (name, [zh, en]) => {
		expect(zh).not.toBe('');
		expect(en).not.toBe('');
		expect(places(zh)).toEqual(places(en));
		if (EITHER.has(name)) return;
		expect(en, 'English without Chinese').not.toMatch(/[\u4e00-\u9fff]/);
		expect(zh, 'Chinese beside digits or Latin has a space').not.toMatch(
			/[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]/,
		);
	});
});
