import { expect, test } from 'vitest';
import { change, inWords, parseYuan, priceYuan, spoken, yuan, yuanParts, yuanShort } from '../src';

test('fen become yuan, and what is not known is a dash', () => {
	const table: [number | null | undefined, string][] = [
		[0, '¥0.00'],
		[1, '¥0.01'],
		[99, '¥0.99'],
		[100, '¥1.00'],
		[8_640, '¥86.40'],
		[-1_260, '−¥12.60'],
		[191_500, '¥1,915.00'],
		[123_456_789, '¥1,234,567.89'],
		[null, '—'],
		[undefined, '—'],
	];
	for (const [fen, text] of table) expect(yuan(fen), String(fen)).toBe(text);
	expect(yuanParts(-5)).toEqual({ sign: '−', whole: '0', cents: '.05', known: true });
	expect(() => yuan(1.5)).toThrow(RangeError);
});

test('amounts to choose from are short, changes carry their sign', () => {
	expect([5_000, 2_564, 100_000].map(yuanShort)).toEqual(['¥50', '¥25.64', '¥1,000']);
	expect([10_000, -597, 0].map(change)).toEqual(['+¥100.00', '−¥5.97', '¥0.00']);
	expect(spoken(10_000, 'zh-CN')).toBe('100 元');
	expect(spoken(2_564, 'en')).toBe('¥25.64');
});

test('a typed amount is fen or says why it is none', () => {
	const table: [string, number | string][] = [
		['50', 5_000],
		['50.5', 5_050],
		['50.', 5_000],
		['25.64', 2_564],
		['￥1,000', 100_000],
		['２５．６４', 2_564],
		[' 30 元 ', 3_000],
		['', 'empty'],
		['  ', 'empty'],
		['abc', 'not-a-number'],
		['-5', 'not-a-number'],
		['1e3', 'not-a-number'],
		['.5', 'not-a-number'],
		['1.234', 'too-many-places'],
		['0.99', 'too-small'],
		['5000.01', 'too-large'],
		['999999999', 'too-large'],
	];
	for (const [typed, want] of table) {
		const got = parseYuan(typed, 100, 500_000);
		expect('fen' in got ? got.fen : got.fault, typed).toBe(want);
	}
});

test('a price keeps what it needs and no more', () => {
	const table: [number, string][] = [
		[58_800, '¥0.588'],
		[66_000, '¥0.66'],
		[100_000, '¥1.00'],
		[123_450, '¥1.2345'],
		[58_823, '¥0.58823'],
		[0, '¥0.00'],
	];
	for (const [milli, text] of table) expect(priceYuan(milli), String(milli)).toBe(text);
});

// The examples of the central bank's rules for filling in notes (票据和结算凭证填写规范); where the
// rules allow several forms all of them are listed.
test('sums in Chinese words are those of the rules for bank notes', () => {
	const table: [number, string[]][] = [
		[140_950, ['壹仟肆佰零玖元伍角']],
		[600_714, ['陆仟零柒元壹角肆分']],
		[168_032, ['壹仟陆佰捌拾元零叁角贰分', '壹仟陆佰捌拾元叁角贰分']],
		[
			10_700_053,
			['壹拾万柒仟元零伍角叁分', '壹拾万零柒仟元伍角叁分', '壹拾万柒仟元伍角叁分'],
		],
		[1_640_902, ['壹万陆仟肆佰零玖元零贰分']],
		[32_504, ['叁佰贰拾伍元零肆分']],
		[10_000, ['壹佰元整']],
		[0, ['零元整']],
		[5, ['伍分']],
		[50, ['伍角']],
		[105, ['壹元零伍分']],
		[1_000, ['壹拾元整']],
		[100_100, ['壹仟零壹元整']],
		[1_000_100, ['壹万零壹元整']],
		[10_000_000_100, ['壹亿零壹元整']],
		[123_456_789, ['壹佰贰拾叁万肆仟伍佰陆拾柒元捌角玖分']],
		[-2_564, ['负贰拾伍元陆角肆分']],
	];
	for (const [fen, forms] of table) expect(forms, String(fen)).toContain(inWords(fen));
});
