// What is told fits its place, however long a name is: it is drawn smaller as a whole until it does.
// What is touched is never drawn smaller.

import { nextTick, watch } from 'vue';
import { view } from '@/bridge/terminal';

/** Steps of the size, the last of which is the floor. */
const SIZES = [1, 0.94, 0.88, 0.82, 0.76, 0.7, 0.64, 0.58];

let fitted = '';

function fit(): void {
	const box = document.querySelector<HTMLElement>('.k-info');
	// The seconds of a code change nothing of its size.
	const text = `${box?.innerText.replace(/\d/g, '0')} ${innerWidth} ${innerHeight}`;
	if (!box || text === fitted) return;
	fitted = text;
	for (const size of SIZES) {
		box.style.setProperty('zoom', String(size));
		if (box.scrollHeight <= box.clientHeight + 2) return;
	}
}

/** Looks after every change of the screen. */
export function squeeze(): void {
	const look = () => void nextTick(fit);
	watch(view, look, { flush: 'post' });
	addEventListener('resize', look);
}
