import { expect, test } from 'vitest';
import { createHash } from 'node:crypto';
import { abortAfter, byFetch, byUni } from '../src';
import { prove, sha256, zeroBits } from '../src/proof';

test('uni.request is carried as text and read back as a document', async () => {
	const asked: { data?: string; header: Record<string, string> }[] = [];
	const send = byUni((options) => {
		asked.push(options);
		options.success({ statusCode: 201, data: '{"a":1}', header: { 'X-One': 'two' } });
	});
	const answer = await send({ method: 'POST', url: '/x', headers: {}, body: { b: 2 } });
	expect([answer.status, answer.data, answer.header('x-one')]).toEqual([201, { a: 1 }, 'two']);
	expect(asked[0]!.data).toBe('{"b":2}');
	const lost = byUni((options) => options.fail({ errMsg: 'request:fail' }));
	await expect(lost({ method: 'GET', url: '/x', headers: {} })).rejects.toBeDefined();
});

test('fetch is given up after its time and reads what is no document as nothing', async () => {
	const timers: (() => void)[] = [];
	const timer = { setTimeout: (run: () => void) => timers.push(run), clearTimeout: () => undefined };
	let aborted = 0;
	const make = () => ({ signal: {}, abort: () => { aborted += 1; } });
	const texts = ['{"a":1}', '', '<html>'];
	const send = byFetch(
		async () => ({ status: 200, headers: { get: () => null }, text: async () => texts.shift()! }),
		abortAfter(make, timer),
	);
	const data = [];
	for (let n = 0; n < 3; n += 1) {
		data.push((await send({ method: 'GET', url: '/x', headers: {} })).data);
	}
	expect(data).toEqual([{ a: 1 }, null, null]);
	timers[0]!();
	expect(aborted).toBe(1);
});

test('our SHA-256 is the one of OpenSSL', () => {
	const texts = ['', 'abc', '预付', 'a'.repeat(55), 'a'.repeat(56), 'a'.repeat(64), 'b'.repeat(1000)];
	for (const text of texts) {
		const ours = sha256(text).map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
		expect(ours, text).toBe(createHash('sha256').update(text).digest('hex'));
	}
});

test('a proof begins with as many zero bits as were asked for', async () => {
	const proof = await prove('puzzle', 10, () => Promise.resolve());
	expect(zeroBits(sha256(`puzzle:${proof}`))).toBeGreaterThanOrEqual(10);
	expect(await prove('puzzle', 99, () => Promise.resolve())).toBeNull();
	expect(zeroBits([0, 1, 0, 0, 0, 0, 0, 0])).toBe(63);
});
