// Every call of the tenant's API by name.

import { Caller, path, type Call } from './caller';
import { Problem } from './problem';
import type * as t from './types';

type Use = { by: 'hour' | 'day' | 'month'; from: string; until: string };
type Binding =
	| { by: 'code'; tag?: string; meter_no?: string; code: string }
	| { by: 'sms'; challenge: string; code: string }
	| { by: 'invitation'; code: string };
type SmsAsk =
	| { purpose: 'sign-in' | 'phone'; phone: string; proof?: string }
	| { purpose: 'bind'; meter: string; proof?: string };

/** The calls of the tenant's API over one caller. */
export class Mini {
	constructor(readonly caller: Caller) {}

	private get<T>(url: string, call?: Call): Promise<T> {
		return this.caller.call<T>('GET', url, call);
	}
	private post<T>(url: string, body?: unknown, call?: Call): Promise<T> {
		return this.caller.call<T>('POST', url, { body, ...call });
	}
	private async session(url: string, body: unknown): Promise<t.Session> {
		const session = await this.post<t.Session>(url, body, { open: true });
		this.caller.take(session);
		return session;
	}

	// Session
	signInWechatMini = (app_id: string, code: string) =>
		this.session('/session/wechat-mini', { app_id, code });
	signInAlipayMini = (app_id: string, auth_code: string) =>
		this.session('/session/alipay-mini', { app_id, auth_code });
	/** A page that was loaded twice: where the other one was first, its session is ours as well. */
	signInTicket = async (ticket: string): Promise<void> => {
		try {
			await this.session('/session/ticket', { ticket });
		} catch (thrown) {
			const other = thrown instanceof Problem && thrown.code === 'session.signed_in';
			if (!other || !this.caller.signedIn) throw thrown;
		}
	};
	signInSms = (challenge: string, code: string) => this.session('/session/sms', { challenge, code });
	/** Sends a code. Only the one for signing in is open. */
	smsCode = (ask: SmsAsk) =>
		this.post<t.Challenge>('/sms-codes', ask, { open: ask.purpose === 'sign-in' });
	signOut = () => this.caller.call<void>('DELETE', '/session');
	signOutEverywhere = () => this.caller.call<void>('DELETE', '/sessions');
	me = () => this.get<t.Me>('/me');
	setPreferences = (preferences: t.Preferences) =>
		this.caller.call<t.Me>('PUT', '/me/preferences', { body: preferences });
	setPhone = (challenge: string, code: string) =>
		this.post<t.Person>('/me/phone', { challenge, code });
	setWechatPhone = (app_id: string, code: string) =>
		this.post<t.Person>('/me/wechat-phone', { app_id, code });

	// Binding
	tag = (tag: string) => this.get<t.Tag>(path`/tags/${tag}`, { open: true });
	bind = (binding: Binding) => this.post<t.Home>('/homes', binding);
	askStaff = (ask: { tag?: string; meter_no?: string; name: string; note: string }) =>
		this.post<void>('/binding-requests', ask);
	bindingRequests = () => this.get<t.Page<t.BindingRequest>>('/binding-requests');
	homes = () => this.get<t.Page<t.Home>>('/homes');
	home = (home: string) => this.get<t.Home>(path`/homes/${home}`);
	unbind = (home: string) => this.caller.call<void>('DELETE', path`/homes/${home}`);
	people = async (home: string) =>
		(await this.get<{ items: t.HomePerson[] }>(path`/homes/${home}/people`)).items;
	removePerson = (home: string, person: string) =>
		this.caller.call<void>('DELETE', path`/homes/${home}/people/${person}`);
	invite = (home: string) => this.post<t.Invitation>(path`/homes/${home}/invitations`);

	// Meter
	meter = (home: string, meter: string) => this.get<t.Meter>(path`/homes/${home}/meters/${meter}`);
	startRead = (home: string, meter: string) =>
		this.post<t.MeterRead>(path`/homes/${home}/meters/${meter}/reads`);
	read = (home: string, meter: string, id: string) =>
		this.get<t.MeterRead>(path`/homes/${home}/meters/${meter}/reads/${id}`);
	usage = (home: string, meter: string, query: Use) =>
		this.get<t.Usage>(path`/homes/${home}/meters/${meter}/usage`, { query });
	tariff = (home: string, meter: string) =>
		this.get<t.Tariff>(path`/homes/${home}/meters/${meter}/tariff`);
	switchSupply = (
		home: string,
		meter: string,
		wish: { wanted: 'on' | 'off'; appliances_off: boolean },
		key: string,
	) => this.post<t.Meter>(path`/homes/${home}/meters/${meter}/supply`, wish, { key });
	entries = (home: string, kind: 'top-up' | 'use' | 'all', page: t.PageQuery = {}) =>
		this.get<t.Page<t.Entry>>(path`/homes/${home}/entries`, { query: { kind, ...page } });
	bill = (home: string, bill: string) => this.get<t.Bill>(path`/homes/${home}/bills/${bill}`);
	alarms = (home: string, page: t.PageQuery = {}) =>
		this.get<t.Page<t.Alarm>>(path`/homes/${home}/alarms`, { query: { ...page } });

	// Order
	topUp = (home: string, meter: string) =>
		this.get<t.TopUp>(path`/homes/${home}/meters/${meter}/top-up`);
	place = (draft: t.OrderDraft) => this.post<t.Order>('/orders', draft, { key: draft.client_id });
	pay = (order: string) => this.post<t.Payment>(path`/orders/${order}/pay`, {});
	cancel = (order: string) => this.post<t.Order>(path`/orders/${order}/cancel`);
	consents = (order: string, template_ids: Record<string, t.Consent>) =>
		this.post<void>(path`/orders/${order}/consents`, { template_ids });
	orders = (home: string | undefined, page: t.PageQuery = {}) =>
		this.get<t.Page<t.Order>>('/orders', { query: { home, ...page } });
	order = (order: string) => this.get<t.Order>(path`/orders/${order}`);
	stream = (order: string) => this.post<{ url: string }>(path`/orders/${order}/stream`);
	receipt = (order: string) => this.get<t.Receipt>(path`/orders/${order}/receipt`);
	/** A receipt by its link; needs no sign-in. */
	verify = (token: string) => this.get<t.Receipt>(path`/receipts/${token}`, { open: true });

	// Notices
	notices = (page: t.PageQuery = {}) =>
		this.get<t.Page<t.Notice>>('/notices', { query: { ...page } });
	readNotice = (notice: string) => this.post<void>(path`/notices/${notice}/read`);
	readAll = () => this.post<void>('/notices/read-all');
	noticeChoice = () => this.get<t.NoticeChoice>('/me/notices');
	setNoticeChoice = (choice: t.NoticeChoice) =>
		this.caller.call<t.NoticeChoice>('PUT', '/me/notices', { body: choice });
	subscriptions = () => this.get<t.Subscriptions>('/subscriptions');
	subscribed = (app_id: string, results: Record<string, t.Consent>) =>
		this.post<void>('/subscriptions', { app_id, results });
}
