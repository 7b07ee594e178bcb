// Every sample in every look: upright, across, 关怀版, English, 矮屏, and with names of 200 letters.
//
//   node looks.mjs              all of them
//   node looks.mjs portrait pay those of one look whose name begins so
//
// Pictures go to the folder named by YUFU_ARTIFACTS. Ends with 1 if anything is amiss.

import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { holds, look, open, panel, picture } from './panel.mjs';
import { stand } from './stand.mjs';

const SAMPLES = fileURLToPath(new URL('../../samples/', import.meta.url));
const LONG = '和园国际青年人才公寓配套服务用房及地下车库东区第十二组团'.repeat(8).slice(0, 200);
const LONG_NAMES = ['place', 'label', 'payee', 'holder'];

/** The same view where every name is as long as a name can be. */
function lengthen(value) {
	if (Array.isArray(value)) return value.map(lengthen);
	if (typeof value !== 'object' || value === null) return value;
	return Object.fromEntries(
		Object.entries(value).map(([name, inner]) => {
			if (LONG_NAMES.includes(name) && typeof inner === 'string') return [name, LONG];
			if (name === 'company') return [name, { zh: LONG, en: LONG }];
			return [name, lengthen(inner)];
		}),
	);
}
const mode = (change) => (view) => ({ ...view, mode: { ...view.mode, ...change } });
const ACROSS = { width: 1920, height: 1080 };
/** One of each kind, for looks that change everything alike. */
const SOME =
	/^(home|home-festival|account|account-cut|amount|amount-quoted|pay|pay-covered|result-power-on|result-paper-out|result-in-doubt|matches-many|rooms-top|rooms-flats|number-order|identify|card-ask|card-unknown|trouble-order|out-locked|unpaired)$/;
/** Looks by name: the panel, what is changed in the view, and of which screens it is taken. */
const LOOKS = {
	portrait: [{}, (view) => view],
	landscape: [ACROSS, (view) => view],
	elder: [{}, mode({ elder: true })],
	english: [{}, mode({ language: 'en' })],
	low: [{}, mode({ low: true })],
	'elder-english': [{}, mode({ elder: true, language: 'en' }), SOME],
	'elder-low': [{}, mode({ elder: true, low: true }), SOME],
	'landscape-elder': [ACROSS, mode({ elder: true }), SOME],
	'landscape-english': [ACROSS, mode({ language: 'en' }), SOME],
	long: [{}, lengthen, SOME],
	'long-landscape': [ACROSS, lengthen, SOME],
	'long-elder': [{}, (view) => mode({ elder: true })(lengthen(view)), SOME],
	'long-low': [{}, (view) => mode({ low: true })(lengthen(view)), SOME],
	small: [{ width: 720, height: 1280 }, (view) => view, SOME],
	demo: [{}, (view) => ({ ...view, head: { ...view.head, demo: true } }), SOME],
};

const [wantedLook = '', wantedName = ''] = process.argv.slice(2);
const names = (await readdir(SAMPLES))
	.filter((file) => file.endsWith('.json'))
	.map((file) => file.slice(0, -'.json'.length));
const browser = await open();
const place = await stand();
let seenLooks = 0;
let wrong = 0;
for (const [folder, [size, change, some = /^/]] of Object.entries(LOOKS)) {
	if (wantedLook && folder !== wantedLook) continue;
	const seen = await panel(browser, place, size);
	for (const name of names) {
		if (!name.startsWith(wantedName) || !some.test(name)) continue;
		seenLooks += 1;
		seen.faults.length = 0;
		await place.show(name, change);
		try {
			await look(seen, place);
			await picture(seen, folder, name);
			await holds(seen, `${folder}/${name}`);
		} catch (fault) {
			wrong += 1;
			console.error(`not ok ${fault.message.split('\n').slice(0, 14).join('\n  ')}`);
		}
	}
	await seen.close();
}
await browser.close();
await place.close();
console.log(`${seenLooks} looks, ${wrong} amiss`);
process.exitCode = wrong || !seenLooks ? 1 : 0;
