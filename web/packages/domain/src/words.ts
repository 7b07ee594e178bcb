// Two languages, and how a word is picked. A pair is Chinese first, English second, everywhere.

/** The languages a person may choose. */
export type Language = 'zh-CN' | 'en';

/** One idea in both languages: Chinese, English. */
export type Pair = readonly [zh: string, en: string];

/** A text as the server sends it. */
export interface Text {
	zh: string;
	en: string;
}

/** The side of a pair that is wanted. */
export const pick = (pair: Pair, language: Language): string => pair[language === 'en' ? 1 : 0];

/** The side of a server's text that is wanted; an empty English one falls back to Chinese. */
export function pickText(text: Text | null | undefined, language: Language): string {
	if (!text) return '';
	return language === 'en' ? text.en || text.zh : text.zh || text.en;
}

/** Puts `{name}` places of a sentence; a place nobody fills stays visible, so tests find it. */
export function fill(sentence: string, values: Record<string, string | number> = {}): string {
	return sentence.replace(/\{(\w+)\}/g, (place, name: string) =>
		name in values ? String(values[name]) : place,
	);
}
