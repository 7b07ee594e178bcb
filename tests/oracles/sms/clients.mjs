// The official clients of both gateways, and the functions they sign with.
// Standard input: {"send":{"base":"http://127.0.0.1:1","texts":[{gateway,id,secret,…}]},
//                  "judge":[{gateway,id,secret,method,url,headers,body}]}.
// Standard output: {"sent":[{"code","number"}],"judged":["the Authorization the maker would write"]}.
import { createHash } from 'node:crypto';
import { Agent } from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const Aliyun = require('@alicloud/dysmsapi20170525');
const { $OpenApiUtil } = require('@alicloud/openapi-core');
const openApiUtils = require('@alicloud/openapi-core/dist/utils.js').default;
const { CommonClient } = require('tencentcloud-sdk-nodejs-common');
const { default: TencentSign } = require('tencentcloud-sdk-nodejs-common/tencentcloud/common/sign.js');

// Sends one text through Aliyun's client; the answer's code, or that of the error it raises.
async function throughAliyun(base, text) {
  const client = new Aliyun.default(new $OpenApiUtil.Config({
    accessKeyId: text.id, accessKeySecret: text.secret, endpoint: new URL(base).host, protocol: 'HTTP',
  }));
  try {
    const { body } = await client.sendSms(new Aliyun.SendSmsRequest({
      phoneNumbers: text.phone, signName: text.sign_name, templateCode: text.template,
      templateParam: JSON.stringify(text.params),
    }));
    return { code: body.code, number: body.bizId ?? '' };
  } catch (error) {
    return { code: error.code ?? String(error), number: '' };
  }
}

// The same through Tencent Cloud's. That client reads the service it signs for off the first label of
// the host, so the host keeps its name and only the look-up leads to the simulator.
async function throughTencent(base, text) {
  const { hostname, port } = new URL(base);
  const lookup = (_, options, done) =>
    (options.all ? done(null, [{ address: hostname, family: 4 }]) : done(null, hostname, 4));
  const client = new CommonClient('sms.tencentcloudapi.com', '2021-01-11', {
    credential: { secretId: text.id, secretKey: text.secret },
    region: 'ap-guangzhou',
    profile: {
      httpProfile: { endpoint: `sms.tencentcloudapi.com:${port}`, protocol: 'http://', agent: new Agent({ lookup }) },
    },
  });
  try {
    const answer = await client.request('SendSms', {
      PhoneNumberSet: [`+86${text.phone}`], SmsSdkAppId: text.sdk_app_id, SignName: text.sign_name,
      TemplateId: text.template, TemplateParamSet: Object.values(text.params),
    });
    const [status] = answer.SendStatusSet;
    return { code: status.Code, number: status.SerialNo };
  } catch (error) {
    return { code: error.code ?? String(error), number: '' };
  }
}

function aliyunWouldWrite(request) {
  const url = new URL(request.url);
  const headers = { ...request.headers, host: url.host };
  delete headers.authorization;
  const asked = { method: request.method, pathname: url.pathname, query: Object.fromEntries(url.searchParams), headers };
  const hash = createHash('sha256').update(request.body).digest('hex');
  return openApiUtils.getAuthorization(asked, 'ACS3-HMAC-SHA256', hash, request.id, request.secret);
}

function tencentWouldWrite(request) {
  return TencentSign.sign3({
    method: request.method, url: request.url, payload: Buffer.from(request.body), service: 'sms',
    timestamp: Number(request.headers['x-tc-timestamp']), secretId: request.id, secretKey: request.secret,
    headers: { 'Content-Type': request.headers['content-type'] },
  });
}

const input = JSON.parse(await new Response(process.stdin).text());
const sent = [];
for (const text of input.send?.texts ?? []) {
  const through = text.gateway === 'aliyun' ? throughAliyun : throughTencent;
  sent.push(await through(input.send.base, text));
}
const judged = (input.judge ?? []).map((request) =>
  (request.gateway === 'aliyun' ? aliyunWouldWrite : tencentWouldWrite)(request));
process.stdout.write(JSON.stringify({ sent, judged }));
