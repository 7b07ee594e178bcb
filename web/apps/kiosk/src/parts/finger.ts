// One finger at a time, and never on what has only just come under it.

import { touch } from '@/bridge/terminal';

let meant = false;

document.addEventListener(
	'pointerdown',
	() => {
		meant = touch();
	},
	{ capture: true },
);

/** Whether the touch that is just ending began when this screen already stood. */
export const settled = (): boolean => meant;

/** The touch that is just going on means nothing any more: it woke the screen. */
export function swallow(): void {
	meant = false;
}
