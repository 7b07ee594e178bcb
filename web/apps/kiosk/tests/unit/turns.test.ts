import { describe, expect, it } from 'vitest';
import { turn } from '@/parts/turns';

describe('turns', () => {
	const table: [seconds: number[], now_s: number, at: number][] = [
		[[10], 7, 0],
		[[10], 10, 0],
		[[10, 15, 8], 0, 0],
		[[10, 15, 8], 9, 0],
		[[10, 15, 8], 10, 1],
		[[10, 15, 8], 24, 1],
		[[10, 15, 8], 25, 2],
		[[10, 15, 8], 32, 2],
		[[10, 15, 8], 33, 0],
		[[10, 0], 14, 1],
		[[10, 0], 15, 0],
		[[], 3, 0],
		[[10, 15], Number.NaN, 0],
	];
	it.each(table)('%j at %d s is %d', (seconds, now_s, at) => {
		expect(turn(seconds, now_s * 1_000)).toBe(at);
	});
});
