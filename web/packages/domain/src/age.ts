// The age of a figure. No age, no figure: who shows a balance shows this beside it.

import { clock, when } from './time';
import type { Language } from './words';

/** How the age looks: fresh from the meter, ordinary, old, worked out, or none. */
export type AgeKind = 'fresh' | 'as-of' | 'old' | 'estimated' | 'none';

/** An age in words, with its icon and colour. */
export interface Age {
	kind: AgeKind;
	text: string;
	icon: 'tick-ring' | 'clock' | 'warning' | 'half' | 'dash';
	colour: 'ok' | '' | 'warn' | 'doubt' | 'off';
}

/** Up to here a reading is called just read. */
export const FRESH_MS = 60_000;
/** An ordinary reading period; a figure older than two of them is shown in amber. */
export const READING_PERIOD_MS = 3_600_000;

/** The age of a figure of `at`, seen `now`. */
export function ageOf(
	at: number | null,
	now: number,
	language: Language,
	estimated = false,
	period_ms = READING_PERIOD_MS,
): Age {
	const english = language === 'en';
	if (at == null) {
		const text = english ? 'No reading yet' : '还没有读数';
		return { kind: 'none', text, icon: 'dash', colour: 'off' };
	}
	const moment = when(at, now, language);
	if (estimated) {
		const text = english ? `Estimate, as of ${moment}` : spaced('估算，截至', moment);
		return { kind: 'estimated', text, icon: 'half', colour: 'doubt' };
	}
	if (now - at <= FRESH_MS) {
		const text = english ? `Read just now ${clock(at)}` : `刚读到 ${clock(at)}`;
		return { kind: 'fresh', text, icon: 'tick-ring', colour: 'ok' };
	}
	const text = english ? `As of ${moment}` : spaced('截至', moment);
	const old = now - at > 2 * period_ms;
	return old
		? { kind: 'old', text, icon: 'warning', colour: 'warn' }
		: { kind: 'as-of', text, icon: 'clock', colour: '' };
}

/** Chinese set beside digits has a space, beside Chinese none. */
const spaced = (before: string, after: string): string =>
	/^[\d]/.test(after) ? `${before} ${after}` : `${before}${after}`;
