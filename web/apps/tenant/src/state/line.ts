// Whether this phone has a network, and whether the server says that all this is a demonstration.

import { reactive } from 'vue';
import type { Reply } from '@yufu/api';

/** What is known of the line. */
export const line = reactive({ offline: false, demo: false });

/** Every answer tells that the line is there; a demonstration says so in each of them. */
export function heard(reply: Reply): void {
	line.demo = reply.header('yufu-demo') !== undefined;
}

/** Follows the network of the phone. */
export function watchLine(): void {
	// #ifdef H5
	line.offline = navigator.onLine === false;
	window.addEventListener('online', () => (line.offline = false));
	window.addEventListener('offline', () => (line.offline = true));
	// #endif
	// #ifndef H5
	uni.onNetworkStatusChange?.(({ isConnected }) => {
		line.offline = !isConnected;
	});
	// #endif
}
