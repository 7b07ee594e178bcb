// Ways in: the container's own identity, or phone and code; and where to go afterwards.

import type { Challenge, Problem } from '@yufu/api';
import { prove } from '@yufu/api/src/proof';
import { api, BASE, ending, rest } from './api';
import { forgetHomes } from './homes';
import { adopt } from './look';
import { anew } from './way';

/** After signing in: to the front page, or to binding where there is no home yet. */
export async function arrive(tag: string, invite: string): Promise<void> {
	ending.why = null;
	const me = await api.me();
	adopt(me.preferences);
	if (invite || tag || me.homes_count === 0) anew('bind', { tag, invite });
	else anew('home');
}

/** Signs in by what the container knows of its user; false where the user declined. */
export async function signInHere(): Promise<boolean> {
	// #ifdef MP-WEIXIN
	const app_id = uni.getAccountInfoSync().miniProgram.appId;
	const { code } = await uni.login({ provider: 'weixin' });
	if (!code) return false;
	await api.signInWechatMini(app_id, code);
	return true;
	// #endif
	// #ifdef MP-ALIPAY
	const { my } = globalThis as unknown as { my: { getAppIdSync(): { appId: string } } };
	const answer = await uni.login({ provider: 'alipay', scopes: 'auth_base' } as never);
	const auth_code = (answer as { code?: string }).code ?? '';
	if (!auth_code) return false;
	await api.signInAlipayMini(my.getAppIdSync().appId, auth_code);
	return true;
	// #endif
	// #ifdef H5
	return false;
	// #endif
}

/** Leaves for the wallet's own sign-in; it comes back with a ticket. */
export function leaveFor(wallet: 'wechat' | 'alipay', tag: string): void {
	// #ifdef H5
	const back = tag ? `/t/${tag}` : '/m/';
	window.location.href = `${BASE}/session/${wallet}?return_to=${encodeURIComponent(back)}`;
	// #endif
	void wallet;
	void tag;
}

type Ask = Parameters<typeof api.smsCode>[0];

/** Asks for a code; where the server wants a proof of work first, works it out and asks again. */
export async function smsCode(ask: Ask, working: (on: boolean) => void): Promise<Challenge> {
	try {
		return await api.smsCode(ask);
	} catch (refused) {
		const { code, document } = refused as Problem;
		const { puzzle, bits } = document?.params ?? {};
		if (code !== 'sms.proof_required' || typeof puzzle !== 'string') throw refused;
		working(true);
		try {
			const proof = await prove(puzzle, Number(bits), () => rest(0));
			if (proof === null) throw refused;
			return await api.smsCode({ ...ask, proof });
		} finally {
			working(false);
		}
	}
}

/** Signs out here or everywhere. The device forgets the person even where nobody answers. */
export async function leave(everywhere: boolean): Promise<void> {
	try {
		await (everywhere ? api.signOutEverywhere() : api.signOut());
	} catch (problem) {
		// Elsewhere the sessions still live: the person has to know.
		if (everywhere && api.caller.signedIn) throw problem;
	}
	api.caller.forget();
	forgetHomes();
	anew('welcome');
}

/** The tag of what was scanned: the last part of `…/t/{tag}`, or the text itself. */
export function tagOf(scanned: string): string {
	const found = /\/t\/([A-Za-z0-9_-]{4,64})/.exec(scanned);
	if (found) return found[1] ?? '';
	return /^[A-Za-z0-9_-]{4,64}$/.test(scanned) ? scanned : '';
}
