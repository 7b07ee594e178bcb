// What the page says now, in the language of the session.

import { fill, pickText, type Language, type Text } from '@yufu/domain';
import { computed } from 'vue';
import { view } from '@/bridge/terminal';
import { word, type Word } from './words';

/** The language of this session. */
export const language = computed<Language>(() =>
	view.value?.mode.language === 'en' ? 'en' : 'zh-CN',
);

/** A word of the page's own. */
export const w = (name: Word, values: Record<string, string | number> = {}): string =>
	fill(word(name, language.value), values);

/** A sentence of the terminal's or the server's. */
export const t = (text: Text | null | undefined): string => pickText(text, language.value);

/** Parts of one sentence, without those that say nothing. */
export const listed = (...parts: (string | null | undefined)[]): string =>
	parts.filter(Boolean).join(language.value === 'en' ? ', ' : '，');

/** Milliseconds of the moment the terminal calls now. */
export const now = computed(() => Date.parse(view.value?.now ?? ''));
