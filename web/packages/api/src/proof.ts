// Proof of work before a further text message: SHA-256 of `puzzle:proof` begins with `bits` zero
// bits. Mini-programs have no WebCrypto, and one implementation serves all three (FIPS 180-4).

const K: number[] = [];
const START: number[] = [];

function isPrime(n: number): boolean {
	for (let factor = 2; factor * factor <= n; factor += 1) if (n % factor === 0) return false;
	return true;
}

/** The constants are the fractions of roots of primes, as the standard derives them. */
function prepare(): void {
	const fraction = (value: number) => ((value - Math.floor(value)) * 0x1_0000_0000) | 0;
	for (let n = 2; K.length < 64; n += 1) {
		if (!isPrime(n)) continue;
		if (START.length < 8) START.push(fraction(Math.sqrt(n)));
		K.push(fraction(Math.cbrt(n)));
	}
}

function bytes(text: string): number[] {
	const escaped = encodeURIComponent(text);
	const found: number[] = [];
	for (let at = 0; at < escaped.length; at += 1) {
		if (escaped[at] === '%') {
			found.push(parseInt(escaped.slice(at + 1, at + 3), 16));
			at += 2;
		} else found.push(escaped.charCodeAt(at));
	}
	return found;
}

const turn = (value: number, by: number) => (value >>> by) | (value << (32 - by));

function block(state: number[], words: Int32Array): void {
	for (let t = 16; t < 64; t += 1) {
		const [w15, w2] = [words[t - 15]!, words[t - 2]!];
		const s0 = turn(w15, 7) ^ turn(w15, 18) ^ (w15 >>> 3);
		const s1 = turn(w2, 17) ^ turn(w2, 19) ^ (w2 >>> 10);
		words[t] = (words[t - 16]! + s0 + words[t - 7]! + s1) | 0;
	}
	let [a, b, c, d, e, f, g, h] = state as [
		number, number, number, number, number, number, number, number,
	];
	for (let t = 0; t < 64; t += 1) {
		const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
		const one = (h + s1 + ((e & f) ^ (~e & g)) + K[t]! + words[t]!) | 0;
		const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
		const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
		[h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
	}
	const sums = [a, b, c, d, e, f, g, h];
	for (let at = 0; at < 8; at += 1) state[at] = (state[at]! + sums[at]!) | 0;
}

/** SHA-256 as eight words of 32 bits. */
export function sha256(text: string): number[] {
	if (K.length === 0) prepare();
	const message = bytes(text);
	const bits = message.length * 8;
	message.push(0x80);
	while (message.length % 64 !== 56) message.push(0);
	for (let shift = 56; shift >= 0; shift -= 8) {
		message.push(shift >= 32 ? 0 : (bits >>> shift) & 0xff);
	}
	const state = [...START];
	const words = new Int32Array(64);
	for (let at = 0; at < message.length; at += 64) {
		for (let t = 0; t < 16; t += 1) {
			const from = at + t * 4;
			words[t] =
				(message[from]! << 24) |
				(message[from + 1]! << 16) |
				(message[from + 2]! << 8) |
				message[from + 3]!;
		}
		block(state, words);
	}
	return state;
}

/** How many zero bits a hash begins with. */
export function zeroBits(hash: number[]): number {
	let zeros = 0;
	for (const word of hash) {
		zeros += Math.clz32(word);
		if (word !== 0) break;
	}
	return zeros;
}

/** No puzzle asks for more; a larger one is not worked on. */
export const PROOF_BITS_MAX = 24;
/** Tries between two rests, so that the page keeps answering. */
const TRIES_AT_ONCE = 2_000;

/** Works a proof out; `rest` lets the page breathe between slices. */
export async function prove(
	puzzle: string,
	bits: number,
	rest: () => Promise<void>,
): Promise<string | null> {
	if (!Number.isInteger(bits) || bits > PROOF_BITS_MAX) return null;
	for (let tried = 0; tried < 2 ** (bits + 6); tried += 1) {
		if (zeroBits(sha256(`${puzzle}:${tried}`)) >= bits) return String(tried);
		if (tried % TRIES_AT_ONCE === TRIES_AT_ONCE - 1) await rest();
	}
	return null;
}
