// Judges what our connector made a moment ago, and makes fresh things for it to judge.
// Standard input: {"salt":"…","keys":{name:PEM},"requests":[{parameter:value}]}.
// Standard output: {"requests":[…],"answers":[…],"notifies":[…]}.
import * as o from './oracle.mjs';

const input = JSON.parse(await new Response(process.stdin).text());
const { salt } = input;
o.supply(input.keys);

const requests = input.requests.map((params) => {
  const { sign, ...rest } = params;
  const extra = { ...rest };
  for (const key of ['method', 'app_id', 'charset', 'version', 'sign_type', 'timestamp', 'biz_content', 'encrypt_type',
    'app_cert_sn', 'alipay_root_cert_sn']) delete extra[key];
  const encrypted = params.encrypt_type === 'AES';
  const text = encrypted ? o.aesDecryptText(params.biz_content, o.aesKey) : params.biz_content;
  const again = o.signedBySdk(params.method, params.timestamp, JSON.parse(text),
    { ...extra, encrypted, certificates: Boolean(params.app_cert_sn) });
  return { accepted: o.sdkAcceptsRequest(params), same: again.sign === sign, content: text };
});

const node = JSON.stringify({
  code: '10000', msg: 'Success', out_trade_no: 'R1', trade_no: `T${salt}`, trade_status: 'TRADE_SUCCESS',
  total_amount: '50.00', subject: `电费 } " \\ ${salt}`, send_pay_date: '2026-11-21 04:31:05',
}).replaceAll('/', '\\/');
const answers = [];
for (const [alias, key, sn] of [['key', 'alipay.key'], ['certificate', 'alipay.key', o.getSN(o.pem('alipay.crt'))]]) {
  const body = `{"alipay_trade_query_response":${node},${sn ? `"alipay_cert_sn":"${sn}",` : ''}"sign":"${o.signAsAlipay(node, key)}"}`;
  answers.push({ alias, body, accepted: await o.sdkAcceptsAnswer('alipay.trade.query', body) });
}
const sealed = JSON.stringify(o.aesEncryptText(node, o.aesKey));
answers.push({ alias: 'encrypted', body: `{"alipay_trade_query_response":${sealed},"sign":"${o.signAsAlipay(sealed)}"}`, accepted: true });

const notifies = [];
for (const keepsSignType of [false, true]) {
  const params = {
    app_id: '2021000000000001', seller_id: '2088000000000002', charset: 'utf-8', notify_type: 'trade_status_sync',
    notify_id: salt, out_trade_no: 'R1', trade_no: `T${salt}`, trade_status: 'TRADE_SUCCESS', total_amount: '50.00',
    subject: `电费 + % &quot; ${salt}`, passback_params: 'a%253Db', body: '', sign_type: 'RSA2',
  };
  const names = Object.keys(params).sort().filter((name) => keepsSignType || name !== 'sign_type');
  params.sign = o.signAsAlipay(names.map((name) => `${name}=${params[name]}`).join('&'));
  const body = new URLSearchParams(params).toString();
  notifies.push({ body, accepted: o.checksNotify(params) });
}
process.stdout.write(JSON.stringify({ requests, answers, notifies }));
