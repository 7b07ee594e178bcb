//! Aliyun SMS, signature V3 `ACS3-HMAC-SHA256` (`payments.md` D1).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Accepted, Class, OurFault, Table, Text, classify, mainland, outcome,
    wire::{escaped, hex, hmac_sha256, host, sha256_hex},
};
use crate::{
    http::{Method, RESPONSE_MAX, Request, Response, Stamp},
    json,
    outcome::{Doubt, Outcome, Rejection},
    secret::Secret,
};

/// An account, and the name its messages are signed with.
#[derive(Clone, Debug)]
pub struct Account {
    /// AccessKey id.
    pub access_key_id: String,
    /// AccessKey secret.
    pub access_key_secret: Secret,
    /// The approved signature (签名), without its brackets.
    pub sign_name: String,
    /// Scheme and host: `https://dysmsapi.aliyuncs.com`, or a simulator.
    pub base_url: String,
}

/// Refusals: of the business with HTTP 200, of the gateway with 4xx.
const REFUSALS: &Table = &[
    ("isv.MOBILE_NUMBER_ILLEGAL", Class::Declined),
    // The number asked not to be written to.
    ("isv.BLACK_KEY_CONTROL_LIMIT", Class::Declined),
    ("isv.BUSINESS_LIMIT_CONTROL", Class::Limit),
    ("isv.DAY_LIMIT_CONTROL", Class::Limit),
    ("isv.MONTH_LIMIT_CONTROL", Class::Limit),
    ("isv.AMOUNT_NOT_ENOUGH", Class::OurFault),
    ("isv.OUT_OF_SERVICE", Class::OurFault),
    ("isv.ACCOUNT_NOT_EXISTS", Class::OurFault),
    ("isv.ACCOUNT_ABNORMAL", Class::OurFault),
    ("isv.INVALID_PARAMETERS", Class::OurFault),
    ("isv.INVALID_JSON_PARAM", Class::OurFault),
    ("isv.TEMPLATE_MISSING_PARAMETERS", Class::OurFault),
    ("isv.TEMPLATE_PARAMS_ILLEGAL", Class::OurFault),
    ("isv.PARAM_LENGTH_LIMIT", Class::OurFault),
    ("isv.PARAM_NOT_SUPPORT_URL", Class::OurFault),
    ("isv.SMS_SIGNATURE_ILLEGAL", Class::OurFault),
    ("isv.SMS_TEMPLATE_ILLEGAL", Class::OurFault),
    ("isv.SMS_SIGNATURE_SCENE_ILLEGAL", Class::OurFault),
    ("isv.SIGN_STATE_ILLEGAL", Class::OurFault),
    ("isv.DENY_IP_RANGE", Class::OurFault),
    ("isp.RAM_PERMISSION_DENY", Class::OurFault),
    ("isp.SYSTEM_ERROR", Class::Pending),
    // The same request came before: it may have been taken then.
    ("SignatureNonceUsed", Class::Pending),
    ("SignatureDoesNotMatch", Class::OurFault),
    ("IncompleteSignature", Class::OurFault),
    ("InvalidAccessKeyId.*", Class::OurFault),
    ("InvalidTimeStamp.*", Class::OurFault),
    ("MissingParameter*", Class::OurFault),
    ("Forbidden*", Class::OurFault),
    ("Throttling*", Class::Limit),
];

/// What a code means.
fn class(code: &str) -> Class {
    classify(REFUSALS, code)
}

/// Everything in the query, the body empty, as the maker's own client does.
pub(super) fn send(account: &Account, text: &Text, stamp: &Stamp) -> Result<Request, OurFault> {
    let host = host(&account.base_url)?;
    let params: serde_json::Map<_, _> =
        text.params.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let query = BTreeMap::from([
        ("PhoneNumbers", mainland(&text.phone)?.to_owned()),
        ("SignName", account.sign_name.clone()),
        ("TemplateCode", text.template.clone()),
        ("TemplateParam", serde_json::Value::Object(params).to_string()),
    ]);
    let headers = BTreeMap::from([
        ("host", host.to_owned()),
        ("x-acs-action", "SendSms".to_owned()),
        ("x-acs-content-sha256", sha256_hex(b"")),
        ("x-acs-date", stamp.now.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ("x-acs-signature-nonce", stamp.nonce.clone()),
        ("x-acs-version", "2017-05-25".to_owned()),
    ]);
    let query = canonical_query(&query);
    let authorization = authorization(account, "POST", &query, &headers);
    let mut sent: Vec<(String, String)> = vec![
        ("accept".to_owned(), "application/json".to_owned()),
        ("authorization".to_owned(), authorization),
    ];
    // The sender writes `host` itself, from the address.
    let others = headers.into_iter().filter(|(name, _)| *name != "host");
    sent.extend(others.map(|(name, value)| (name.to_owned(), value)));
    Ok(Request {
        method: Method::Post,
        url: format!("{}/?{query}", account.base_url),
        headers: sent,
        body: Vec::new(),
        response_max: RESPONSE_MAX,
    })
}

/// Sorted by name, percent-encoded: what is signed is what stands in the address.
fn canonical_query(query: &BTreeMap<&str, String>) -> String {
    let pair = |(name, value): (&&str, &String)| format!("{}={}", escaped(name), escaped(value));
    query.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// The `Authorization` of a request without a body, all of whose headers here are signed.
fn authorization(
    account: &Account,
    method: &str,
    query: &str,
    headers: &BTreeMap<&str, String>,
) -> String {
    let lines: String =
        headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let names = headers.keys().copied().collect::<Vec<_>>().join(";");
    let body = sha256_hex(b"");
    let canonical = format!("{method}\n/\n{query}\n{lines}\n{names}\n{body}");
    let to_sign = format!("ACS3-HMAC-SHA256\n{}", sha256_hex(canonical.as_bytes()));
    let tag = hmac_sha256(account.access_key_secret.expose(), to_sign.as_bytes());
    let id = &account.access_key_id;
    let signature = hex(tag.as_ref());
    format!("ACS3-HMAC-SHA256 Credential={id},SignedHeaders={names},Signature={signature}")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    biz_id: String,
}

/// `OK` is the only success; everything else is looked up.
pub(super) fn read_send(response: &Response) -> Outcome<Accepted> {
    let Ok(answer) = json::read::<Answer>(&response.body) else {
        return Outcome::Unknown(Doubt::Unreadable);
    };
    let why = Rejection::new(answer.code.clone(), answer.message);
    match (response.status, answer.code.as_str()) {
        (200, "OK") if !answer.biz_id.is_empty() => {
            Outcome::Done(Accepted { provider_no: answer.biz_id })
        }
        (_, "OK") => Outcome::Unknown(Doubt::Unreadable),
        (200 | 400..=499, code) => outcome(class(code), why),
        // Whatever it says: a broken gateway may have sent the message first.
        _ => Outcome::Unknown(Doubt::Unlisted(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two examples printed in Aliyun's description of the scheme.
    #[test]
    fn the_published_signatures_come_out() {
        let account = Account {
            access_key_id: "YourAccessKeyId".to_owned(),
            access_key_secret: Secret::new("YourAccessKeySecret"),
            sign_name: String::new(),
            base_url: "https://ecs.cn-shanghai.aliyuncs.com".to_owned(),
        };
        let image = "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd";
        let query =
            BTreeMap::from([("ImageId", image.to_owned()), ("RegionId", "cn-shanghai".to_owned())]);
        for (date, nonce, signature) in [
            (
                "2023-10-26T10:22:32Z",
                "3156853299f313e23d1673dc12e1703d",
                "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
            ),
            (
                "2023-10-26T09:01:01Z",
                "d410180a5abf7fe235dd9b74aca91fc0",
                "e521358f7776c97df52e6b2891a8bc73026794a071b50c3323388c4e0df64804",
            ),
        ] {
            let headers = BTreeMap::from([
                ("host", host(&account.base_url).unwrap().to_owned()),
                ("x-acs-action", "RunInstances".to_owned()),
                ("x-acs-content-sha256", sha256_hex(b"")),
                ("x-acs-date", date.to_owned()),
                ("x-acs-signature-nonce", nonce.to_owned()),
                ("x-acs-version", "2014-05-26".to_owned()),
            ]);
            let got = authorization(&account, "POST", &canonical_query(&query), &headers);
            let names = "host;x-acs-action;x-acs-content-sha256;x-acs-date;\
                 x-acs-signature-nonce;x-acs-version";
            let want = format!(
                "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders={names},\
                 Signature={signature}"
            );
            assert_eq!(got, want, "{date}");
        }
    }

    #[test]
    fn a_query_is_sorted_and_escaped_as_the_scheme_wants_it() {
        let query = BTreeMap::from([("b", "a b*~+电".to_owned()), ("a", "{\"k\":1}".to_owned())]);
        assert_eq!(canonical_query(&query), "a=%7B%22k%22%3A1%7D&b=a%20b%2A~%2B%E7%94%B5");
    }
}
