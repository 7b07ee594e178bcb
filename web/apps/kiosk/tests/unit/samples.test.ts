import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Intent, View } from '@/bridge/view';

const FOLDER = fileURLToPath(new URL('../../samples/', import.meta.url));
const read = (file: string): unknown => JSON.parse(readFileSync(FOLDER + file, 'utf8'));
const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));

describe('what the terminal says', () => {
	it('has samples', () => expect(files.length).toBeGreaterThan(60));

	it.each(files)('%s is a view, field by field', (file) => {
		expect(View.wrong(read(file), file)).toEqual([]);
	});

	it('is refused where a field is missing, unknown, or of another kind', () => {
		const view = read('home.json') as Record<string, unknown>;
		const { seq, ...without } = view;
		expect(View.wrong(without, 'view')).toEqual(['view.seq: missing']);
		expect(View.wrong({ ...view, more: 1 }, 'view')).toEqual(['view.more: nobody knows it']);
		expect(View.wrong({ ...view, seq: String(seq) }, 'view')).toEqual(['view.seq: number expected']);
		const elsewhere = { ...view, screen: { screen: 'elsewhere' } };
		expect(View.wrong(elsewhere, 'view')[0]).toContain('"elsewhere" is none of boot');
	});
});

describe('what the page tells', () => {
	it('is what the terminal reads, every intent of it', () => {
		const all = read('intents/all.json') as { intent: string }[];
		expect(all.flatMap((intent) => Intent.wrong(intent, intent.intent))).toEqual([]);
	});
});
