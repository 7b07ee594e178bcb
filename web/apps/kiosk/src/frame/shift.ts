// A picture that stands for hours burns itself into a panel: idle screens move a little each minute,
// and not while somebody stands there.

import { computed, ref, watch } from 'vue';
import { untouched, view } from '@/bridge/terminal';
import { now } from '@/say/say';

/** How far a screen stands from its place, in rem; one rem is ten pixels, so 8 px at most. */
const PATH = [0, 0.4, 0.8, 0.4, 0, -0.4, -0.8, -0.4] as const;
const IDLE = ['home', 'out_of_service', 'unpaired', 'boot'];
/** So long after the last touch nobody stands there any more. */
const ALONE_MS = 30_000;

const minute = computed(() => Math.floor(now.value / 60_000));
const place = ref('none');

watch(minute, (at) => {
	if (Number.isNaN(at) || untouched() < ALONE_MS) return;
	place.value = `translate(${PATH[at % 8]}rem, ${PATH[(at * 3 + 2) % 8]}rem)`;
});

/** Where the screen stands this minute; in its place while somebody is at it. */
export const shift = computed(() =>
	IDLE.includes(view.value?.screen.screen ?? '') ? place.value : 'none',
);
