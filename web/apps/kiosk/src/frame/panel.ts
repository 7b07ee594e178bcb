// How the panel stands, and how many rows of a list it has room for.

import { computed, ref } from 'vue';
import { view } from '@/bridge/terminal';

const portrait = matchMedia('(orientation: portrait)');
const upright_ = ref(portrait.matches);
portrait.addEventListener('change', () => {
	upright_.value = portrait.matches;
});

/** Higher than wide. */
export const upright = computed(() => upright_.value);
/** 关怀版. */
export const elder = computed(() => view.value?.mode.elder === true);
/** Half the room for what is touched: across, or in 矮屏. */
export const tight = computed(() => !upright_.value || view.value?.mode.low === true);
