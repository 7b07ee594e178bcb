// What the SDK (an implementation we did not write) says; used by make-vectors.mjs and live.mjs.
import { createServer } from 'node:http';
import { createSign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AlipaySdk } from 'alipay-sdk';
import { aesEncryptText, aesDecryptText, sign } from './node_modules/alipay-sdk/dist/esm/util.js';
import { getSN } from './node_modules/alipay-sdk/dist/esm/antcertutil.js';

const keys = new URL('../../../server/crates/connector/tests/alipay/keys/', import.meta.url);
// Keys by name: handed over by the live test, so that this folder may stand anywhere, or the
// committed ones.
const supplied = new Map();
export const supply = (texts) => Object.entries(texts).forEach(([name, text]) => supplied.set(name, text));
export const pem = (name) => supplied.get(name) ?? readFileSync(new URL(`${name}.pem`, keys), 'utf8');
export const aesKey = 'MDEyMzQ1Njc4OWFiY2RlZg==';
export { aesEncryptText, aesDecryptText, getSN };

export const stripped = (text) => text.replace(/-----[^-]+-----|\s/g, '');

export function sdk(gateway, certificates = false) {
  const config = {
    appId: '2021000000000001',
    privateKey: stripped(pem('app.key')),
    keyType: 'PKCS8',
    alipayPublicKey: stripped(pem('alipay.pub')),
    encryptKey: aesKey,
    camelcase: false,
    gateway: gateway ?? 'http://127.0.0.1:1/gateway.do',
  };
  if (certificates) {
    delete config.alipayPublicKey;
    config.appCertContent = pem('app.crt');
    config.alipayPublicCertContent = pem('alipay.crt');
    config.alipayRootCertContent = pem('roots.crt');
  }
  return new AlipaySdk(config);
}

// The parameters, signed by the SDK at a fixed moment.
export function signedBySdk(method, timestamp, content, { certificates, encrypted, ...extra }) {
  const params = { format: 'JSON', timestamp, ...extra, biz_content: content };
  if (encrypted) params.needEncrypt = true;
  const signed = sign(method, params, sdk(null, certificates).config);
  delete signed.need_encrypt;
  return signed;
}

// The SDK's opinion on a request of ours, given as the map of its parameters: the check it makes
// on signed forms, with our public key in the place of Alipay's.
export function sdkAcceptsRequest(params) {
  const judge = sdk();
  judge.config.alipayPublicKey = pem('app.pub');
  return judge.checkNotifySignV2(params);
}

// Signs text as Alipay would; node's own crypto, the SDK never signs for the other side.
export const signAsAlipay = (text, key = 'alipay.key') =>
  createSign('RSA-SHA256').update(text).sign(pem(key), 'base64');

export const checksNotify = (params) => sdk().checkNotifySignV2(params);

// True if the SDK, as a client that verifies, takes this body for a good answer to this method.
export async function sdkAcceptsAnswer(method, body) {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/html;charset=utf-8' });
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const gateway = `http://127.0.0.1:${server.address().port}/gateway.do`;
  try {
    await sdk(gateway).exec(method, { bizContent: {} }, { validateSign: true });
    return true;
  } catch {
    return false;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

// GBK bytes by turning node's own decoder round.
const gbkTable = new Map();
{
  const decoder = new TextDecoder('gbk', { fatal: true });
  for (let high = 0x81; high <= 0xfe; high++) {
    for (let low = 0x40; low <= 0xfe; low++) {
      try {
        const text = decoder.decode(Uint8Array.of(high, low));
        if ([...text].length === 1 && !gbkTable.has(text)) gbkTable.set(text, [high, low]);
      } catch { /* no character there */ }
    }
  }
}
export function gbk(text) {
  const bytes = [...text].flatMap((c) => (c.codePointAt(0) < 0x80 ? [c.codePointAt(0)] : gbkTable.get(c)));
  return Buffer.from(bytes);
}

// Form encoding of bytes, byte by byte, a blank as plus.
export function formEncoded(bytes) {
  return [...bytes].map((byte) => {
    const c = String.fromCharCode(byte);
    if (/[A-Za-z0-9._-]/.test(c)) return c;
    return c === ' ' ? '+' : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}
