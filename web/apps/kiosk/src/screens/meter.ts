// A meter in words: its supply, its figures with their age, what brings the light back.

import {
	ageOf,
	amountOf,
	clock,
	feeWord,
	priceYuan,
	supplyState,
	unitOf,
	type Purpose,
	type State,
} from '@yufu/domain';
import type { Account, Quote } from '@/bridge/documents';
import { drawing } from '@/parts/drawings';
import { language, now, w } from '@/say/say';

const unit = (purpose: string) => (purpose === 'electricity' ? 'wh' : 'l') as 'wh' | 'l';

/** The supply as it was last read. The wire's words for waiting are `confirm` and `moving`. */
export function supplyOf(supply: string, purpose: string): State {
	const name = supply === 'confirm' || supply === 'moving' ? 'waiting' : supply;
	const state = supplyState(name, purpose, language.value);
	return { ...state, icon: drawing(state.icon) };
}

/** `供电`, `供水`: what comes back. */
export const supplyWord = (purpose: string): string =>
	w(purpose === 'water' ? 'water' : purpose === 'gas' ? 'gas' : 'power');

/** `4.12 度`, or 一横. */
export const quantity = (aged: { value: number } | null, purpose: string): [string, string] => [
	amountOf(aged?.value, unit(purpose)),
	aged ? unitOf(unit(purpose), purpose as Purpose, language.value) : '',
];

/** `¥0.66` and `/度`, or 一横. */
export const price = (account: Account): [string, string] =>
	account.price_e4 === null
		? ['—', '']
		: // Ten-thousandths of a yuan; the shared sum takes thousandths of a fen.
			[
				priceYuan(account.price_e4 * 10),
				`/${unitOf(unit(account.purpose), account.purpose as Purpose, language.value)}`,
			];

/** The age of the balance, with its icon and colour. */
export function age(account: Account) {
	const figure = account.balance_fen;
	if (figure?.live) {
		const text = w('fresh', { time: clock(Date.parse(figure.at)) });
		return { text, icon: drawing('tick-ring'), colour: 'ok' };
	}
	const told = ageOf(figure ? Date.parse(figure.at) : null, now.value, language.value);
	return { text: told.text, icon: drawing(told.icon), colour: told.colour || 'dim' };
}

/** `电费余额`, or that it is owed. */
export function balanceWord(account: Account): string {
	const owed = (account.balance_fen?.value ?? 0) < 0;
	return w(owed ? 'owed_of' : 'balance_of', { fee: feeWord(account.purpose, language.value) });
}

/** `147 度`, whole units as prices change over the day. */
export function about(quote: Quote, purpose: string): string {
	if (quote.quantity === null) return '';
	const whole = Math.floor(quote.quantity / 1000);
	return w('about', { n: `${whole} ${unitOf(unit(purpose), purpose as Purpose, language.value)}` });
}
