import type { ProblemDocument } from './types';

/** A call that failed: the server's problem document, or nobody answered (status 0). */
export class Problem extends Error {
	override name = 'Problem';

	constructor(
		/** HTTP status; 0 where nobody answered. */
		readonly status: number,
		readonly document: ProblemDocument = {},
	) {
		super(document.code ?? `status ${status}`);
	}

	/** The stable code; empty where the server said none. */
	get code(): string {
		return this.document.code ?? '';
	}

	/** Whether it is unknown if the server did what was asked. */
	get unknown(): boolean {
		return this.status === 0 || this.status === 502 || this.status === 504;
	}
}
