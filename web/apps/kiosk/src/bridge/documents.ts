// What the server says, as far as the terminal hands it on: the wire's documents.

import { flag, list, maybe, number, oneOf, record, text, type Of } from './shape';

/** One sentence in both languages; the Chinese one is always there. */
export const Text = record({ zh: text, en: text });
export type Text = Of<typeof Text>;

const File = record({ sha256: text, bytes: number, media_type: text });

const Advert = record({
	file: File,
	title: Text,
	seconds: number,
	from_day: text,
	until_day: text,
	from_time: text,
	until_time: text,
	weekdays: list(number),
});

/** What the home screen says. Text is text: nothing in it is ever markup. */
export const HomeContent = record({
	version: number,
	company: Text,
	intro: Text,
	logo: maybe(File),
	tips: list(Text),
	notice: maybe(Text),
	service_phone: text,
	service_hours: Text,
	nearest: maybe(Text),
	playlist: list(Advert),
});

const match = {
	handle: text,
	place: text,
	purpose: text,
	meter_tail: text,
	meter_number: maybe(text),
	holder: maybe(text),
};

/** One meter that was found. */
export const Match = record(match);
export type Match = Of<typeof Match>;

/** One entry of the cascade. */
export const RoomNode = record({ id: text, label: text, room: flag });
export type RoomNode = Of<typeof RoomNode>;

const Aged = record({ value: number, at: text, age_ms: number, live: flag });

/** What may be paid. */
export const Amounts = record({ usual_fen: list(number), min_fen: number, max_fen: number });

/** How a meter stands. */
export const Account = record({
	...match,
	money_model: text,
	balance_fen: maybe(Aged),
	register: maybe(Aged),
	used_today: maybe(Aged),
	used_month: maybe(Aged),
	price_e4: maybe(number),
	supply: text,
	supply_text: Text,
	restore_fen: maybe(number),
	amounts: Amounts,
	closed: maybe(Text),
	read: maybe(oneOf('fresh', 'silent', 'offline')),
});
export type Account = Of<typeof Account>;

/** What an amount comes to. */
export const Quote = record({
	amount_fen: number,
	fee_fen: number,
	quantity: maybe(number),
	balance_after_fen: maybe(number),
	restores: maybe(flag),
});
export type Quote = Of<typeof Quote>;

/** Where an order stands. */
export const OrderState = oneOf(
	'awaiting_payment',
	'confirming',
	'closed',
	'paid',
	'paid_offline',
	'in_doubt',
	'on_meter',
	'power_on',
	'awaiting_card',
	'card_written',
	'held',
	'refunded',
);
export type OrderState = Of<typeof OrderState>;

const Step = record({ name: text, at: maybe(text), proof: maybe(Text) });

/** An order as the kiosk sees it. */
export const Order = record({
	id: text,
	order_no: text,
	state: OrderState,
	amount_fen: number,
	wallet: text,
	qr: maybe(text),
	expires_in_ms: number,
	payee: text,
	place: text,
	purpose: text,
	meter_tail: text,
	money_model: text,
	steps: list(Step),
	what: Text,
	safe: Text,
	todo: Text,
	balance_before_fen: maybe(number),
	balance_after_fen: maybe(number),
	supply: text,
	receipt_url: maybe(text),
});
export type Order = Of<typeof Order>;
