//! Reading a gateway request: query and body, charset, signature before business
//! (payments.md B1, B2, B4, B5).

use std::collections::BTreeMap;

use encoding_rs::{Encoding, GBK, UTF_8};
use serde_json::{Value, json};

use super::sign_in::{OAUTH_TOKEN, TELL};
use crate::clock;
use crate::config::AlipayMode;
use crate::crypto::aes;
use crate::world::World;

/// How many parameters a request may have.
const PARAMS_MAX: usize = 100;

/// The methods the simulator knows.
const METHODS: [&str; 11] = [
    "alipay.trade.precreate",
    "alipay.trade.create",
    "alipay.trade.wap.pay",
    "alipay.trade.query",
    "alipay.trade.close",
    "alipay.trade.cancel",
    "alipay.trade.refund",
    "alipay.trade.fastpay.refund.query",
    "alipay.data.dataservice.bill.downloadurl.query",
    OAUTH_TOKEN,
    TELL,
];

/// A request whose signature held.
pub(crate) struct Request {
    pub(crate) app_id: String,
    pub(crate) method: String,
    pub(crate) notify_url: String,
    pub(crate) return_url: Option<String>,
    pub(crate) encrypted: bool,
    pub(crate) content: Value,
}

/// A request refused before its business: the answer has no signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The root node: the method's, or `error_response` when there is no known method.
    pub(crate) root: String,
    pub(crate) code: &'static str,
    pub(crate) sub_code: &'static str,
    pub(crate) sub_msg: &'static str,
}

/// `alipay.trade.query` → `alipay_trade_query_response`.
pub(crate) fn root(method: &str) -> String {
    format!("{}_response", method.replace('.', "_"))
}

/// The encoding of a `charset` parameter.
pub(crate) fn charset(name: &str) -> Option<&'static Encoding> {
    match name.to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" => Some(UTF_8),
        "gbk" | "gb2312" => Some(GBK),
        _ => None,
    }
}

/// Decodes a form exactly once, in the given charset.
pub(crate) fn decode_form(bytes: &[u8], encoding: &'static Encoding) -> Vec<(String, String)> {
    let text = |part: &[u8]| {
        let plus: Vec<u8> =
            part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        let raw: Vec<u8> = percent_encoding::percent_decode(&plus).collect();
        encoding.decode_without_bom_handling(&raw).0.into_owned()
    };
    let pairs = bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    let pairs = pairs.take(PARAMS_MAX).map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        (text(&pair[..at]), text(pair.get(at + 1..).unwrap_or_default()))
    });
    pairs.collect()
}

/// `k=v&k=v` over sorted keys, raw values, without the named keys.
pub(crate) fn signed_text(params: &BTreeMap<String, String>, without: &[&str]) -> String {
    let kept = params.iter().filter(|(key, _)| !without.contains(&key.as_str()));
    let pairs: Vec<String> = kept.map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join("&")
}

impl Request {
    /// Reads and checks a request.
    pub(crate) fn read(world: &World, query: &str, body: &[u8]) -> Result<Self, Refusal> {
        let params = read_params(query, body)?;
        let param = |name: &str| params.get(name).map_or("", String::as_str);
        let method = param("method");
        let refuse = |code, sub_code, sub_msg| {
            let known = METHODS.contains(&method);
            let root = if known { root(method) } else { "error_response".to_owned() };
            Refusal { root, code, sub_code, sub_msg }
        };
        if method.is_empty() {
            return Err(refuse("40001", "isv.missing-method", "缺少方法名参数"));
        }
        if !METHODS.contains(&method) {
            return Err(refuse("40002", "isv.invalid-method", "不存在的方法名"));
        }
        if param("app_id").is_empty() {
            return Err(refuse("40001", "isv.missing-app-id", "缺少appId参数"));
        }
        let invalid = |sub_code, sub_msg| Err(refuse("40002", sub_code, sub_msg));
        if world.alipay_app(param("app_id")).is_none() {
            return invalid("isv.invalid-app-id", "无效的AppID参数");
        }
        if param("sign").is_empty() {
            return Err(refuse("40001", "isv.missing-signature", "缺少签名参数"));
        }
        if param("sign_type") != "RSA2" {
            return invalid("isv.invalid-signature-type", "无效的签名类型");
        }
        if param("version") != "1.0" {
            return invalid("isv.invalid-version", "无效的版本号");
        }
        let Some(encoding) = charset(param("charset")) else {
            return invalid("isv.invalid-charset", "无效的字符集");
        };
        if clock::read_plain(param("timestamp")).is_none() {
            return invalid("isv.invalid-timestamp", "非法的时间戳参数");
        }
        if !signed(world, &params, encoding) {
            return invalid("isv.invalid-signature", "验签出错，请检查签名");
        }
        if !certified(world, &params) {
            return invalid("isv.invalid-app-cert-sn", "应用公钥证书序列号不匹配");
        }
        let encrypted = param("encrypt_type") == "AES";
        let read = match method {
            // No business content: its fields stand beside the common ones (C10).
            OAUTH_TOKEN => Some(json!({"grant_type": param("grant_type"), "code": param("code")})),
            _ => content(world, param("app_id"), param("biz_content"), encrypted),
        };
        let Some(content) = read else {
            return invalid("isv.invalid-parameter", "biz_content不是合法的JSON");
        };
        Ok(Self {
            app_id: param("app_id").to_owned(),
            method: method.to_owned(),
            notify_url: param("notify_url").to_owned(),
            return_url: params.get("return_url").cloned(),
            encrypted,
            content,
        })
    }

    /// A text field of the content.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.content[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

/// Query first, then body; a key in both is refused. The charset of the query decodes both, and a
/// body without it is taken as GBK.
fn read_params(query: &str, body: &[u8]) -> Result<BTreeMap<String, String>, Refusal> {
    let named = decode_form(query.as_bytes(), UTF_8);
    let named = named.iter().find(|(key, _)| key == "charset");
    let encoding = named.and_then(|(_, value)| charset(value)).unwrap_or(GBK);
    let mut params = BTreeMap::new();
    let query = decode_form(query.as_bytes(), encoding);
    for (key, value) in query.into_iter().chain(decode_form(body, encoding)) {
        if params.insert(key, value).is_some() {
            return Err(Refusal {
                root: "error_response".to_owned(),
                code: "40002",
                sub_code: "isv.invalid-parameter",
                sub_msg: "参数重复",
            });
        }
    }
    Ok(params)
}

fn signed(world: &World, params: &BTreeMap<String, String>, encoding: &'static Encoding) -> bool {
    let text = signed_text(params, &["sign"]);
    let bytes = encoding.encode(&text).0;
    let app_id = params.get("app_id").map_or("", String::as_str);
    let key = world.state().keys.alipay.get(app_id).map(|keys| keys.app.clone());
    let sign = params.get("sign").map_or("", String::as_str);
    key.is_some_and(|key| key.verify(&bytes, sign))
}

fn certified(world: &World, params: &BTreeMap<String, String>) -> bool {
    let app_id = params.get("app_id").map_or("", String::as_str);
    if world.alipay_app(app_id).is_none_or(|app| app.mode == AlipayMode::Key) {
        return true;
    }
    let state = world.state();
    let Some(keys) = state.keys.alipay.get(app_id) else { return false };
    params.get("app_cert_sn") == Some(&keys.app_certificate.sn)
        && params.get("alipay_root_cert_sn") == Some(&keys.root_certificate.sn)
}

fn content(world: &World, app_id: &str, text: &str, encrypted: bool) -> Option<Value> {
    let plain = if encrypted {
        let key = world.alipay_app(app_id)?.content_key.as_deref()?;
        aes::decrypt_cbc(key, text)?
    } else {
        text.as_bytes().to_vec()
    };
    serde_json::from_slice(&plain).ok().filter(Value::is_object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded_once_in_its_charset() {
        for (name, bytes, encoding, value) in [
            ("plus", &b"a=1+2"[..], UTF_8, "1 2"),
            ("encoded twice", b"a=%2525", UTF_8, "%25"),
            ("utf-8", b"a=%E7%94%B5%E8%B4%B9", UTF_8, "电费"),
            ("gbk", b"a=%B5%E7%B7%D1", GBK, "电费"),
            ("no value", b"a", UTF_8, ""),
            ("equals sign inside", b"a=b=c", UTF_8, "b=c"),
        ] {
            let pairs = decode_form(bytes, encoding);
            assert_eq!(pairs, [("a".to_owned(), value.to_owned())], "{name}");
        }
    }

    #[test]
    fn a_body_without_a_charset_in_the_query_is_taken_as_gbk() {
        let params = read_params("", "charset=utf-8&subject=电费".as_bytes()).unwrap();
        assert_ne!(params["subject"], "电费");
        let params = read_params("charset=utf-8", "subject=电费".as_bytes()).unwrap();
        assert_eq!(params["subject"], "电费");
        assert!(read_params("a=1", b"a=2").is_err(), "a key in both places");
    }
}
