// Long names: the type gets smaller until a text fits its box, down to a floor people can read.

import type { Directive } from 'vue';

/** Never smaller than this, in hundredths of the size it begins with. */
const FLOOR = 20;
const STEP = 4;
/** How far letters may stand out of their line, as a part of their size. */
const LINE_SPARE = 0.25;

function fit(element: HTMLElement): void {
	element.style.fontSize = '';
	const begin = Number.parseFloat(getComputedStyle(element).fontSize);
	// Chinese letters stand out of a tight line a little; that is not a line too many.
	const over = (size: number) => {
		const spare = (begin * size * LINE_SPARE) / 100;
		const { scrollHeight, clientHeight, scrollWidth, clientWidth } = element;
		return scrollHeight > clientHeight + spare || scrollWidth > clientWidth + spare;
	};
	for (let size = 100; size > FLOOR && over(size); size -= STEP) {
		element.style.fontSize = `${(begin * (size - STEP)) / 100}px`;
	}
}

const seen = new WeakMap<HTMLElement, string>();

/** `v-fit` on a box with a bounded height. */
export const vFit: Directive<HTMLElement> = {
	mounted: (element) => {
		seen.set(element, element.textContent ?? '');
		fit(element);
	},
	updated: (element) => {
		const text = element.textContent ?? '';
		if (seen.get(element) === text) return;
		seen.set(element, text);
		fit(element);
	},
};
