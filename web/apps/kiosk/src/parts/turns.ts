// Whose turn it is where several things stand at one place, each for its seconds. It follows from
// the time alone: a page that is loaded anew goes on where it was.

/** No turn is shorter, in seconds. */
const LEAST_S = 5;

/** The place in `seconds` whose turn it is at `now_ms`; 0 where there is no time yet. */
export function turn(seconds: number[], now_ms: number): number {
	const spans = seconds.map((span) => Math.max(LEAST_S, span));
	const round = spans.reduce((sum, span) => sum + span, 0);
	if (!round || !Number.isFinite(now_ms)) return 0;
	let gone = Math.floor(now_ms / 1_000) % round;
	return spans.findIndex((span) => (gone -= span) < 0);
}
