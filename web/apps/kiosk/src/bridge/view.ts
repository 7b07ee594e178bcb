// What the terminal gives the page to draw: the whole screen, each time. `samples/` holds what the
// terminal really writes, one of every screen; a test holds these shapes against them.

import { Account, Amounts, HomeContent, Match, Order, Quote, RoomNode, Text } from './documents';
import { flag, list, maybe, number, oneOf, record, tagged, text, type Of, type Shape } from './shape';

/** Why somebody came. */
export const Errand = oneOf('top_up', 'balance', 'card', 'receipt');
export type Errand = Of<typeof Errand>;

/** How to look up. */
export const Way = oneOf('meter', 'room', 'phone', 'card');
export type Way = Of<typeof Way>;

/** A day of the calendar; `week` is filled in the outer one only. */
export interface Day {
	date: string;
	weekday: number;
	lunar: string;
	term: string;
	festival: Text;
	rest: string;
	ahead: Text;
	week: Day[];
}
const day = {
	date: text,
	weekday: number,
	lunar: text,
	term: text,
	festival: Text,
	rest: oneOf('', 'off', 'work'),
	ahead: Text,
};
const Day: Shape<Day> = record({ ...day, week: list(record({ ...day, week: list(record({})) })) }) as Shape<Day>;

/** A picture of the home screen, where this machine serves it. */
const Picture = record({ url: text, title: Text, seconds: number });

const Head = record({
	company: Text,
	logo: maybe(text),
	online: flag,
	printer: text,
	number: text,
	phone: text,
	hours: Text,
	watched: flag,
	demo: flag,
});

const Mode = record({ language: text, elder: flag, low: flag, speech: flag, dark: flag });
export type Mode = Of<typeof Mode>;

const Countdown = record({ left_ms: number, whole_ms: number, warn: flag });

/** What is asked or told. */
export const Screen = tagged('screen', {
	boot: {},
	unpaired: { code: maybe(text), fingerprint: text, qr: maybe(text) },
	out_of_service: { reason: text, text: Text, nearest: maybe(Text) },
	home: {
		content: HomeContent,
		day: Day,
		closed: maybe(Text),
		unfinished: maybe(Text),
		errands: list(Errand),
		pictures: list(Picture),
	},
	attract: { url: text, media: oneOf('image', 'video'), title: Text, play: number },
	identify: { errand: Errand, ways: list(Way) },
	number: { what: text, max: number, about: maybe(Text), wrong: maybe(Text) },
	rooms: { path: list(text), nodes: list(RoomNode) },
	matches: { matches: list(Match) },
	busy: { what: text, percent: maybe(number) },
	account: { account: Account, closed: maybe(Text) },
	amount: {
		account: Account,
		amounts: Amounts,
		quote: maybe(Quote),
		wrong: maybe(Text),
		wallets: list(text),
	},
	no_paper: { printer: text },
	pay: { order: Order, qr_svg: maybe(text), covered: maybe(text), other_wallet: flag },
	confirming: { order: Order },
	result: { order: Order, receipt: text, copies: number, receipt_svg: maybe(text), reprint: flag },
	card: { order: maybe(Order), step: text },
	trouble: {
		code: text,
		what: Text,
		safe: Text,
		todo: Text,
		order_no: maybe(text),
		receipt_svg: maybe(text),
	},
	still_there: {},
});
export type Screen = Of<typeof Screen>;
export type ScreenOf<Name extends Screen['screen']> = Extract<Screen, { screen: Name }>;

/** Everything on the screen. */
export const View = record({
	seq: number,
	now: text,
	head: Head,
	mode: Mode,
	screen: Screen,
	countdown: maybe(Countdown),
	can: record({ back: flag, quit: flag }),
});
export type View = Of<typeof View>;

/** What a customer does with a finger, named by what it means. */
export const Intent = tagged('intent', {
	wake: {},
	start: { errand: Errand },
	look_up_by: { way: Way },
	typed: { text },
	choose: { id: text },
	read_now: {},
	top_up: {},
	amount: { fen: number },
	pay: { wallet: text },
	accept_no_paper: {},
	other_wallet: {},
	cancel: {},
	reprint: {},
	back: {},
	quit: {},
	more: {},
	language: { to: oneOf('zh', 'en') },
	elder: { on: flag },
	low: { on: flag },
	speech: { on: flag },
});
export type Intent = Of<typeof Intent>;

/** The page's sign of life, every second; the answer is the view. */
export interface Beat {
	/** The newest view that was drawn. */
	seq: number;
	/** The screen that stands there. */
	screen: string;
	/** How long ago somebody touched it, in milliseconds; since the start of the page if nobody has. */
	last_input_ms: number;
	/** What films it can play: `mp4`, `webm`. */
	plays: string[];
	/** The version of the home content that is really on the screen; null while it is not. */
	shown_content: number | null;
	/** A showing that came to its end or cannot be shown, told once. */
	play_ended: number | null;
}
