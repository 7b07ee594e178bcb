// Makes the committed fixtures: node make-vectors.mjs (needs npm ci first). The same keys always
// give the same bytes, because the signature scheme has no randomness.
import { writeFileSync, readFileSync } from 'node:fs';
import { deflateRawSync, crc32 } from 'node:zlib';
import * as o from './oracle.mjs';

const out = new URL('../../../server/crates/connector/tests/alipay/', import.meta.url);
const version = JSON.parse(readFileSync(new URL('./node_modules/alipay-sdk/package.json', import.meta.url))).version;
const timestamp = '2026-11-21 04:30:00';

// ---- requests the SDK signed -------------------------------------------------------------
const notify_url = 'https://pay.example.com/callback/alipay/m1';
const return_url = 'https://pay.example.com/back?a=1&b=电';
const base = { out_trade_no: 'R20261121_0001', total_amount: '50.00', subject: '电费 3／502 "A{b}"' };
const time_expire = '2026-11-21 04:45:00';
const calls = {
  precreate: ['alipay.trade.precreate', { ...base, product_code: 'FACE_TO_FACE_PAYMENT', time_expire }, { notify_url }],
  create: ['alipay.trade.create', { ...base, product_code: 'JSAPI_PAY', time_expire, op_app_id: '2021000000000001', buyer_open_id: '074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5' }, { notify_url }],
  wap: ['alipay.trade.wap.pay', { ...base, product_code: 'QUICK_WAP_PAY', time_expire, quit_url: 'https://pay.example.com/quit' }, { notify_url, return_url }],
  query: ['alipay.trade.query', { out_trade_no: base.out_trade_no }, {}],
  close: ['alipay.trade.close', { out_trade_no: base.out_trade_no }, {}],
  cancel: ['alipay.trade.cancel', { out_trade_no: base.out_trade_no }, {}],
  refund: ['alipay.trade.refund', { out_trade_no: base.out_trade_no, refund_amount: '20.00', out_request_no: 'F20261121_0001', refund_reason: '退款 100% + &quot;' }, {}],
  query_refund: ['alipay.trade.fastpay.refund.query', { out_trade_no: base.out_trade_no, out_request_no: 'F20261121_0001', query_options: ['gmt_refund_pay', 'refund_detail_item_list'] }, {}],
  // No business content at all: the fields stand beside the common ones.
  sign_in: ['alipay.system.oauth.token', undefined, { grant_type: 'authorization_code', code: '4b203fe6c11548bcabd8da5bb087a83b' }],
  tell: ['alipay.open.app.mini.templatemessage.send', { to_open_id: '074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5', user_template_id: 'MDI4YzIxMDE2M2I5YTQzYjUxNWE4MjA4NmU1MTIyYmM=', page: 'pages/order/order?id%3dYF1', data: '{"keyword1":{"value":"20.00元"},"keyword2":{"value":"和园公寓 3-2-1204"}}' }, {}],
  bill: ['alipay.data.dataservice.bill.downloadurl.query', { bill_type: 'trade', bill_date: '2026-11-20' }, {}],
};
const requests = [];
for (const [name, [method, content, extra]] of Object.entries(calls)) {
  for (const [mode, options] of Object.entries({
    key: {}, certificates: { certificates: true }, encrypted: { encrypted: true }, token: { app_auth_token: '202611BB_token' },
  })) {
    requests.push({ name, mode, params: o.signedBySdk(method, timestamp, content, { ...extra, ...options }) });
  }
}

// ---- answers signed with the throw-away Alipay key --------------------------------------
const answers = [];
async function answer(name, method, node, { root, key, cert_sn, sdk = true, unsigned = false } = {}) {
  root ??= `${method.replaceAll('.', '_')}_response`;
  const sign = `"sign":"${o.signAsAlipay(node, key)}"`;
  const named = cert_sn ? `"alipay_cert_sn":"${cert_sn}",` : '';
  const body = unsigned ? `{"${root}":${node}}` : `{"${root}":${node},${named}${sign}}`;
  const accepted = await o.sdkAcceptsAnswer(method, body);
  if (accepted !== sdk) throw new Error(`the SDK disagrees on ${name}: ${accepted}`);
  answers.push({ name, method, body, sdk_accepts: accepted });
}
const ok = '"code":"10000","msg":"Success"';
const qr = `{${ok},"out_trade_no":"R20261121_0001","qr_code":"https:\\/\\/qr.alipay.com\\/bax00001abcdef"}`;
const paid = `{${ok},"buyer_logon_id":"159****5620","buyer_pay_amount":"49.00","buyer_user_id":"2088101117955611","invoice_amount":"49.00","out_trade_no":"R20261121_0001","point_amount":"0.00","receipt_amount":"50.00","send_pay_date":"2026-11-21 04:31:05","subject":"curly } in { text \\" \\\\","total_amount":"50.00","trade_no":"2026112122001400000000000001","trade_status":"TRADE_SUCCESS"}`;
const missing = '{"code":"40004","msg":"Business Failed","sub_code":"ACQ.TRADE_NOT_EXIST","sub_msg":"交易不存在","buyer_pay_amount":"0.00","invoice_amount":"0.00","out_trade_no":"R20261121_0001","point_amount":"0.00","receipt_amount":"0.00"}';
await answer('precreate', 'alipay.trade.precreate', qr);
await answer('create', 'alipay.trade.create', `{${ok},"out_trade_no":"R20261121_0001","trade_no":"2026112122001400000000000001"}`);
await answer('query paid', 'alipay.trade.query', paid);
await answer('query not exist', 'alipay.trade.query', missing);
await answer('query not exist, unsigned', 'alipay.trade.query', missing, { unsigned: true, sdk: false });
await answer('invalid app id, unsigned', 'alipay.trade.query', '{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.invalid-app-id","sub_msg":"无效的AppID参数"}', { root: 'error_response', unsigned: true, sdk: false });
const sn = o.getSN(o.pem('alipay.crt'));
const next_sn = o.getSN(o.pem('alipay-next.crt'));
await answer('query paid, certificate', 'alipay.trade.query', paid, { cert_sn: sn });
// The SDK knows one key only; the next certificate's answer is for us to take.
await answer('query paid, next certificate', 'alipay.trade.query', paid, { cert_sn: next_sn, key: 'alipay-next.key', sdk: false });
// The SDK's verification knows no string nodes; the content is sealed by it, the signature covers the quotes.
await answer('query paid, encrypted', 'alipay.trade.query', JSON.stringify(o.aesEncryptText(paid, o.aesKey)), { sdk: false });
await answer('precreate, encrypted', 'alipay.trade.precreate', JSON.stringify(o.aesEncryptText(qr, o.aesKey)), { sdk: false });

// Success of a sign-in has no code; its numbers may be texts.
const signed_in = '{"access_token":"authbseBde366a2d7a2a4dd8b9b8d0a1f2e3c4X11","alipay_user_id":"20880000000000000000000000000000","auth_start":"2026-11-21 04:30:00","expires_in":1296000,"open_id":"074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5","re_expires_in":"2592000","refresh_token":"authbseB9f1c2d3e4f5a6b7c8d9e0f1a2b3c4X11"}';
await answer('sign in', 'alipay.system.oauth.token', signed_in);
await answer('sign in, old application', 'alipay.system.oauth.token', signed_in.replace(/"open_id":"[^"]+"/, '"user_id":"2088101117955611","open_id":""'));
await answer('sign in, nobody', 'alipay.system.oauth.token', signed_in.replace(/"open_id":"[^"]+"/, '"user_id":null'));
const spent = '{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.code-invalid","sub_msg":"授权码code无效"}';
// The SDK looks for its signature under the method's own name only; the gateway may sign either.
await answer('sign in, spent code', 'alipay.system.oauth.token', spent, { root: 'error_response', sdk: false });
await answer('sign in, spent code, unsigned', 'alipay.system.oauth.token', spent, { root: 'error_response', unsigned: true, sdk: false });
await answer('tell', 'alipay.open.app.mini.templatemessage.send', `{${ok}}`);

// ---- callbacks ---------------------------------------------------------------------------
const callback = {
  gmt_create: '2026-11-21 04:30:40', charset: 'utf-8', seller_email: 'landlord@example.com', subject: '电费 3栋502 100% + 1&1=2',
  body: '', buyer_id: '2088101117955611', invoice_amount: '50.00', notify_id: '2026112100222043105000000000000001',
  fund_bill_list: '[{&quot;amount&quot;:&quot;50.00&quot;,&quot;fundChannel&quot;:&quot;ALIPAYACCOUNT&quot;}]',
  notify_type: 'trade_status_sync', trade_status: 'TRADE_SUCCESS', receipt_amount: '50.00', app_id: '2021000000000001',
  buyer_pay_amount: '49.00', seller_id: '2088000000000002', gmt_payment: '2026-11-21 04:31:05', notify_time: '2026-11-21 04:31:06',
  passback_params: 'room%3D502%26meter%3D%2525', version: '1.0', out_trade_no: 'R20261121_0001', total_amount: '50.00',
  trade_no: '2026112122001400000000000001', auth_app_id: '2021000000000001', buyer_logon_id: '159****5620', point_amount: '0.00',
  an_unknown_extra: '@tomorrow', sign_type: 'RSA2',
};
const notifies = [];
function notify(name, change = {}, { keepsSignType = false, keepsBlanks = true, encode = Buffer.from, sdk = true } = {}) {
  const params = { ...callback, ...change };
  for (const key of Object.keys(params)) if (params[key] === undefined) delete params[key];
  const signed = Object.keys(params).sort().filter((key) => (keepsSignType || key !== 'sign_type') && (keepsBlanks || params[key] !== ''));
  const text = signed.map((key) => `${key}=${params[key]}`).join('&');
  params.sign = o.signAsAlipay(encode(text));
  const accepted = o.checksNotify(params);
  if (accepted !== sdk) throw new Error(`the SDK disagrees on ${name}: ${accepted}`);
  const body = Object.entries(params).map(([key, value]) => `${key}=${o.formEncoded(encode(value))}`).join('&');
  notifies.push({ name, body, sdk_accepts: accepted });
}
notify('paid');
notify('paid, sign_type signed', {}, { keepsSignType: true });
// The SDK always keeps blank values, and signs UTF-8 whatever is declared; ours takes both.
notify('paid, blanks not signed', {}, { keepsBlanks: false, sdk: false });
notify('paid, sign_type signed, blanks not', {}, { keepsSignType: true, keepsBlanks: false, sdk: false });
notify('paid, GBK', { charset: 'GBK' }, { encode: o.gbk, sdk: false });
notify('paid, gb2312', { charset: 'gb2312' }, { encode: o.gbk, sdk: false });
notify('paid, open id', { buyer_id: undefined, buyer_open_id: '074a1CcTG1LelxKe' });
notify('waiting', { trade_status: 'WAIT_BUYER_PAY', gmt_payment: undefined });
notify('closed unpaid', { trade_status: 'TRADE_CLOSED', gmt_payment: undefined, gmt_close: '2026-11-21 04:45:00' });
notify('part refund', { refund_fee: '20.00', gmt_refund: '2026-11-22 10:00:00.233', out_biz_no: 'F20261121_0001' });
notify('full refund', { trade_status: 'TRADE_CLOSED', refund_fee: '50.00', gmt_refund: '2026-11-22 10:00:00.233', gmt_close: '2026-11-22 10:00:00', out_biz_no: 'F20261121_0002' });
notify('finished', { trade_status: 'TRADE_FINISHED', gmt_close: '2027-02-21 04:31:05' });
notify('finished after a part refund', { trade_status: 'TRADE_FINISHED', refund_fee: '20.00', gmt_refund: '2026-11-22 10:00:00', gmt_close: '2027-02-21 04:31:05' });
notify('another application', { app_id: '2021000000000009' });
notify('another seller', { seller_id: '2088000000000009' });
notify('no seller', { seller_id: undefined });
notify('dollars', { trans_currency: 'USD' });
notify('another kind', { notify_type: 'dut_user_sign', trade_status: undefined });
notify('a new status', { trade_status: 'TRADE_PENDING' });
notify('no number', { out_trade_no: undefined });

// ---- the SDK's AES and certificate numbers -----------------------------------------------
const contents = ['{}', '{"subject":"电费"}', 'sixteen bytes ok'].map((plain) => ({ plain, sealed: o.aesEncryptText(plain, o.aesKey) }));
const numbers = {
  app: o.getSN(o.pem('app.crt')), alipay: sn, next: next_sn, roots: o.getSN(o.pem('roots.crt'), true),
};

writeFileSync(new URL('vectors.json', out), JSON.stringify({ made_by: `alipay-sdk ${version}`, requests, answers, notifies, contents, numbers }, null, 1) + '\n');

// ---- a bill: names in GBK without the UTF-8 flag ----------------------------------------
function zip(entries) {
  const locals = [], central = [];
  let offset = 0;
  for (const [name, content] of entries) {
    const rawName = o.gbk(name), packed = deflateRawSync(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0); common.writeUInt16LE(0, 2); common.writeUInt16LE(8, 4);
    common.writeUInt32LE(0x5a755b21, 6);
    common.writeUInt32LE(crc32(content), 10); common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(content.length, 18); common.writeUInt16LE(rawName.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, rawName, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 0]), common, tail, rawName]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central), end = Buffer.alloc(22);
  end.write('PK\x05\x06'); end.writeUInt16LE(entries.length, 8); end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12); end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}
// The layout of payments.md B11 (a real sheet of 2019, its columns in full).
const columns = '支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注';
const row = (trade, order, kind, subject, time, amount, request, fee) =>
  `${trade}\t,${order}\t,${kind},${subject},${time},${time},\t,,,\t,*明(159****5620)\t,${amount},${amount},0.00,0.00,0.00,0.00,0.00,,0.00,0.00,${request}\t,${fee},0.00,`;
const detail = [
  '#支付宝业务明细查询', '#账号：[20880000000000020156]', '#起始日期：[2026年11月20日 00:00:00]   终止日期：[2026年11月21日 00:00:00]',
  '#-----------------------------------------业务明细列表----------------------------------------', columns,
  row('2026112022001400000000000001', 'R20261120_0001', '交易', '电费 3栋502', '2026-11-20 00:00:01', '50.00', '', '-0.30'),
  row('2026112022001400000000000002', 'R20261120_0002', '交易', '水费 3栋502', '2026-11-20 23:59:59', '30.50', '', '-0.18'),
  row('2026112022001400000000000001', 'R20261120_0001', '退款', '电费 3栋502', '2026-11-20 12:00:00', '-20.00', 'F20261120_0001', '0.12'),
  '#-----------------------------------------业务明细列表结束------------------------------------',
  '#交易合计：2笔，商家实收共80.50元，商家优惠共0.00元', '#退款合计：1笔，商家实收退款共-20.00元，商家优惠退款共0.00元', '#导出时间：[2026年11月21日 09:12:33]', '',
].join('\r\n');
const summary = '#支付宝业务汇总查询\r\n#账号：[20880000000000020156]\r\n';
writeFileSync(new URL('bill.zip', out), zip([['20880000000000020156_20261120_业务明细.csv', o.gbk(detail)], ['20880000000000020156_20261120_业务明细(汇总).csv', o.gbk(summary)]]));
