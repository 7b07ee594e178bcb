// The one caller: puts the access token on, renews it once for everybody who waits, throws problem
// documents. Tokens live in a store that all tabs of a browser share.

import { Problem } from './problem';
import type { Reply, Request, Transport } from './transport';
import type { ProblemDocument, Session } from './types';

/** What is kept of a session. */
export interface Tokens {
	access: string;
	refresh: string;
	/** When the access token ends, in milliseconds of the phone's clock. */
	until: number;
}

/** Where tokens are kept. Every read asks the store: another tab may have renewed them. */
export interface TokenStore {
	read(): Tokens | null;
	write(tokens: Tokens | null): void;
}

/** What the caller needs from its surroundings. */
export interface Surroundings {
	/** `/api/mini/v1`, with the origin where a mini-program calls. */
	base: string;
	send: Transport;
	tokens: TokenStore;
	now: () => number;
	/**
	 * Runs one at a time, over all tabs. A refresh token is taken once: two tabs that renew at the
	 * same moment would look like a thief and end the session.
	 */
	alone: <T>(run: () => Promise<T>) => Promise<T>;
	/** The session is over: by sign-out elsewhere, by age, or because a token was used twice. */
	ended: (problem: Problem) => void;
	/** Sees every reply, for instance to notice that this is a demonstration. */
	seen?: (reply: Reply) => void;
}

/** The values a query may have; undefined ones are left out. */
export type Query = Record<string, string | number | boolean | undefined>;

/** What a call carries. */
export interface Call {
	query?: Query;
	body?: unknown;
	/** `Idempotency-Key` of a write that moves money or supply. */
	key?: string;
	/** Without the access token: sign-in, receipts by link. */
	open?: boolean;
}

/** An access token this close to its end is renewed before it is used. */
export const RENEW_BEFORE_MS = 20_000;

const query = (values: Query | undefined): string => {
	const pairs = Object.entries(values ?? {}).filter(([, value]) => value !== undefined);
	if (pairs.length === 0) return '';
	const text = pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
	return `?${text.join('&')}`;
};

/** A path with its values in place: ``path`/homes/${id}` ``. */
export const path = (parts: TemplateStringsArray, ...values: string[]): string =>
	parts.reduce((url, part, at) => url + encodeURIComponent(values[at - 1] ?? '') + part);

/** The caller of the API. */
export class Caller {
	private renewing: Promise<Tokens> | null = null;

	constructor(private readonly around: Surroundings) {}

	/** Whether somebody is signed in, as far as this device knows. */
	get signedIn(): boolean {
		return this.around.tokens.read() !== null;
	}

	/** Takes a session as the one to use. */
	take(session: Session): void {
		this.around.tokens.write({
			access: session.access_token,
			refresh: session.refresh_token,
			until: this.around.now() + session.expires_in_s * 1000,
		});
	}

	/** Forgets the session on this device. */
	forget(): void {
		this.around.tokens.write(null);
	}

	/** Calls and gives the document back; throws a {@link Problem}. */
	async call<T>(method: Request['method'], url: string, call: Call = {}): Promise<T> {
		if (call.open) return this.answer<T>(await this.send(method, url, call, null));
		let tokens = this.around.tokens.read();
		if (!tokens) throw this.end(new Problem(401, { code: 'session.expired' }));
		if (tokens.until - this.around.now() <= RENEW_BEFORE_MS) tokens = await this.renew(tokens);
		let reply = await this.send(method, url, call, tokens.access);
		if (reply.status === 401) {
			tokens = await this.renew(tokens);
			reply = await this.send(method, url, call, tokens.access);
			// A fresh token that is refused is the end: asking again would go round for ever.
			if (reply.status === 401) throw this.end(this.problem(reply));
		}
		return this.answer<T>(reply);
	}

	private async send(
		method: Request['method'],
		url: string,
		call: Call,
		token: string | null,
	): Promise<Reply> {
		const headers: Record<string, string> = { Accept: 'application/json' };
		if (call.body !== undefined) headers['Content-Type'] = 'application/json';
		if (call.key) headers['Idempotency-Key'] = call.key;
		if (token) headers.Authorization = `Bearer ${token}`;
		const request: Request = {
			method,
			url: this.around.base + url + query(call.query),
			headers,
			body: call.body,
		};
		const reply = await this.around.send(request).catch(() => {
			throw new Problem(0);
		});
		this.around.seen?.(reply);
		return reply;
	}

	private answer<T>(reply: Reply): T {
		if (reply.status >= 200 && reply.status < 300) return reply.data as T;
		throw this.problem(reply);
	}

	private problem(reply: Reply): Problem {
		const document = reply.data && typeof reply.data === 'object' ? reply.data : {};
		return new Problem(reply.status, document as ProblemDocument);
	}

	private end(problem: Problem): Problem {
		this.forget();
		this.around.ended(problem);
		return problem;
	}

	/** New tokens; all who wait share one renewal, and one tab does it for all. */
	private renew(used: Tokens): Promise<Tokens> {
		this.renewing ??= this.around
			.alone(() => this.renewAlone(used))
			.finally(() => {
				this.renewing = null;
			});
		return this.renewing;
	}

	private async renewAlone(used: Tokens): Promise<Tokens> {
		const kept = this.around.tokens.read();
		if (!kept) throw this.end(new Problem(401, { code: 'session.expired' }));
		// Another tab was here first.
		if (kept.access !== used.access) return kept;
		const body = { refresh_token: kept.refresh };
		const reply = await this.send('POST', '/session/refresh', { body }, null);
		if (reply.status === 401 || reply.status === 403) throw this.end(this.problem(reply));
		this.take(this.answer<Session>(reply));
		return this.around.tokens.read()!;
	}
}
