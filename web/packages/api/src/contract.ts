// Holds the documents of `types.ts` against the server's own description: every field is there,
// of the same kind, and null where it may be null. What a text may say is written in `types.ts`
// alone. This file is types only; `npm run check` reads it.

import type { components } from './schema';
import type * as t from './types';

type Served = components['schemas'];
/** A document with its words as plain texts and nothing optional: its fields and their kinds. */
type Kinds<T> = T extends string
	? string
	: T extends (infer Item)[]
		? Kinds<Item>[]
		: T extends object
			? { [Field in keyof T]-?: Kinds<Exclude<T[Field], undefined>> }
			: T;
type Holds<Given extends Wanted, Wanted> = Given;

export type Contract = [
	Holds<Kinds<Served['MeView']>, Kinds<t.Me>>,
	Holds<Kinds<Served['TenantSession']>, Kinds<t.Session>>,
	Holds<Kinds<Served['CodeSent']>, Kinds<t.Challenge>>,
	Holds<Kinds<Served['TagView']>, Kinds<t.Tag>>,
	Holds<Kinds<Served['HomeView']>, Kinds<t.Home>>,
	Holds<Kinds<Served['PersonOfHome']>, Kinds<t.HomePerson>>,
	Holds<Kinds<Served['InvitationView']>, Kinds<t.Invitation>>,
	Holds<Kinds<Served['BindingDecision']>, Kinds<t.BindingRequest>>,
	Holds<Kinds<Served['MeterView']>, Kinds<t.Meter>>,
	Holds<Kinds<Served['ReadView']>, Kinds<t.MeterRead>>,
	Holds<Kinds<Served['UsageView']>, Kinds<t.Usage>>,
	Holds<Kinds<Served['TariffView']>, Kinds<t.Tariff>>,
	Holds<Kinds<Served['EntryView']>, Kinds<t.Entry>>,
	Holds<Kinds<Served['BillView']>, Kinds<t.Bill>>,
	Holds<Kinds<Served['AlarmView']>, Kinds<t.Alarm>>,
	Holds<Kinds<Served['TopUpView']>, Kinds<t.TopUp>>,
	Holds<Kinds<Served['OrderView']>, Kinds<t.Order>>,
	Holds<Kinds<Served['ReceiptView']>, Kinds<t.Receipt>>,
	Holds<Kinds<Served['NoticeView']>, Kinds<t.Notice>>,
	Holds<Kinds<Served['ChoicesView']>, Kinds<t.NoticeChoice>>,
	Holds<Kinds<Served['Subscriptions']>, Kinds<t.Subscriptions>>,
	// What the pages send, the server takes.
	Holds<Kinds<t.OrderDraft>, Kinds<Served['OrderDraft']>>,
	Holds<Kinds<t.Preferences>, Kinds<Served['PreferencesView']>>,
];
