// An unrelated implementation of WeChat Pay APIv3 (npm wechatpay-axios-plugin) as a witness.
//
//   node oracle.js serve            one JSON question per line in, one JSON answer per line out
//   node oracle.js vectors KEYS     golden vectors to stdout, made with the throw-away keys in KEYS
//
// It shares no code with the product. Signatures are deterministic, so the vectors come out the
// same every time.
'use strict';

const fs = require('fs');
const path = require('path');
const readline = require('readline');
const { createHash } = require('crypto');
const { Rsa, Aes, Formatter } = require('./plugin');
const { vectors } = require('./vectors');

const field = (header, name) => (new RegExp(`${name}="([^"]*)"`).exec(header) || [])[1];

const answers = {
  // The whole header as the plugin writes it.
  authorization({ method, uri, timestamp, nonce, body, mchid, serial, key }) {
    const message = Formatter.request(method, uri, timestamp, nonce, body);
    const signature = Rsa.sign(message, Rsa.from(key));
    return Formatter.authorization(mchid, nonce, signature, timestamp, serial);
  },
  // Somebody else's header, taken apart and checked as the far side would.
  'check-authorization'({ method, uri, body, header, key }) {
    const [timestamp, nonce, signature] =
      ['timestamp', 'nonce_str', 'signature'].map((name) => field(header, name));
    const message = Formatter.request(method, uri, timestamp, nonce, body);
    return {
      scheme: header.split(' ')[0],
      mchid: field(header, 'mchid'),
      serial: field(header, 'serial_no'),
      valid: Rsa.verify(message, signature, Rsa.from(key, Rsa.KEY_TYPE_PUBLIC)),
    };
  },
  // Any text of lines, each closed by a line feed, as paySign wants it.
  'check-lines'({ lines, signature, key }) {
    const message = Formatter.joinedByLineFeed(...lines);
    return Rsa.verify(message, signature, Rsa.from(key, Rsa.KEY_TYPE_PUBLIC));
  },
  seal({ plaintext, key, nonce, associated_data: aad }) {
    return Aes.AesGcm.encrypt(plaintext, key, nonce, aad);
  },
  'sign-response'({ timestamp, nonce, body, key }) {
    return Rsa.sign(Formatter.response(timestamp, nonce, body), Rsa.from(key));
  },
  'open-oaep'({ ciphertext, key }) {
    return Rsa.decrypt(ciphertext, Rsa.from(key));
  },
  bill({ base64 }) {
    const bytes = Buffer.from(base64, 'base64');
    const sha1 = createHash('sha1').update(bytes).digest('hex');
    return { sha1, ...Formatter.castCsvBill(bytes) };
  },
};

const [mode, keys] = process.argv.slice(2);
if (mode === 'vectors') {
  const read = (name) => fs.readFileSync(path.join(keys, `${name}.pem`), 'utf8');
  process.stdout.write(`${JSON.stringify(vectors(answers, read), null, 1)}\n`);
} else if (mode === 'serve') {
  readline.createInterface({ input: process.stdin }).on('line', (line) => {
    const { ask, ...question } = JSON.parse(line);
    let reply;
    try {
      reply = { answer: answers[ask](question) };
    } catch (error) {
      reply = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  });
} else {
  process.stderr.write('usage: node oracle.js serve | vectors KEYS\n');
  process.exitCode = 2;
}
