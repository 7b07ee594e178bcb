// Which container runs the pages: a browser, WeChat's or Alipay's browser, or their mini-programs.

import type { Way } from '@yufu/api';

/** The containers. */
export type Container = 'browser' | 'wechat' | 'alipay' | 'wechat-mini' | 'alipay-mini';

function find(): Container {
	// #ifdef MP-WEIXIN
	return 'wechat-mini';
	// #endif
	// #ifdef MP-ALIPAY
	return 'alipay-mini';
	// #endif
	// #ifdef H5
	const agent = navigator.userAgent;
	if (/MicroMessenger/i.test(agent)) return 'wechat';
	if (/AlipayClient/i.test(agent)) return 'alipay';
	return 'browser';
	// #endif
}

/** The one we are in. */
export const container: Container = find();

const WAYS: Record<Container, Way[]> = {
	browser: ['wechat-h5', 'alipay-page'],
	wechat: ['wechat-page'],
	alipay: ['alipay-page'],
	'wechat-mini': ['wechat-mini'],
	'alipay-mini': ['alipay-mini'],
};

/** The ways of the server's list that work here, in our order. */
export const waysHere = (offered: Way[]): Way[] =>
	WAYS[container].filter((way) => offered.includes(way));
