// Into the wallet and back. Whatever the wallet says on the way back proves nothing: the order page
// asks the server.

import type { Consent, Payment, Subscriptions } from '@yufu/api';
import { api } from './api';
import { keep, kept } from './store';

/** How long after the way to the wallet a payment may still be on its way, in milliseconds. */
export const CONFIRM_MS = 60_000;

interface Visit {
	id: string;
	at: number;
}

/** Notes that the wallet is opened for an order. */
export const leaving = (id: string): void => keep('wallet', { id, at: Date.now() } as Visit);

/** When the wallet was opened for this order, if it was. */
export function leftAt(id: string): number | null {
	const visit = kept<Visit>('wallet');
	return visit?.id === id ? visit.at : null;
}

/** Whether the wallet is another page, so that this one is left. */
export const leaves = (payment: Payment): boolean => Boolean(payment.url);

interface Bridge {
	invoke(name: string, params: unknown, done: (answer: unknown) => void): void;
}

function weixinBridge(): Promise<Bridge> {
	const found = () => (window as unknown as { WeixinJSBridge?: Bridge }).WeixinJSBridge;
	const bridge = found();
	if (bridge) return Promise.resolve(bridge);
	return new Promise((resolve) => {
		document.addEventListener('WeixinJSBridgeReady', () => resolve(found()!), { once: true });
	});
}

/** Opens the wallet. Ends when it is closed again, whatever happened in it. */
export async function openWallet(payment: Payment): Promise<void> {
	// #ifdef H5
	if (payment.url) {
		window.location.href = payment.url;
		return;
	}
	if (payment.params) {
		const bridge = await weixinBridge();
		await new Promise((done) => bridge.invoke('getBrandWCPayRequest', payment.params, done));
		return;
	}
	const alipay = (window as unknown as { AlipayJSBridge?: { call: Bridge['invoke'] } })
		.AlipayJSBridge;
	await new Promise<unknown>((done) =>
		alipay ? alipay.call('tradePay', { tradeNO: payment.trade_no }, done) : done(null),
	);
	// #endif
	// #ifdef MP-WEIXIN
	await new Promise<void>((resolve) => {
		const options = { provider: 'wxpay', ...payment.params, complete: () => resolve() };
		uni.requestPayment(options as never);
	});
	// #endif
	// #ifdef MP-ALIPAY
	await new Promise<void>((complete) => {
		const options = { provider: 'alipay', orderInfo: payment.trade_no, complete };
		uni.requestPayment(options as never);
	});
	// #endif
}

let templates: Subscriptions | null = null;
/** So many templates are asked for at once. */
const TEMPLATES_MAX = 3;

/** Learns beforehand what to ask consent for: on the tap there is no time to ask the server. */
export async function learnTemplates(): Promise<void> {
	// #ifndef H5
	templates = await api.subscriptions().catch(() => null);
	// #endif
}

/** Asks for consent to notices. Has to be the first thing a tap does; refusing costs nothing. */
export function askConsent(): Promise<Record<string, Consent>> {
	const wanted = [...(templates?.templates ?? [])].sort((a, b) => a.left - b.left);
	const ids = wanted.slice(0, TEMPLATES_MAX).map(({ id }) => id);
	if (ids.length === 0) return Promise.resolve({});
	return new Promise((resolve) => {
		// #ifdef MP-WEIXIN
		uni.requestSubscribeMessage({
			tmplIds: ids,
			complete: (answer: unknown) => resolve(consentsIn(answer, ids)),
		} as never);
		// #endif
		// #ifdef MP-ALIPAY
		const my = (globalThis as unknown as { my: Record<string, (options: unknown) => void> }).my;
		const complete = (answer: { result?: { currentSubscribedEntityIds?: string[] } }) => {
			const agreed = answer?.result?.currentSubscribedEntityIds ?? [];
			resolve(Object.fromEntries(agreed.map((id) => [id, 'accept' as Consent])));
		};
		if (!my.requestSubscribeMessage) return resolve({});
		my.requestSubscribeMessage({ entityIds: ids, complete });
		// #endif
		// #ifdef H5
		resolve({});
		// #endif
	});
}

/** The answers for the templates that were asked for; a container adds others of its own. */
export function consentsIn(answer: unknown, ids: string[]): Record<string, Consent> {
	const all = (answer ?? {}) as Record<string, string>;
	const known = ids.filter((id) => ['accept', 'reject', 'ban', 'filter'].includes(all[id] ?? ''));
	return Object.fromEntries(known.map((id) => [id, all[id] as Consent]));
}
