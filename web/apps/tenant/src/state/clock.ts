// The moment all pages show ages against; it moves every second while somebody looks.

import { ref } from 'vue';

const TICK_MS = 1_000;

/** Now, in milliseconds. */
export const now = ref(Date.now());

setInterval(() => {
	now.value = Date.now();
}, TICK_MS);
