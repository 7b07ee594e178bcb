// How the pages look: language, theme, 长辈版. Kept on this device and, once signed in, with the
// person.

import { computed, reactive } from 'vue';
import type { Preferences } from '@yufu/api';
import { fill, pick, type Language, type Pair } from '@yufu/domain';
import { keep, kept } from './store';

const CHOICE = 'look';
const STANDARD: Preferences = { language: 'zh-CN', elder: false, theme: 'system' };

const choice = kept<Partial<Preferences>>(CHOICE);

/** What was chosen, and what the system says. */
export const look = reactive({
	...STANDARD,
	...choice,
	chosen: choice !== null,
	systemDark: false,
	/** The container's own factor of type; 1.25 and above is large. */
	scale: 1,
	/** The space above a page drawn under the container's own bar, in px. */
	top: 0,
	/** The space right of the title that the container's capsule takes, in px. */
	capsule: 0,
});

/** Whether the pages are dark. */
export const dark = computed(() =>
	look.theme === 'system' ? look.systemDark : look.theme === 'dark',
);

/** The classes of a page's outermost view. */
export const lookClasses = computed(() => [
	dark.value ? 'yf-dark' : 'yf-light',
	look.elder ? 'yf-elder' : look.scale >= 1.2 ? 'yf-large' : '',
	look.language === 'en' ? 'yf-en' : 'yf-zh',
]);

/** The language of the pages. */
export const language = computed<Language>(() => look.language);

/** Changes what is named and keeps it. */
export function choose(changed: Partial<Preferences>): void {
	Object.assign(look, changed, { chosen: true });
	keep(CHOICE, { language: look.language, elder: look.elder, theme: look.theme });
	dress();
}

/** The choice as the server keeps it. */
export const preferences = (): Preferences => ({
	language: look.language,
	elder: look.elder,
	theme: look.theme,
});

/** Takes over what the person chose elsewhere; a choice made on this device stays. */
export function adopt(theirs: Preferences): void {
	if (!look.chosen) choose({ ...theirs });
}

function dress(): void {
	// #ifdef H5
	const root = document.documentElement;
	root.setAttribute('theme-mode', dark.value ? 'dark' : 'light');
	root.lang = look.language;
	// #endif
}

/** Follows the system's theme and the container's size of type. */
export function watchSystem(): void {
	// #ifdef H5
	const media = window.matchMedia('(prefers-color-scheme: dark)');
	look.systemDark = media.matches;
	media.addEventListener?.('change', () => {
		look.systemDark = media.matches;
		dress();
	});
	// #endif
	// #ifndef H5
	const system = uni.getSystemInfoSync();
	look.systemDark = system.theme === 'dark';
	uni.onThemeChange?.(({ theme }) => {
		look.systemDark = theme === 'dark';
	});
	// #endif
	// #ifdef MP-WEIXIN
	look.top = system.statusBarHeight ?? 0;
	look.scale = (system as { fontSizeScaleFactor?: number }).fontSizeScaleFactor ?? 1;
	const capsule = uni.getMenuButtonBoundingClientRect?.();
	look.capsule = capsule ? Math.max(0, system.windowWidth - capsule.left) : 96;
	// #endif
	dress();
}

/** The words of a page: a table of pairs, asked for by name in the language of the moment. */
export function dictionary<K extends string>(table: Record<K, Pair>) {
	return (name: K, values?: Record<string, string | number>): string =>
		fill(pick(table[name], look.language), values);
}
