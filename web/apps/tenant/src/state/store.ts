// What this device keeps. Every key begins alike, so that signing out can forget all of it.

const PREFIX = 'yf.';

/** The value kept under a name, or null. A value nobody can read is none. */
export function kept<T>(name: string): T | null {
	try {
		const text: unknown = uni.getStorageSync(PREFIX + name);
		return typeof text === 'string' && text !== '' ? (JSON.parse(text) as T) : null;
	} catch {
		return null;
	}
}

/** Keeps a value; null forgets it. A full or forbidden store keeps nothing and stops nobody. */
export function keep(name: string, value: unknown): void {
	try {
		if (value == null) uni.removeStorageSync(PREFIX + name);
		else uni.setStorageSync(PREFIX + name, JSON.stringify(value));
	} catch {
		// The page works on without its memory.
	}
}
