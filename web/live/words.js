// Every word of the page in Chinese and English, as the table of states fixes them, and how sums,
// moments and ages are written.

const ZONE = 'Asia/Shanghai';
/** A reading older than two ordinary reading periods is shown in amber, in seconds. */
const READING_OLD_S = 2 * 3600;

const WORDS = {
	title: ['预付 · 现场', 'Yufu · live'],
	product: ['预付', 'Yufu'],
	skip: ['跳到灯图', 'Skip to the windows'],
	demo: ['演示数据，支付为沙箱', 'Demo data, payments are a sandbox'],
	safe: [
		'安全模式：不向表计下发，也不拉闸。已付款的在等，等管理员核对后结束',
		'Safe mode: nothing is sent to meters and nobody is cut off. Whoever paid waits until an operator ends it',
	],
	foot: [
		'亮着的窗，是电表回读说亮着。已充入、已送电都以回读为准。',
		'A window is lit, and a top-up is done, only when its meter was read back.',
	],
	other: ['English', '中文'],
	gateways: ['采集网关', 'Gateways'],
	online: ['在线', 'online'],
	oldest_reading: ['最旧读数', 'Oldest reading'],
	no_reading: ['还没有读数', 'No reading yet'],
	as_of: ['状态截至', 'As of'],
	waiting: ['正在取现场的状态', 'Asking for the state of the site'],
	sold: ['今天卖出', 'Sold today'],
	yesterday_now: ['昨天同时刻', 'Yesterday by now'],
	more: ['比昨天同时刻多', 'above yesterday by now'],
	less: ['比昨天同时刻少', 'below yesterday by now'],
	same: ['和昨天同时刻一样', 'Same as yesterday by now'],
	nothing_today: ['今天还没有卖出', 'Nothing sold yet today'],
	nothing_yesterday: ['昨天同时刻还没有卖出', 'nothing sold yesterday by now'],
	today: ['今天', 'Today'],
	yesterday: ['昨天', 'Yesterday'],
	hour_open: ['时未满', ':00 still running'],
	now: ['现在', 'now'],
	hour: ['时', 'h'],
	chart: ['今天与昨天每小时卖出的金额', 'Sales by hour, today and yesterday'],
	money: ['钱在路上', 'Money on its way'],
	money_sub: ['从下单到送电，还没走完的', 'With the age of the oldest'],
	placed: ['待支付', 'Awaiting payment'],
	paid: ['已付款，未到账', 'Paid, not credited'],
	delivering: ['充入中', 'Sending to meter'],
	dark: ['已充入，未送电', 'On the meter, still dark'],
	uncertain: ['待确认', 'Being checked'],
	oldest: ['最久', ''],
	windows: ['灯', 'Windows'],
	rooms: ['户', 'rooms'],
	map: ['灯图：每扇窗是一户。方向键换窗', 'One window is one room. Arrow keys move between windows'],
	no_rooms: ['还没有房间', 'No rooms yet'],
	no_rooms_do: ['导入楼栋、房间和表计后，灯图在这里亮起', 'Import buildings, rooms and meters; they light up here'],
	floor: ['层', 'F'],
	water_off: ['停水', 'Water off'],
	water_lost: ['水表离线', 'Water offline'],
	no_meter: ['没有装表', 'No meter'],
	meter: ['表号', 'Meter'],
	electricity: ['电', 'Electricity'],
	water: ['水', 'Water'],
	todo: ['要处理的事', 'To do'],
	items: ['件', ''],
	all_done: ['没有要处理的事', 'Nothing to do'],
	all_done_sub: ['有告警时列在这里，最急的在上', 'Alarms are listed here, the most urgent first'],
	further: ['另有', 'and'],
	further_items: ['件', 'more'],
	topups: ['最近的充值', 'Last top-ups'],
	topups_sub: ['付款到送电，逐步有据；点开看每一件事', 'From payment to light, step by step; open one for every event'],
	no_topups: ['还没有充值', 'No top-ups yet'],
	no_topups_sub: ['充值后，每一笔都会列在这里', 'Every top-up will be listed here'],
	room: ['房间', 'Room'],
	amount: ['金额', 'Amount'],
	step_placed: ['下单', 'Order'],
	step_paid: ['付款', 'Paid'],
	step_credited: ['到账', 'Credited'],
	step_sent: ['下发', 'Sent'],
	step_delivered: ['充入', 'On meter'],
	step_restored: ['送电', 'Light'],
	step_flow: ['供水', 'Water on'],
	paid_to_light: ['付款到送电', 'Paid to light'],
	cut_title: ['连接断了', 'Connection lost'],
	cut_shown: ['下面是', 'Shown as of'],
	cut_shown_end: ['的内容', ''],
	cut_since: ['已过', 'age'],
	cut_retry: ['正在重连', 'Reconnecting'],
	retry: ['现在重连', 'Reconnect now'],
	down_title: ['没有连上服务器', 'The server does not answer'],
	down_safe: ['这一页只看不动，钱和电不受影响', 'This page only looks: money and light are not touched'],
	down_do: ['每隔几秒再试，也可以现在重连', 'It tries again every few seconds, or reconnect now'],
};

const SUPPLY = {
	on: ['供电中', 'Power on'],
	off: ['已断电', 'Power off'],
	dark: ['已付未亮', 'Paid but dark'],
	waiting: ['待合闸确认', 'Confirm to switch on'],
	offline: ['离线', 'Offline'],
	kept: ['保电', 'Kept on'],
	unknown: ['状态未知', 'Not known'],
};

const WATER = {
	on: ['供水中', 'Water on'],
	off: ['已停水', 'Water off'],
	dark: ['已付未通水', 'Paid, water not back'],
	waiting: ['阀门动作中', 'Valve moving'],
	offline: ['离线', 'Offline'],
	kept: ['保供', 'Kept on'],
	unknown: ['状态未知', 'Not known'],
};

const ORDER = {
	placed: ['待支付', 'Awaiting payment', 'clock', ''],
	paid: ['已付款', 'Paid', 'tick', 'ok'],
	credited: ['已到账', 'Credited', 'tick', 'ok'],
	delivering: ['充入中', 'Sending to meter', 'arrows', 'brand'],
	uncertain: ['待确认', 'Being checked', 'question', 'doubt'],
	delivered: ['已充入', 'On the meter', 'tick', 'ok'],
	restored: ['已送电', 'Power restored', 'bolt', 'ok'],
	flowing: ['已供水', 'Water restored', 'drop', 'ok'],
	closed: ['已关闭，没有扣款', 'Closed, not charged', 'cross', 'off'],
	held: ['待核对', 'Held for review', 'question', 'doubt'],
	refunded: ['已退款', 'Refunded', 'back', 'off'],
	dark: ['已充入，未送电', 'On the meter, dark', 'bolt', 'err'],
	waiting: ['待合闸确认', 'Confirm to switch on', 'hand', 'warn'],
	'held-off': ['人工断开，等人合闸', 'Cut by hand, waits for a person', 'hand', 'off'],
	quarantined: ['已停，等人核对', 'Stopped for review', 'stop', 'err'],
};

const EVENT = {
	placed: ['下单，价格已冻结', 'Ordered, price fixed'],
	attempted: ['向支付平台下单', 'Asked the provider'],
	attempt: ['支付单有变化', 'The payment attempt changed'],
	'provider-answered': ['支付平台已应答', 'The provider answered'],
	paid: ['支付平台确认已付款', 'The provider confirmed the payment'],
	credited: ['已到账，记入账本', 'Credited in the ledger'],
	intent: ['先记下购电次数，再发', 'Purchase count written down first'],
	sent: ['充值帧已发出', 'Top-up frame sent'],
	answered: ['电表应答，还要回读', 'The meter answered; read-back follows'],
	'read-back': ['已回读', 'Read back'],
	unreadable: ['没有读到电表，再读，不重发', 'Meter not readable; reading again, not sending'],
	resend: ['次数没有动，用同一次数再发', 'Count unmoved: sent again under the same count'],
	delivered: ['已充入，次数和金额一致', 'On the meter: count and amount agree'],
	voided: ['没有充入，钱退回钱包', 'Not applied; the money is free again'],
	'close-sent': ['已发合闸', 'Close command sent'],
	'allow-close-sent': ['已发允许合闸', 'Permission to close sent'],
	'trip-sent': ['已发拉闸', 'Trip command sent'],
	'keep-power-sent': ['已发保电', 'Keep-power command sent'],
	'unkeep-sent': ['已发解除保电', 'End of keep-power sent'],
	restored: ['继电器回读为合闸，已送电', 'Relay read back as closed'],
	uncertain: ['结果待确认，只读不重发', 'Outcome unknown: reading, never re-sending blindly'],
	quarantined: ['次数对不上，已停，等人核对', 'Counts disagree: stopped for a person'],
	held: ['金额对不上，已暂停，钱在待核对', 'Held: the money does not fit the order'],
	closed: ['订单已关闭，没有扣款', 'Order closed, not charged'],
	duplicate: ['收到第二笔付款，会原路退回', 'A second payment; it will go back'],
	mismatch: ['付款和订单不一致，等人核对', 'The payment does not match the order'],
	contradicted: ['同一笔交易前后说法不一，等人核对', 'One payment told in two ways'],
	unmatched: ['付款找不到订单，等人核对', 'Money that fits no order'],
	refunded: ['已退款', 'Refunded'],
	'waiting-for-user': ['等租户按键确认送电', 'Waiting for the tenant to confirm'],
	'held-off': ['人工断开，付款不自动合闸', 'Cut by hand: a payment does not close it'],
	'supply.dark': ['已付款，1 分钟还没送电', 'Paid and dark for a minute'],
	'supply.stuck': ['已发合闸，继电器没有动', 'Close sent, the relay did not move'],
	'supply.refused': ['电表拒绝合闸', 'The meter refuses to close'],
	'supply.not_cut': ['人工拉闸没有执行', 'A cut by hand was not carried out'],
	'supply.still_dark': ['一天了还没送电', 'Dark for a day'],
	kiosk: ['在自助终端下单', 'Ordered at a kiosk'],
	'kiosk.qr_shown': ['终端显示了付款码', 'The kiosk showed the code'],
	'kiosk.qr_hidden': ['终端遮住了付款码', 'The kiosk covered the code'],
	'kiosk.left': ['顾客离开了终端', 'The customer left'],
	'kiosk.abandoned': ['终端中断过，已自行核对', 'The kiosk was cut off and told of it'],
	'kiosk.result_shown': ['终端显示了结果', 'The kiosk showed the result'],
	'kiosk.print': ['凭条已计数，再打印', 'Receipt counted, then printed'],
	'kiosk.printed': ['终端报告了打印结果', 'The kiosk told how printing ended'],
	'kiosk.card_asked': ['终端请顾客放卡', 'The kiosk asked for the card'],
	'kiosk.voucher': ['写卡凭证已生成，钱已冻结', 'Voucher made, its money held'],
	'kiosk.card': ['卡读回了写卡结果', 'What the card was read to say'],
};

/** What an event's detail is about; what is not listed says nothing to people and is left out. */
const FIELD = {
	amount_fen: ['金额', 'amount'],
	paid_fen: ['实付', 'paid'],
	order_fen: ['订单', 'order'],
	last_amount_fen: ['上次购电', 'last purchase'],
	balance_fen: ['表内余额', 'on the meter'],
	price_micro_yuan: ['单价', 'price'],
	channel: ['渠道', 'by'],
	provider: ['平台', 'provider'],
	source: ['来自', 'told by'],
	count: ['购电次数', 'count'],
	times: ['已发次数', 'sent'],
	outcome: ['结果', 'outcome'],
	error_word: ['错误字', 'error word'],
	error: ['说明', 'said'],
	state: ['状态', 'state'],
	reason: ['原因', 'reason'],
	actual: ['继电器', 'relay'],
	relay: ['继电器', 'relay'],
};

/** The words a detail's value may be; what is not listed keeps its own, such as an error's code. */
const VALUE = {
	callback: ['平台通知', 'callback'],
	query: ['查询', 'query'],
	bill: ['对账单', 'bill'],
	counter: ['柜台', 'counter'],
	'wechat-pay': ['微信支付', 'WeChat Pay'],
	alipay: ['支付宝', 'Alipay'],
	accepted: ['已接受', 'accepted'],
	refused: ['被拒绝', 'refused'],
	'no-answer': ['没有应答', 'no answer'],
	'not-sent': ['没有发出', 'not sent'],
	on: ['合闸', 'closed'],
	off: ['拉闸', 'open'],
	waiting: ['待确认', 'waiting'],
	unknown: ['未知', 'unknown'],
	created: ['已创建', 'created'],
	awaiting: ['待支付', 'awaiting'],
	paid: ['已付款', 'paid'],
	closing: ['关闭中', 'closing'],
	closed: ['已关闭', 'closed'],
	declined: ['被拒绝', 'declined'],
	expired: ['已过期', 'expired'],
	cancelled: ['已取消', 'cancelled'],
	currency: ['币种不符', 'currency'],
	'count-ahead': ['表内次数偏大', 'meter counts more'],
	'count-behind': ['表内次数偏小', 'meter counts fewer'],
	'meter-replaced': ['可能已换表', 'meter replaced'],
	'count-exhausted': ['次数已到上限', 'count at its end'],
	'count-taken': ['次数已被占用', 'count taken'],
	'other-purchase': ['次数已用于另一金额', 'other purchase'],
	'count-jumped': ['次数跳变', 'count jumped'],
	'count-fell': ['次数变小', 'count fell'],
	partial: ['只写入一部分', 'taken in part'],
};

const CHANNEL = {
	wechat: ['微信支付', 'WeChat Pay'],
	alipay: ['支付宝', 'Alipay'],
	cash: ['现金', 'Cash'],
	'bank-transfer': ['银行转账', 'Bank transfer'],
	pos: ['刷卡', 'Card'],
	'carried-over': ['换表结转', 'Carried over'],
};

let english = false;

/** Chooses the language: what the address names, else Chinese. Nothing is stored. */
export function chooseLanguage(choice) {
	english = choice === 'en';
	document.documentElement.lang = english ? 'en' : 'zh-CN';
	document.title = word('title');
	for (const element of document.querySelectorAll('[data-word]')) {
		element.textContent = word(element.dataset.word);
	}
}

export const isEnglish = () => english;
const pick = (pair) => pair[english ? 1 : 0];
/** A word of the page. */
export const word = (key) => pick(WORDS[key]);
/** The word for a supply; a state nobody listed is not known, never on. */
export const supplyWord = (state, purpose) =>
	pick((purpose === 'water' ? WATER : SUPPLY)[state] ?? SUPPLY.unknown);
/** Word, icon and colour of an order's state. */
export function orderWord(state) {
	const [zh, en, picture, kind] = ORDER[state] ?? [state, state, 'question', 'doubt'];
	return { word: english ? en : zh, picture, kind };
}
/** The sentence for an event; one nobody listed keeps its own name. */
export const eventWord = (kind) => pick(EVENT[kind] ?? [kind, kind]);
/** An event's detail as one line: `购电次数 38 · 已发次数 1`. */
export function detailWords(detail) {
	if (detail == null || typeof detail !== 'object') return '';
	return Object.entries(detail)
		.filter(([key, value]) => FIELD[key] && value != null && value !== '')
		.map(([key, value]) => `${pick(FIELD[key])} ${valueWord(key, value)}`)
		.join(' · ');
}

function valueWord(key, value) {
	if (key.endsWith('_fen')) return yuan(Number(value));
	if (key === 'price_micro_yuan') return `¥${Number(value) / 1_000_000}`;
	if (key === 'channel') return channelWord(value);
	return VALUE[value] ? pick(VALUE[value]) : String(value);
}

/** The wallet in words. */
export function channelWord(channel) {
	const found = Object.keys(CHANNEL).find((key) => String(channel).startsWith(key));
	return found ? pick(CHANNEL[found]) : String(channel ?? '');
}
/** A project's or alarm's name in the language of the page. */
export const named = (zh, en) => (english && en ? en : zh || en || '');

/** `12,345`. */
export const thousands = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ',');

/** Fen as `¥1,915.00`; unknown is 一横, never 0. */
export function yuan(fen) {
	if (fen == null) return '—';
	const whole = Math.abs(fen);
	const left = thousands(Math.floor(whole / 100));
	return `${fen < 0 ? '−' : ''}¥${left}.${String(whole % 100).padStart(2, '0')}`;
}

/** `26 笔` or `26`. */
export const counted = (count) => (english ? thousands(count) : `${thousands(count)} 笔`);

const shape = (options) => new Intl.DateTimeFormat('en-GB', { timeZone: ZONE, ...options });
const CLOCK = shape({ hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const SHORT = shape({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const DAY = shape({ year: 'numeric', month: '2-digit', day: '2-digit' });
const LONG = {
	zh: new Intl.DateTimeFormat('zh-CN', { timeZone: ZONE, weekday: 'long' }),
	en: new Intl.DateTimeFormat('en-GB', {
		timeZone: ZONE,
		weekday: 'long',
		day: 'numeric',
		month: 'long',
	}),
};

/** `14:32:07` of the site's zone. */
export const clock = (at) => CLOCK.format(at);
/** The hour of the site's zone, 0 to 23. */
export const hourOf = (at) => Number(SHORT.format(at).slice(0, 2));

/** `11 月 20 日，星期五`. */
export function longDay(at) {
	if (english) return LONG.en.format(at);
	const [day, month] = DAY.format(at).split('/').map(Number);
	return `${month} 月 ${day} 日，${LONG.zh.format(at)}`;
}

/** `14:30`, `昨天 23:00`, `11 月 18 日 23:00`. */
export function moment(at, now) {
	const time = SHORT.format(at);
	if (DAY.format(at) === DAY.format(now)) return time;
	const yesterday = DAY.format(at) === DAY.format(now - 86_400_000);
	if (yesterday) return english ? `yesterday ${time}` : `昨天 ${time}`;
	const [day, month] = DAY.format(at).split('/').map(Number);
	return english ? `${day}/${month} ${time}` : `${month} 月 ${day} 日 ${time}`;
}

/** A span of time in seconds: `38 秒`, `6 分 04 秒`, `37 分钟`, `2 小时 05 分`, `3 天`. */
export function span(seconds) {
	const all = Math.max(0, Math.floor(seconds));
	const two = (value) => String(value).padStart(2, '0');
	const minutes = Math.floor(all / 60);
	if (all < 60) return english ? `${all} s` : `${all} 秒`;
	if (minutes < 10) {
		return english ? `${minutes} min ${two(all % 60)} s` : `${minutes} 分 ${two(all % 60)} 秒`;
	}
	if (minutes < 60) return english ? `${minutes} min` : `${minutes} 分钟`;
	const hours = Math.floor(minutes / 60);
	if (hours < 48) {
		return english ? `${hours} h ${two(minutes % 60)} min` : `${hours} 小时 ${two(minutes % 60)} 分`;
	}
	return english ? `${Math.floor(hours / 24)} days` : `${Math.floor(hours / 24)} 天`;
}

/** A short span with its tenth: `9.2 秒`. */
export function tenths(ms) {
	if (ms >= 60_000) return span(ms / 1000);
	const text = (Math.floor(Math.max(0, ms) / 100) / 10).toFixed(1);
	return english ? `${text} s` : `${text} 秒`;
}

/** The age of a reading in words, and whether it is old enough to be said in amber. */
export function age(at, now) {
	if (at == null) return { text: word('no_reading'), kind: 'off' };
	const seconds = (now - at) / 1000;
	if (seconds <= 60) {
		return { text: english ? `Read just now ${clock(at)}` : `刚读到 ${clock(at)}`, kind: 'ok' };
	}
	const text = english ? `As of ${moment(at, now)}` : `截至 ${moment(at, now)}`;
	return { text, kind: seconds > READING_OLD_S ? 'warn' : '' };
}
/** A number in groups of four, as it stands on the meter. */
export const grouped = (text) => String(text ?? '').replace(/(.{4})(?=.)/g, '$1 ');
