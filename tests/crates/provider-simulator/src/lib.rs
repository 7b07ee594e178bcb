//! WeChat Pay, WeChat, Alipay and two SMS gateways on the far side of a real wire.
//!
//! The simulator shares no code with the product: it signs, verifies and encrypts by itself and
//! keeps its own book, so that it can contradict the product. It speaks HTTP on one address:
//!
//! | path | what |
//! |---|---|
//! | `/v3/…` | WeChat Pay APIv3: orders, queries, close, refunds, certificates, bills |
//! | `/gateway.do` | Alipay's gateway; `/alipay/bill` its bill files |
//! | `/sns/…`, `/cgi-bin/…`, `/wxa/…` | WeChat beside the payment: sign-in, tokens, messages |
//! | `/connect/oauth2/authorize` | the page of WeChat that recognises a visitor |
//! | `/oauth2/publicAppAuthorize.htm` | the page of Alipay that does |
//! | `POST /` | SendSms of Aliyun and of Tencent Cloud |
//! | `/wallet`, `/wallet/{code}`, `/wallet/resolve?url=` | the payer's pages |
//! | `/wallet/inbox` | the texts and messages that phones received |
//! | `/control/…` | the book, payments, faults, keys and clock by JSON ([`control`]) |
//!
//! [`start`] runs it inside a test, [`run`] as the sub-command `simulator provider`.
//!
//! # Merchant files
//! [`Provider::write_merchant_files`] writes what a merchant knows, one folder per merchant:
//!
//! - `wechat-pay/{mchid}/`: `merchant.key.pem`, `serial_no.txt`, `api_v3.key`,
//!   `platform_certificate.pem`, `public_key.pem`, `public_key_id.txt`
//! - `alipay/{app_id}/`: `app.key.pem`, `app_public_key.pem`, `alipay_public_key.pem`; for
//!   certificate mode `app_cert.pem`, `alipay_cert.pem`, `alipay_root_cert.pem`; for content
//!   encryption `content.key`
//! - `wechat/{app_id}/`: `secret.txt`
//! - `sms/aliyun/`: `access_key_id.txt`, `access_key_secret.txt`, `sign_name.txt`
//! - `sms/tencent/`: `secret_id.txt`, `secret_key.txt`, `sdk_app_id.txt`, `sign_name.txt`
//!
//! Private keys are PKCS#8 PEM, public keys SubjectPublicKeyInfo PEM, the rest one line of text
//! without a line end.
//!
//! Invariant: this crate depends on no crate of the workspace; proved by
//! `dependencies_point_only_in_the_agreed_directions`.

pub mod provider;
pub use provider::{CallbackError, Provider, StartError, start};
pub mod run;
pub use run::{Args, RunError, run};
pub mod config;
pub use config::{
    AlipayApp, AlipayMode, Charset, Config, KeyMode, MessageTemplate, SmsAccount, SmsGateway,
    WechatApp, WechatKind, WechatMerchant,
};
pub mod book;
pub use book::{Pay, PayError, ProviderKind, RefundStatus, Trade, TradeKind, TradeState};
pub mod bill;
pub use bill::{Disturbance, Planted};
mod past;
pub use past::{PastOrder, PastRefund};
pub mod fault;
pub use fault::{Fault, Rule, Site};
pub mod control;
mod wechat_pay;
pub use wechat_pay::pay_sign::{OpenError, PayerParams};
mod alipay;
mod sms;
pub use sms::SentText;
mod wechat;
pub use wechat::{Message, Shipment};
mod people;
pub use people::Person;
mod code;
mod phone;
pub use phone::Button;
mod courier;
mod event;
mod misbehave;
mod wallet;
pub use courier::{ALIPAY_RETRIES_S, Letter, Reply, WECHAT_RETRIES_S};
mod keyring;
mod world;
pub use keyring::MerchantFiles;
mod clock;
pub mod crypto;
mod money;
pub use clock::SimClock;
mod chance;
