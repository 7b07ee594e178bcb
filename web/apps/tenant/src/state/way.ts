// Ways between the pages.

/** Where the pages begin once somebody is signed in. */
export const HOME = '/pages/home/home';

type Query = Record<string, string | undefined>;

/** The address of a page with its query. */
export function page(name: string, query: Query = {}): string {
	const pairs = Object.entries(query).filter(([, value]) => value);
	const text = pairs.map(([key, value]) => `${key}=${encodeURIComponent(value ?? '')}`).join('&');
	return `/pages/${name}/${name}${text && `?${text}`}`;
}

/** Opens a page over this one. */
export const go = (name: string, query: Query = {}): void => {
	uni.navigateTo({ url: page(name, query) });
};

/** Opens a page in place of this one. */
export const instead = (name: string, query: Query = {}): void => {
	uni.redirectTo({ url: page(name, query) });
};

/** Opens a page and forgets those before. */
export const anew = (name: string, query: Query = {}): void => {
	uni.reLaunch({ url: page(name, query) });
};

/** Back, or to the front page where this page was the first. */
export function goBack(): void {
	if (getCurrentPages().length > 1) uni.navigateBack({});
	else uni.reLaunch({ url: HOME });
}

/** Calls a number as it is printed. */
export function dial(printed: string): void {
	// #ifdef H5
	window.location.href = `tel:${printed.replace(/[^\d+]/g, '')}`;
	// #endif
	// #ifndef H5
	uni.makePhoneCall({ phoneNumber: printed.replace(/[^\d+]/g, ''), fail: () => undefined });
	// #endif
}

/** A value of a page's query as people sent it. */
export const asked = (query: Record<string, unknown> | undefined, name: string): string => {
	const value = query?.[name];
	if (typeof value !== 'string') return '';
	try {
		return decodeURIComponent(value);
	} catch {
		return value;
	}
};
