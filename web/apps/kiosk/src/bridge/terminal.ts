// Keeps the view and the beat. The page decides nothing: it draws the answer to its last question.

import { readonly, ref, shallowRef } from 'vue';
import { bridge } from './bridge';
import { played } from './film';
import type { Intent, View } from './view';

/** Between two signs of life, in milliseconds. */
export const BEAT_MS = 1_000;
/** So long after the screen has changed a touch is not meant for what stands there now. */
export const SETTLE_MS = 250;
/** So many beats without an answer and the page says that nothing can be done at it. */
export const LOST_BEATS_MAX = 5;
/** More signs of life than these are never out at once. */
const BEATS_OUT_MAX = 3;

const way = bridge();
const current = shallowRef<View | null>(null);
const busy = ref(false);
const lost = ref(0);

let asked = 0;
let drawn = 0;
let touched = performance.now();
let changed = performance.now();
let shown: number | null = null;
let ended: number | null = null;
let out = 0;
let told: number | null = null;

/** What there is to draw; null before the first answer. */
export const view = readonly(current) as Readonly<typeof current>;
/** Whether a touch is on its way to the terminal. */
export const sending = readonly(busy);
/** Beats in a row nobody answered. */
export const silent = readonly(lost);

/** Answers may cross on the way: only one to a later question than the last one is drawn. */
function draw(number: number, answer: View): void {
	if (number <= drawn) return;
	drawn = number;
	lost.value = 0;
	if (answer.screen.screen !== current.value?.screen.screen) {
		changed = performance.now();
		// It counts from when it can be seen.
		requestAnimationFrame(() => (changed = performance.now()));
	}
	current.value = answer;
	shown = answer.screen.screen === 'home' ? answer.screen.content.version : null;
}

async function beat(): Promise<void> {
	if (out >= BEATS_OUT_MAX) {
		lost.value += 1;
		return;
	}
	out += 1;
	const number = ++asked;
	const play_ended = ended;
	try {
		const answer = await way.beat({
			seq: current.value?.seq ?? 0,
			screen: current.value?.screen.screen ?? '',
			last_input_ms: Math.round(untouched()),
			plays: played,
			shown_content: shown,
			play_ended,
		});
		if (ended === play_ended) ended = null;
		draw(number, answer);
	} catch {
		lost.value += 1;
	} finally {
		out -= 1;
	}
}

/** Tells the terminal what was touched. One at a time: a second finger is not heard meanwhile. */
export async function tell(intent: Intent): Promise<void> {
	if (busy.value) return;
	busy.value = true;
	const number = ++asked;
	try {
		draw(number, await way.intent(intent));
	} catch {
		lost.value += 1;
	} finally {
		busy.value = false;
	}
}

/** A showing is over or cannot be shown; the next beat says so at once. */
export function over(play: number): void {
	if (play === told) return;
	told = play;
	ended = play;
	void beat();
}

/** Somebody touches. False where the screen has just changed under the finger. */
export function touch(): boolean {
	touched = performance.now();
	return touched - changed >= SETTLE_MS;
}

/** For how long nobody has touched the screen, in milliseconds. */
export const untouched = (): number => performance.now() - touched;

/** Begins to beat, and never stops. */
export function start(): void {
	void beat();
	setInterval(() => void beat(), BEAT_MS);
}
