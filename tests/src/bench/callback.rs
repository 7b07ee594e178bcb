//! WeChat Pay callbacks, sealed and signed before the clock starts: signing is the provider's
//! work, and at some thousand a second it would otherwise be the limit.

use std::{fs, path::Path};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, FixedOffset, Utc};
use provider_simulator::crypto::RsaKey;

/// The merchant's number and application, as `tests::fixture` stores them.
const MERCHANT_NO: &str = "1900000001";
const APP_ID: &str = "wx8888888888888888";
/// The key callbacks are sealed with; nobody else uses it.
const API_V3_KEY: &[u8; 32] = b"a-key-for-the-benchmark-01234567";
const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000000012026010100000000001";

/// One callback as it goes over the wire.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The signature's headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body, which the signature covers.
    pub body: Vec<u8>,
}

/// What a callback tells.
pub struct Payment {
    /// Our number of the attempt.
    pub out_trade_no: String,
    /// WeChat's number of the payment.
    pub provider_trade_no: String,
    /// Paid, in fen.
    pub amount_fen: i64,
}

/// WeChat's side of one merchant: seals and signs.
pub struct Signer {
    platform: RsaKey,
    seal: LessSafeKey,
}

impl Signer {
    /// A new pair of keys; the merchant's folder with what the product has to know of them.
    pub fn new(folder: &Path) -> Signer {
        let (platform, merchant) = (RsaKey::generate().unwrap(), RsaKey::generate().unwrap());
        fs::create_dir_all(folder).unwrap();
        let files = [
            ("api_v3.key", String::from_utf8_lossy(API_V3_KEY).into_owned()),
            ("serial_no.txt", "40000000000000000000000000000001".to_owned()),
            ("merchant.key.pem", merchant.private_pem()),
            ("public_key.pem", platform.public_pem()),
            ("public_key_id.txt", PUBLIC_KEY_ID.to_owned()),
        ];
        for (name, content) in files {
            fs::write(folder.join(name), content).unwrap();
        }
        let seal = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, API_V3_KEY).unwrap());
        Signer { platform, seal }
    }

    /// The callbacks of these payments, made on every core.
    pub fn letters(&self, payments: &[Payment], now: DateTime<Utc>) -> Vec<Letter> {
        let half = payments.len().div_ceil(2).max(1);
        std::thread::scope(|scope| {
            let write = |part| move || self.part(part, now);
            let parts = payments.chunks(half).map(|part| scope.spawn(write(part)));
            let parts = parts.collect::<Vec<_>>();
            parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
        })
    }

    fn part(&self, payments: &[Payment], now: DateTime<Utc>) -> Vec<Letter> {
        payments.iter().map(|payment| self.letter(payment, now)).collect()
    }

    fn letter(&self, payment: &Payment, now: DateTime<Utc>) -> Letter {
        let beijing = FixedOffset::east_opt(8 * 3_600).unwrap();
        let time = now.with_timezone(&beijing).format("%Y-%m-%dT%H:%M:%S+08:00").to_string();
        let Payment { out_trade_no, provider_trade_no, amount_fen } = payment;
        let plain = format!(
            concat!(
                r#"{{"appid":"{}","mchid":"{}","out_trade_no":"{}","transaction_id":"{}","#,
                r#""trade_type":"NATIVE","trade_state":"SUCCESS","trade_state_desc":"支付成功","#,
                r#""bank_type":"OTHERS","attach":"","success_time":"{}","#,
                r#""payer":{{"openid":"o-bench"}},"amount":{{"total":{},"payer_total":{},"#,
                r#""currency":"CNY","payer_currency":"CNY"}}}}"#
            ),
            APP_ID, MERCHANT_NO, out_trade_no, provider_trade_no, time, amount_fen, amount_fen
        );
        // WeChat's nonces are twelve letters; ours are the last twelve digits of its number.
        let nonce = &provider_trade_no[provider_trade_no.len() - 12..];
        let mut sealed = plain.into_bytes();
        let bytes = Nonce::try_assume_unique_for_key(nonce.as_bytes()).unwrap();
        self.seal.seal_in_place_append_tag(bytes, Aad::from("transaction"), &mut sealed).unwrap();
        let body = format!(
            concat!(
                r#"{{"id":"{}","create_time":"{}","resource_type":"encrypt-resource","#,
                r#""event_type":"TRANSACTION.SUCCESS","summary":"支付成功","#,
                r#""resource":{{"original_type":"transaction","#,
                r#""algorithm":"AEAD_AES_256_GCM","ciphertext":"{}","#,
                r#""associated_data":"transaction","nonce":"{}"}}}}"#
            ),
            provider_trade_no,
            time,
            STANDARD.encode(&sealed),
            nonce
        );
        let timestamp = now.timestamp().to_string();
        let signed = format!("{timestamp}\n{nonce}\n{body}\n");
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = vec![
            header("Content-Type", "application/json"),
            header("Wechatpay-Timestamp", &timestamp),
            header("Wechatpay-Nonce", nonce),
            header("Wechatpay-Signature", &self.platform.sign(signed.as_bytes())),
            header("Wechatpay-Serial", PUBLIC_KEY_ID),
        ];
        Letter { headers, body: body.into_bytes() }
    }
}
