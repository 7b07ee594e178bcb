// WeChat's side of a phone, played by the simulated providers: who signs in, whose wallet pays, who
// agrees to messages.

/** Asks the simulated providers; what they refuse is thrown with their words. */
async function ask(provider, path, body) {
	const how = body && {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify(body),
	};
	const answer = await fetch(`${provider}/control/${path}`, how);
	const text = await answer.text();
	if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
	return JSON.parse(text);
}

/** What the wallet is told: the application is the container's own, whatever the page said. */
const told = (appId, { timeStamp, nonceStr, package: prepay, signType, paySign }) => ({
	appId,
	timeStamp,
	nonceStr,
	package: prepay,
	signType,
	paySign,
});

/** The phone of `person` in the application `appId`. */
function wechat(provider, appId, person) {
	return {
		appId,
		login: () => ask(provider, 'codes', { app_id: appId, person, button: 'login' }),
		// The wallet knows the merchant's key and the prepay id, and opens for nothing else.
		pay: (options) => ask(provider, 'jsapi', told(appId, options)),
		async agree({ tmplIds }) {
			for (const template_id of tmplIds) {
				await ask(provider, 'subscriptions', { app_id: appId, person, template_id });
			}
			return Object.fromEntries(tmplIds.map((id) => [id, 'accept']));
		},
		/** What this person was sent in the application. */
		async messages() {
			const { names } = await ask(provider, `people/${person}`);
			return ask(provider, `messages?openid=${encodeURIComponent(names[appId])}`);
		},
		/** What WeChat was told of delivered orders. */
		shipped: () => ask(provider, 'shipping'),
		/** The orders in the provider's own book that this person was to pay. */
		async orders() {
			const { names } = await ask(provider, `people/${person}`);
			const { orders } = await ask(provider, 'book');
			return orders.filter(({ payer }) => payer === names[appId]);
		},
	};
}

module.exports = { wechat };
