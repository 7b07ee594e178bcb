// The one caller of the pages, and what happens when it is told that the session is over.

import { reactive } from 'vue';
import { abortAfter, byFetch, byUni, Caller, Drafts, Mini, Problem } from '@yufu/api';
import type { Draft, Tokens, Transport } from '@yufu/api';
import { troubleOf, type Trouble } from '@yufu/domain';
import { alone } from './alone';
import { heard, line } from './line';
import { look } from './look';
import { keep, kept } from './store';

/** The path of the API; a mini-program is built with its origin. */
export const BASE = `${import.meta.env.VITE_YUFU_API ?? ''}/api/mini/v1`;

let send: Transport;
// #ifdef H5
send = byFetch(
	(url, init) => window.fetch(url, init as RequestInit),
	abortAfter(
		() => new AbortController(),
		{ setTimeout: (run, ms) => setTimeout(run, ms), clearTimeout: (timer) => clearTimeout(timer) },
	),
);
// #endif
// #ifndef H5
send = byUni((options) => uni.request(options as UniApp.RequestOptions));
// #endif

/** Why the last session ended, for the page that signs in. */
export const ending = reactive({ why: null as Trouble | null });

const caller = new Caller({
	base: BASE,
	send: (request) => send(request),
	now: () => Date.now(),
	tokens: { read: () => kept<Tokens>('session'), write: (tokens) => keep('session', tokens) },
	alone,
	ended: (problem) => {
		ending.why = problem.code ? troubleOf(faultOf(problem), look.language) : null;
		uni.reLaunch({ url: '/pages/welcome/welcome' });
	},
	seen: heard,
});

/** Every call of the API. */
export const api = new Mini(caller);

const random = (): string => {
	// #ifdef H5
	const numbers = crypto.getRandomValues(new Uint32Array(3));
	return Array.from(numbers, (number) => number.toString(36).padStart(7, '0')).join('');
	// #endif
	// #ifndef H5
	const part = () => Math.floor(Math.random() * 36 ** 7).toString(36).padStart(7, '0');
	return part() + part() + part();
	// #endif
};

/** An id nobody else makes: the moment and 96 random bits. */
export const makeId = (): string => `${Date.now().toString(36)}-${random()}`;

/** Orders wished for on this device. */
export const drafts = new Drafts(
	{ read: () => kept<Draft[]>('drafts') ?? [], write: (list) => keep('drafts', list) },
	makeId,
	() => Date.now(),
);

/** Waits; polls and tries have their pace from here. */
export const rest = (ms: number): Promise<void> =>
	new Promise((resolve) => setTimeout(resolve, ms));

function faultOf(problem: unknown) {
	const { status, document } = problem instanceof Problem ? problem : new Problem(-1);
	return { ...document, status, offline: line.offline };
}

/** Three sentences for what was thrown. */
export const trouble = (problem: unknown): Trouble => troubleOf(faultOf(problem), look.language);

/** The stable code of what was thrown, or nothing. */
export const codeOf = (problem: unknown): string => (problem instanceof Problem ? problem.code : '');
