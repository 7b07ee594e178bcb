// Who carries a request. H5 has fetch, mini-programs have uni.request; both are handed in.

/** A request ready to be carried. */
export interface Request {
	method: 'GET' | 'POST' | 'PUT' | 'DELETE';
	url: string;
	headers: Record<string, string>;
	body?: unknown;
}
/** What came back. */
export interface Reply {
	status: number;
	data: unknown;
	header: (name: string) => string | undefined;
}
/** Carries a request; throws where nobody answered. */
export type Transport = (request: Request) => Promise<Reply>;

/** How long a call may take, in milliseconds. */
export const CALL_TIMEOUT_MS = 15_000;

interface FetchReply {
	status: number;
	headers: { get(name: string): string | null };
	text(): Promise<string>;
}
type Fetch = (url: string, init: Record<string, unknown>) => Promise<FetchReply>;
interface Timer {
	setTimeout(run: () => void, ms: number): unknown;
	clearTimeout(timer: never): void;
}

const read = (text: string): unknown => {
	try {
		return text === '' ? null : JSON.parse(text);
	} catch {
		return null;
	}
};

/** Carries by `fetch`; `give_up` makes the signal that ends a call nobody answers. */
export function byFetch(
	fetch: Fetch,
	give_up: (timer_ms: number) => { signal: unknown; done: () => void },
): Transport {
	return async ({ method, url, headers, body }) => {
		const { signal, done } = give_up(CALL_TIMEOUT_MS);
		try {
			const text = body === undefined ? undefined : JSON.stringify(body);
			const credentials = 'same-origin';
			const reply = await fetch(url, { method, headers, body: text, signal, credentials });
			const data = read(await reply.text());
			const header = (name: string) => reply.headers.get(name) ?? undefined;
			return { status: reply.status, data, header };
		} finally {
			done();
		}
	};
}

/** Ends a call after its time, by the AbortController of the page. */
export function abortAfter(
	make: () => { signal: unknown; abort(): void },
	timer: Timer,
): (timer_ms: number) => { signal: unknown; done: () => void } {
	return (timer_ms) => {
		const controller = make();
		const running = timer.setTimeout(() => controller.abort(), timer_ms);
		return { signal: controller.signal, done: () => timer.clearTimeout(running as never) };
	};
}

interface UniAnswer {
	statusCode: number;
	data: unknown;
	header?: Record<string, string>;
}
type UniRequest = (options: {
	url: string;
	method: 'GET' | 'POST' | 'PUT' | 'DELETE';
	header: Record<string, string>;
	data?: string;
	dataType?: string;
	timeout: number;
	success(answer: UniAnswer): void;
	fail(reason: unknown): void;
}) => unknown;

/** Carries by `uni.request`. The body goes as text: containers differ in how they write objects. */
export function byUni(request: UniRequest): Transport {
	return ({ method, url, headers, body }) =>
		new Promise((resolve, reject) => {
			request({
				url,
				method,
				header: headers,
				data: body === undefined ? undefined : JSON.stringify(body),
				// Anything but "json": an empty answer is no fault.
				dataType: 'text',
				timeout: CALL_TIMEOUT_MS,
				success: (answer) => {
					const fields = Object.entries(answer.header ?? {});
					const header = (name: string) =>
						fields.find(([field]) => field.toLowerCase() === name.toLowerCase())?.[1];
					const data = typeof answer.data === 'string' ? read(answer.data) : answer.data;
					resolve({ status: answer.statusCode, data, header });
				},
				fail: reject,
			});
		});
}
