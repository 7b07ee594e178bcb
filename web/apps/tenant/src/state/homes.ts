// The homes of the person, the one in front, and the meter of it that is looked at.

import { computed, reactive } from 'vue';
import type { Home, Meter } from '@yufu/api';
import { api } from './api';
import { keep, kept } from './store';

interface Kept {
	at: number;
	list: Home[];
}

/** What is known of the homes. */
export const homes = reactive({
	list: [] as Home[],
	/** When the list was asked for; null before the first answer. */
	at: null as number | null,
	/** Whether the list is one that this device kept. */
	old: false,
	home: kept<string>('home'),
	meter: kept<string>('meter'),
});

/** The home in front. */
export const home = computed(
	() => homes.list.find(({ id }) => id === homes.home) ?? homes.list[0] ?? null,
);

/** The meter in front: the one chosen, else electricity, else the first. */
export const meter = computed<Meter | null>(() => {
	const meters = home.value?.meters ?? [];
	const first = meters.find(({ purpose }) => purpose === 'electricity') ?? meters[0] ?? null;
	return meters.find(({ id }) => id === homes.meter) ?? first;
});

/** The other meters of the home. */
export const others = computed(() =>
	(home.value?.meters ?? []).filter(({ id }) => id !== meter.value?.id),
);

/** Puts a home in front. */
export function goHome(id: string): void {
	homes.home = id;
	homes.meter = null;
	keep('home', id);
	keep('meter', null);
}

/** Puts a meter in front. */
export function goMeter(id: string): void {
	homes.meter = id;
	keep('meter', id);
}

/** A meter as it was just read takes the place of the one known. */
export function putMeter(fresh: Meter): void {
	for (const { meters } of homes.list) {
		const at = meters.findIndex(({ id }) => id === fresh.id);
		if (at >= 0) meters.splice(at, 1, fresh);
	}
}

/** Asks for the homes. Where nobody answers, what was kept is shown with its age. */
export async function loadHomes(): Promise<void> {
	try {
		const { items } = await api.homes();
		Object.assign(homes, { list: items, at: Date.now(), old: false });
		keep('homes', { at: homes.at, list: items });
	} catch (problem) {
		const before = kept<Kept>('homes');
		if (before && homes.at === null && (problem as { status?: number }).status === 0) {
			Object.assign(homes, { list: before.list, at: before.at, old: true });
		}
		throw problem;
	}
}

/** Forgets what belonged to the person who signed out. */
export function forgetHomes(): void {
	Object.assign(homes, { list: [], at: null, old: false, home: null, meter: null });
	for (const name of ['homes', 'home', 'meter', 'drafts']) keep(name, null);
}
