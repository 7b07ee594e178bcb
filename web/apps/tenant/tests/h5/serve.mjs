// The stand as a program of its own, for a test that cannot load it: prints its address, takes one
// line of JSON at a time to change its world, ends with its input.

import { createInterface } from 'node:readline';
import * as fixture from './fixture.mjs';
import { stand } from './stand.mjs';

const place = await stand({ homes: [], ways: ['wechat-mini'], templates: [{ id: 'tpl-1', kind: 'restored', left: 0 }] });
console.log(JSON.stringify({ origin: place.origin }));
const keepOf = ({ id, home, meter, amount_fen, way }) => ({ id, home, meter, amount_fen, way });
for await (const line of createInterface({ input: process.stdin })) {
	const { order, cut } = JSON.parse(line);
	if (cut) place.state.homes[0].meters[0] = fixture.dark();
	for (const known of order ? [...place.state.orders.values()] : []) {
		place.put(fixture.order(order, keepOf(known)));
	}
	const { requests, orders } = place.state;
	console.log(JSON.stringify({ requests, orders: [...orders.values()] }));
}
await place.close();
