import { expect, test } from 'vitest';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = join(import.meta.dirname, '../../src');
const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((name) =>
	/\.(vue|ts)$/.test(name),
);
const texts = files.map((name) => [name, readFileSync(join(SOURCE, name), 'utf8')] as const);
const HAN = /\p{Script=Han}/u;

/** Every pair of a dictionary: name, Chinese, English. */
function pairs(text: string): [string, string, string][] {
	const found = text.matchAll(/([\w'-]+): \[\s*'([^'\n]*)',\s*'([^'\n]*)',?\s*\]/g);
	return [...found].map(([, name, zh, en]) => [name!, zh!, en!]);
}

test('every word of the pages is there in Chinese and in English', () => {
	const wrong: string[] = [];
	let count = 0;
	for (const [name, text] of texts) {
		for (const [word, zh, en] of pairs(text)) {
			count += 1;
			const places = (sentence: string) => (sentence.match(/\{\w+\}/g) ?? []).sort().join();
			if (!zh || !en || HAN.test(en) || places(zh) !== places(en)) wrong.push(`${name}: ${word}`);
		}
	}
	expect(wrong).toEqual([]);
	expect(count).toBeGreaterThan(200);
});

test('Chinese has a space before digits and Latin, full-width marks, and no stop at its end', () => {
	const wrong: string[] = [];
	for (const [name, text] of texts) {
		for (const [word, zh] of pairs(text)) {
			const tight = /\p{Script=Han}[0-9A-Za-z¥]|[0-9A-Za-z]\p{Script=Han}/u.test(zh);
			const narrow = /\p{Script=Han}[,;:!?.]|[,;:!?]\p{Script=Han}/u.test(zh);
			if (tight || narrow || /。$/.test(zh)) wrong.push(`${name}: ${word} ${zh}`);
		}
	}
	expect(wrong).toEqual([]);
});

test('no page speaks outside its dictionary', () => {
	const wrong: string[] = [];
	for (const [name, text] of texts.filter(([name]) => name.endsWith('.vue'))) {
		const template = text.split('</template>')[0]!.replace(/<!--[\s\S]*?-->/g, '');
		for (const line of template.split('\n')) {
			// The other language is named in itself.
			if (HAN.test(line.replace("'中文'", ''))) wrong.push(`${name}: ${line.trim()}`);
		}
	}
	expect(wrong).toEqual([]);
});

test('a word asked for stands in its dictionary', () => {
	const wrong: string[] = [];
	for (const [name, text] of texts.filter(([name]) => name.endsWith('.vue'))) {
		const known = new Set(pairs(text).map(([word]) => word.replaceAll("'", '')));
		for (const [, word] of text.matchAll(/\bw\('([\w-]+)'/g)) {
			if (!known.has(word!)) wrong.push(`${name}: ${word}`);
		}
	}
	expect(wrong).toEqual([]);
});
