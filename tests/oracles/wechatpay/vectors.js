// The cases the product is shown: genuine, and genuinely signed but wrong.
'use strict';

const { billVectors } = require('./bills');

const SIGNED_AT = '1796090402';
const CREATED = '2026-12-01T10:00:01+08:00';
const V3_KEY = '0123456789abcdefghijklmnopqrstuv';
const FORMER_V3_KEY = 'former-key-3456789abcdefghijklmn';
const STRANGE_V3_KEY = 'not-our-key-56789abcdefghijklmno';
const MERCHANT = { mchid: '1900000001', serial: '0A5D7132D72A03E93CDDF8C03BBD1F37EEDF3D01' };
const PLATFORM_A = { name: 'platform-a', serial: '7132D72A03E93CDDF8C03BBD1F37EEDF3D0145B9' };
const PLATFORM_B = { name: 'platform-b', serial: 'F132D72A03E93CDDF8C03BBD1F37EEDF3D0145BA' };
const PUBLIC_KEY = { name: 'wechat-public-key', serial: 'PUB_KEY_ID_0119000000012026112000000000' };
const STRANGER = { name: 'merchant', serial: MERCHANT.serial };

const ordinary = (over = {}) => ({
  appid: 'wx1900000001abcdef',
  mchid: MERCHANT.mchid,
  out_trade_no: 'R20261201000001',
  transaction_id: '4200000000202612010000000001',
  trade_type: 'NATIVE',
  trade_state: 'SUCCESS',
  trade_state_desc: '支付成功',
  bank_type: 'OTHERS',
  attach: '',
  success_time: '2026-12-01T10:00:00+08:00',
  payer: { openid: 'o-payer' },
  amount: { total: 5000, payer_total: 5000, currency: 'CNY', payer_currency: 'CNY' },
  promotion_detail: [],
  ...over,
});

const partner = (over = {}) => {
  const { appid, mchid, ...rest } = ordinary();
  return {
    sp_appid: appid, sp_mchid: mchid, sub_mchid: '1900000109', ...rest,
    payer: { sp_openid: 'o-at-partner', sub_openid: 'o-at-sub' }, ...over,
  };
};

const refund = (over = {}) => ({
  mchid: MERCHANT.mchid,
  out_trade_no: 'R20261201000001',
  transaction_id: '4200000000202612010000000001',
  out_refund_no: 'F20261201000001',
  refund_id: '50300000002026120100000001',
  refund_status: 'SUCCESS',
  success_time: '2026-12-01T10:00:00+08:00',
  user_received_account: '支付用户零钱',
  amount: { total: 5000, refund: 1200, payer_total: 5000, payer_refund: 1200 },
  ...over,
});

const refundAnswer = (over = {}) => {
  const { mchid, refund_status: status, ...rest } = refund();
  const amount = { ...rest.amount, currency: 'CNY', settlement_refund: 1200, settlement_total: 5000 };
  return { ...rest, status, channel: 'ORIGINAL', create_time: CREATED, amount, ...over };
};

function without(object, ...names) {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

function vectors(answers, readKey) {
  const privateKey = (who) => readKey(`${who.name}.pkcs8`);

  const sealed = (plaintext, associated, key = V3_KEY) => ({
    algorithm: 'AEAD_AES_256_GCM',
    ciphertext: answers.seal({ plaintext, key, nonce: 'uaGeNnBYNjl7', associated_data: associated }),
    associated_data: associated,
    nonce: 'uaGeNnBYNjl7',
  });

  const signed = (body, who = PLATFORM_A, status = 200) => {
    const nonce = 'EcuZkMBvCJk2vqZcKhHmLqkYtYJgnAnj';
    const signature =
      answers['sign-response']({ timestamp: SIGNED_AT, nonce, body, key: privateKey(who) });
    const headers = [
      ['Content-Type', 'application/json'],
      ['Request-ID', '08DBF3A5B9061050120817028BCA901-0'],
      ['Wechatpay-Nonce', nonce],
      ['Wechatpay-Serial', who.serial],
      ['Wechatpay-Signature', signature],
      ['Wechatpay-Signature-Type', 'WECHATPAY2-SHA256-RSA2048'],
      ['Wechatpay-Timestamp', SIGNED_AT],
    ];
    return { status, headers, body };
  };

  const envelope = (event, original, plaintext, { key, aad = original, over = {} } = {}) => ({
    id: '29a61973-babf-599a-966d-6bcdcf17360c',
    create_time: CREATED,
    resource_type: 'encrypt-resource',
    event_type: event,
    summary: '支付成功',
    resource: { original_type: original, ...sealed(plaintext, aad, key) },
    ...over,
  });
  const text = (thing) => (typeof thing === 'string' ? thing : JSON.stringify(thing));
  const paid = (content, options = {}) =>
    signed(text(envelope('TRANSACTION.SUCCESS', 'transaction', text(content), options)), options.who);
  const refunded = (event, content, options = {}) =>
    signed(text(envelope(event, 'refund', text(content), options)), options.who);

  const callbacks = {
    paid: paid(ordinary()),
    'paid, public key': paid(ordinary(), { who: PUBLIC_KEY }),
    'paid, second certificate': paid(ordinary(), { who: PLATFORM_B }),
    'paid, former APIv3 key': paid(ordinary(), { key: FORMER_V3_KEY }),
    'paid, strange APIv3 key': paid(ordinary(), { key: STRANGE_V3_KEY }),
    'paid, no associated data': paid(ordinary(), { aad: '' }),
    'paid, signed by a stranger under a known serial': (() => {
      const wrong = paid(ordinary(), { who: STRANGER });
      wrong.headers = wrong.headers.map(([name, value]) =>
        [name, name === 'Wechatpay-Serial' ? PLATFORM_A.serial : value]);
      return wrong;
    })(),
    'paid, merchant certificate as platform certificate': paid(ordinary(), { who: STRANGER }),
    'paid, coupon': paid(ordinary({
      amount: { total: 5000, payer_total: 4000, currency: 'CNY', payer_currency: 'CNY' },
    })),
    'paid, one fen less': paid(ordinary({
      amount: { total: 4999, payer_total: 4999, currency: 'CNY', payer_currency: 'CNY' },
    })),
    'paid, one fen more': paid(ordinary({
      amount: { total: 5001, payer_total: 5001, currency: 'CNY', payer_currency: 'CNY' },
    })),
    'paid, dollars': paid(ordinary({
      amount: { total: 5000, payer_total: 5000, currency: 'USD', payer_currency: 'USD' },
    })),
    'paid, amount with a fraction': paid(JSON.stringify(ordinary()).replace('5000', '5000.0')),
    'paid, amount as text': paid(JSON.stringify(ordinary()).replace('5000', '"5000"')),
    'paid, amount NaN': paid(JSON.stringify(ordinary()).replace('5000', 'NaN')),
    'paid, negative amount': paid(JSON.stringify(ordinary()).replace('5000', '-5000')),
    'paid, amount twice': paid(
      JSON.stringify(ordinary()).replace('"total":5000', '"total":5000,"total":500000')),
    'paid, no amount': paid(without(ordinary(), 'amount')),
    'paid, no transaction_id': paid(without(ordinary(), 'transaction_id')),
    'paid, other appid': paid(ordinary({ appid: 'wxother' })),
    'paid, other mchid': paid(ordinary({ mchid: '1900000002' })),
    'paid, no mchid': paid(without(ordinary(), 'mchid')),
    'paid, sub_mchid out of nowhere': paid(ordinary({ sub_mchid: '1900000109' })),
    'paid, state NOTPAY': paid(ordinary({ trade_state: 'NOTPAY' })),
    'paid, state nobody knows': paid(ordinary({ trade_state: 'TELEPORTED' })),
    'partner paid': paid(partner()),
    'partner paid, sub application': paid(partner({ sub_appid: 'wxsub' })),
    'partner paid, other sub_mchid': paid(partner({ sub_mchid: '1900000110' })),
    'partner paid, other sp_mchid': paid(partner({ sp_mchid: '1900000002' })),
    'partner paid, other sub_appid': paid(partner({ sub_appid: 'wxothersub' })),
    refunded: refunded('REFUND.SUCCESS', refund()),
    'refund abnormal': refunded('REFUND.ABNORMAL',
      without(refund({ refund_status: 'ABNORMAL' }), 'success_time')),
    'refund closed': refunded('REFUND.CLOSED',
      without(refund({ refund_status: 'CLOSED' }), 'success_time')),
    'refunded, event and status disagree': refunded('REFUND.SUCCESS',
      refund({ refund_status: 'CLOSED' })),
    'refunded, other mchid': refunded('REFUND.SUCCESS', refund({ mchid: '1900000002' })),
    'partner refunded': refunded('REFUND.SUCCESS', {
      sp_mchid: MERCHANT.mchid, sub_mchid: '1900000109', ...without(refund(), 'mchid'),
    }),
    'profit sharing': signed(text(envelope('PROFITSHARING.SUCCESS', 'profitsharing', '{}'))),
    'payment under a refund event': signed(text(
      envelope('REFUND.SUCCESS', 'transaction', text(ordinary())))),
    'envelope with a key twice': signed(text(
      envelope('TRANSACTION.SUCCESS', 'transaction', text(ordinary())))
      .replace('"event_type"', '"event_type":"REFUND.SUCCESS","event_type"')),
    'envelope nested too deeply': signed(text(
      envelope('TRANSACTION.SUCCESS', 'transaction', text(ordinary())))
      .replace('{"id"', `{"x":${'['.repeat(5000)}${']'.repeat(5000)},"id"`)),
    'unknown algorithm': signed(text(
      envelope('TRANSACTION.SUCCESS', 'transaction', text(ordinary())))
      .replace('AEAD_AES_256_GCM', 'AEAD_SM4_GCM')),
    'xml of the second version': signed(
      '<xml><return_code>SUCCESS</return_code><req_info>AAAA</req_info></xml>'),
    empty: signed(''),
  };

  const responses = {
    native: signed('{"code_url":"weixin://wxpay/bizpayurl?pr=p4lpSuKzz"}'),
    'native, public key': signed('{"code_url":"weixin://wxpay/bizpayurl?pr=p4lpSuKzz"}', PUBLIC_KEY),
    jsapi: signed('{"prepay_id":"wx26112221580621e9b071c00d9e093b0000"}'),
    h5: signed('{"h5_url":"https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx2016&package=2"}'),
    'two answers in one': signed('{"code_url":"weixin://x","prepay_id":"wx1"}'),
    'no answer in it': signed('{}'),
    'answer with a line feed': signed('{"code_url":"weixin://x\\nBad: 1"}'),
    'query SUCCESS': signed(text(ordinary())),
    'query REFUND': signed(text(ordinary({ trade_state: 'REFUND' }))),
    'query NOTPAY': signed(text(without(
      ordinary({ trade_state: 'NOTPAY' }), 'transaction_id', 'success_time', 'payer'))),
    'query USERPAYING': signed(text(without(
      ordinary({ trade_state: 'USERPAYING' }), 'transaction_id', 'success_time', 'payer'))),
    'query CLOSED': signed(text(without(
      ordinary({ trade_state: 'CLOSED' }), 'transaction_id', 'success_time', 'payer'))),
    'query, state nobody knows': signed(text(ordinary({ trade_state: 'TELEPORTED' }))),
    'query, other order': signed(text(ordinary({ out_trade_no: 'R20261201000002' }))),
    'query, other merchant': signed(text(ordinary({ mchid: '1900000002' }))),
    'query, partner': signed(text(partner())),
    'query, not found and signed':
      signed('{"code":"ORDER_NOT_EXIST","message":"订单不存在"}', PLATFORM_A, 404),
    'closed': signed('', PLATFORM_A, 204),
    'closed with a body': signed('{}', PLATFORM_A, 200),
    'refund PROCESSING': signed(text(without(refundAnswer({ status: 'PROCESSING' }), 'success_time'))),
    'refund SUCCESS': signed(text(refundAnswer())),
    'refund ABNORMAL': signed(text(without(refundAnswer({ status: 'ABNORMAL' }), 'success_time'))),
    'refund CLOSED': signed(text(without(refundAnswer({ status: 'CLOSED' }), 'success_time'))),
    'refund, state nobody knows': signed(text(refundAnswer({ status: 'LOST' }))),
    'refund, other number': signed(text(refundAnswer({ out_refund_no: 'F20261201000002' }))),
    'refund declined and signed':
      signed('{"code":"USER_ACCOUNT_ABNORMAL","message":"用户账户异常"}', PLATFORM_A, 403),
    accepted: signed('{"code":"USERPAYING","message":"用户支付中"}', PLATFORM_A, 202),
    'bill link': signed(text({
      hash_type: 'SHA1',
      hash_value: '79bb0f45fc4c42234a918000b2668d689e2bde04',
      download_url: 'https://api.mch.weixin.qq.com/v3/billdownload/file?token=6XIv5TUPto7pByrTQKhd6k',
    })),
    'bill link, another hash': signed(text({
      hash_type: 'MD5', hash_value: '79bb0f45', download_url: 'https://api.mch.weixin.qq.com/x',
    })),
  };

  const certificate = (who, { key = V3_KEY, serial = who.serial } = {}) => ({
    serial_no: serial,
    effective_time: '2026-11-21T04:24:21+08:00',
    expire_time: '2031-11-21T04:24:21+08:00',
    encrypt_certificate: sealed(readKey(`${who.name}.certificate`), 'certificate', key),
  });
  const list = (...data) => text({ data });
  const certificates = {
    one: signed(list(certificate(PLATFORM_A))),
    'two, signed by the newer': signed(list(certificate(PLATFORM_A), certificate(PLATFORM_B)), PLATFORM_B),
    'sealed with the former key': signed(list(certificate(PLATFORM_A, { key: FORMER_V3_KEY }))),
    'signed by a public key we know': signed(list(certificate(PLATFORM_A)), PUBLIC_KEY),
    'sealed with a strange key': signed(list(certificate(PLATFORM_A, { key: STRANGE_V3_KEY }))),
    'signed by a certificate that is not inside': signed(list(certificate(PLATFORM_A)), PLATFORM_B),
    'serial beside the certificate differs':
      signed(list(certificate(PLATFORM_A, { serial: PLATFORM_B.serial }))),
    'none inside': signed(list()),
  };

  const requests = [
    ['GET', '/v3/certificates?algorithm_type=RSA', ''],
    ['GET', '/v3/pay/transactions/out-trade-no/R20261201000001?mchid=1900000001', ''],
    ['POST', '/v3/pay/transactions/out-trade-no/R20261201000001/close', '{"mchid":"1900000001"}'],
  ].map(([method, uri, body]) => {
    const stamp = { timestamp: SIGNED_AT, nonce: '593BEC0C930BF1AFEB40B4A08C8FB242' };
    const key = readKey('merchant.pkcs8');
    const header = answers.authorization({ method, uri, body, ...stamp, ...MERCHANT, key });
    return { method, uri, body, ...stamp, header };
  });

  const lines = ['wx1900000001abcdef', SIGNED_AT, '593BEC0C930BF1AFEB40B4A08C8FB242',
    'prepay_id=wx26112221580621e9b071c00d9e093b0000'];
  const [timestamp, nonce, body] = [lines[0], lines[1], lines.slice(2).join('\n')];
  const paySign = answers['sign-response']({ timestamp, nonce, body, key: readKey('merchant.pkcs8') });

  return {
    signed_at: Number(SIGNED_AT),
    api_v3_key: V3_KEY,
    former_api_v3_key: FORMER_V3_KEY,
    merchant: MERCHANT,
    platform_a: PLATFORM_A.serial,
    platform_b: PLATFORM_B.serial,
    public_key: PUBLIC_KEY.serial,
    requests,
    pay_sign: { lines, signature: paySign },
    callbacks,
    responses,
    certificates,
    bills: billVectors(answers),
  };
}

module.exports = { vectors };
