// The documents of /api/mini/v1 as the pages use them, with the words each field may hold. That they
// are the server's is checked by `contract.ts` against `schema.d.ts`, which is made from the
// server's own description (`scripts/web types`).

/** What a meter measures. */
export type Purpose = 'electricity' | 'water' | 'gas';
/** What a meter counts in. */
export type Unit = 'wh' | 'l';
/** A text in both languages. */
export interface Text {
	zh: string;
	en: string;
}
/** One page of a list. */
export interface Page<T> {
	items: T[];
	/** What to ask `after` for the next page; null at the end. */
	next: string | null;
}
/** How a page is asked for. */
export interface PageQuery {
	after?: string;
	limit?: number;
}

/** A way a person is known. */
export interface Identity {
	kind: 'wechat-mini' | 'wechat-page' | 'alipay' | 'phone';
	since: string;
}
/** The person who is signed in. */
export interface Person {
	id: string;
	name: string | null;
	phone_masked: string | null;
	language: 'zh-CN' | 'en';
	identities: Identity[];
}
/** How the pages look to a person. */
export interface Preferences {
	language: 'zh-CN' | 'en';
	elder: boolean;
	theme: 'system' | 'light' | 'dark';
}
/** A person with what the front page counts. */
export interface Me extends Person {
	homes_count: number;
	unread_notices: number;
	preferences: Preferences;
}
/** What signing in gives. */
export interface Session {
	access_token: string;
	expires_in_s: number;
	refresh_token: string;
	refresh_expires_in_s: number;
	person: Person;
}
/** A code was sent, or nothing says that it was not. */
export interface Challenge {
	challenge: string;
	resend_after_s: number;
	expires_in_s: number;
}

/** What a printed code says to anybody. */
export interface Tag {
	tag: string;
	purpose: Purpose;
	project_name: string;
}
/** The account of a household. */
export interface Home {
	id: string;
	project_name: string;
	place: string;
	account_no: string;
	role: 'owner' | 'member';
	service_phone: string | null;
	meters: Meter[];
}
/** One of the people of a home. */
export interface HomePerson {
	id: string;
	name: string | null;
	phone_masked: string | null;
	role: 'owner' | 'member';
	since: string;
	me: boolean;
}
/** An invitation to a home. */
export interface Invitation {
	code: string;
	url: string;
	expires_at: string;
}
/** A binding that staff decide. */
export interface BindingRequest {
	id: string;
	state: 'accepted' | 'refused' | 'withdrawn';
	created_at: string;
	decided_at?: string | null;
	project_name: string;
	why?: string | null;
}

/** Use of a period. */
export interface Use {
	quantity: number | null;
	amount_fen: number | null;
	complete: boolean;
}
/** What brings the light back. */
export interface Restore {
	amount_fen: number;
	arrears_fen: number;
	unbilled_fen: number;
	minimum_fen: number;
}
/** The state of supply as the meter last said it. */
export interface Supply {
	state: 'on' | 'off' | 'waiting' | 'offline' | 'kept' | 'unknown';
	was: 'on' | 'off' | null;
	at: string | null;
	since: string | null;
	reason: 'arrears' | 'by-tenant' | 'by-operator' | null;
	wanted: 'on' | 'off' | null;
}
/** A meter of a home. */
export interface Meter {
	id: string;
	purpose: Purpose;
	meter_no: string;
	model_known: boolean;
	money: 'on-meter' | 'with-us';
	balance_fen: number | null;
	balance_at: string | null;
	balance_estimated: boolean;
	days_left: number | null;
	remaining_quantity: number | null;
	unit: Unit;
	today: Use;
	month: Use;
	year: Use;
	used_at: string | null;
	/** Null: the meter has no tariff yet. */
	price: { fen_per_unit_milli: number; text_zh: string; text_en: string } | null;
	supply: Supply;
	restore: Restore | null;
	can: { switch_on: boolean; switch_off: boolean; why_not: string | null; read: boolean };
	meter_offline_since: string | null;
}
/** A live read. */
export interface MeterRead {
	id: string;
	state: 'waiting' | 'reading' | 'done' | 'failed';
	started_at?: string;
	ended_at?: string | null;
	why?: string | null;
	meter?: Meter | null;
}
/** One bar of use. */
export interface UsagePoint {
	from: string;
	until: string;
	/** Null: nobody read the meter. */
	quantity: number | null;
	amount_fen: number | null;
	estimated: boolean;
}
/** Use by hour, day or month. */
export interface Usage {
	unit: Unit;
	by: 'hour' | 'day' | 'month';
	as_of: string | null;
	total_quantity: number | null;
	total_amount_fen: number | null;
	points: UsagePoint[];
	before: UsagePoint[];
}
/** Prices, dated. */
export interface Tariff {
	text_zh: string;
	text_en: string;
	versions: { from: string; fen_per_unit_milli: number }[];
}
/** One line of the account. */
export interface Entry {
	id: string;
	at: string;
	kind: 'top-up' | 'use' | 'refund' | 'correction';
	purpose: Purpose;
	amount_fen: number;
	order_id: string | null;
	bill_id: string | null;
}
/** How a deduction came about. */
export interface Bill {
	id: string;
	purpose: Purpose;
	from: { at: string; register: number };
	until: { at: string; register: number };
	quantity: number;
	unit: Unit;
	fen_per_unit_milli: number;
	amount_fen: number;
	rounding_note_zh: string | null;
	rounding_note_en: string | null;
	balance_after_fen: number | null;
}
/** Something a meter reported. */
export interface Alarm {
	id: string;
	kind: string;
	at: string;
	cleared_at: string | null;
	text_zh: string;
	text_en: string;
}

/** How an order can be paid. */
export type Way = 'wechat-mini' | 'wechat-page' | 'wechat-h5' | 'alipay-mini' | 'alipay-page';
/** What may be topped up. */
export interface TopUp {
	minimum_fen: number;
	maximum_fen: number;
	amounts_fen: number[];
	restore: Restore | null;
	balance_fen: number | null;
	balance_at: string | null;
	ways: Way[];
	open_order_id: string | null;
}
/** An order as it is placed. Its client id is made by the caller and kept before it is sent. */
export interface OrderDraft {
	client_id: string;
	home: string;
	meter: string;
	amount_fen: number;
	way: Way;
	appliances_off: boolean;
}
/** One step of the timeline. */
export interface OrderStep {
	step: 'paid' | 'credited' | 'sent' | 'on-meter' | 'restored';
	state: 'done' | 'now' | 'waiting' | 'doubt';
	at: string | null;
	proof: string | Text | null;
}
/** An order. */
export interface Order {
	id: string;
	order_no: string;
	home: string;
	meter: string;
	purpose: Purpose;
	place: string;
	meter_no_tail: string;
	amount_fen: number;
	way: Way | string;
	state: string;
	sentence: Text;
	safe: Text;
	todo: Text;
	placed_at: string;
	expires_at: string;
	steps: OrderStep[];
	balance_before_fen: number | null;
	balance_after_fen: number | null;
	receipt_token: string | null;
	final: boolean;
	can: { pay: boolean; cancel: boolean };
	service_phone: string | null;
}
/** How to open the wallet: parameters of its bridge, an address, or its trade number. */
export interface Payment {
	way: Way;
	params?: Record<string, string>;
	url?: string;
	trade_no?: string;
}
/** A receipt, to show or to verify. */
export interface Receipt {
	kind: string;
	order: Order;
	payee: string;
	amount_cn: string;
	issued_at: string;
	verify_url: string;
	printed: number;
	note_zh: string;
	note_en: string;
}

/** How a notice can reach a person. */
export type Channel = 'wechat' | 'service-account' | 'sms' | 'in-app';
/** How far a notice got on one channel. */
export interface Delivery {
	channel: Channel;
	state: 'waiting' | 'sent' | 'delivered' | 'failed' | 'skipped';
	why: string | null;
}
/** A notice. */
export interface Notice {
	id: string;
	at: string;
	kind: string;
	home: string | null;
	order_id: string | null;
	title: Text;
	body: Text;
	read: boolean;
	deliveries: Delivery[];
}
/** Which notices come by which channels, and when not. */
export interface NoticeChoice {
	kinds: Record<string, { channels: Channel[] }>;
	quiet: { from: string; until: string };
}
/** What a container answered when it asked for consent. */
export type Consent = 'accept' | 'reject' | 'ban' | 'filter';
/** Templates a mini-program may ask consent for. */
export interface Subscriptions {
	/** Null: there is no mini-program here. */
	app_id: string | null;
	templates: { id: string; kind: string; left: number }[];
}

/** What an error says, RFC 9457 with the server's own fields. */
export interface ProblemDocument {
	type?: string;
	title?: string;
	status?: number;
	detail?: string;
	code?: string;
	params?: Record<string, unknown>;
	trace_id?: string;
	errors?: { field: string; code: string }[];
}
