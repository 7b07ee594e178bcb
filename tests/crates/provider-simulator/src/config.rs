//! What a simulated pair of providers looks like: where it listens, who its merchants are.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::clock::SimClock;
use crate::fault::Rule;

/// Everything a run of the simulator is told before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The one seed of all chance.
    pub seed: u64,
    /// How many times faster than the real one the callback retry schedule runs.
    pub time_scale: u32,
    /// The provider's clock.
    pub clock: SimClock,
    /// Folder where keys are kept between runs; without it they live as long as the process.
    pub key_dir: Option<PathBuf>,
    /// WeChat Pay merchants (ordinary or partner).
    pub wechat_merchants: Vec<WechatMerchant>,
    /// Alipay applications.
    pub alipay_apps: Vec<AlipayApp>,
    /// Milliseconds between accepting a refund and settling it.
    pub refund_settle_ms: i64,
    /// Whether bills of the present day may be asked for (the real ones are ready at 10:00 of the
    /// next day).
    pub same_day_bills: bool,
    /// The provider's fee in hundredths of a percent of the amount.
    pub fee_basis_points: i64,
    /// Whether `code_url` and `qr_code` point at the wallet page by plain HTTP instead of the
    /// real scheme, so that a browser can follow them.
    pub plain_links: bool,
    /// How long a merchant may take to answer a callback, in milliseconds.
    pub callback_timeout_ms: u64,
    /// Faults that are switched on from the start.
    pub rules: Vec<Rule>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            seed: 1,
            time_scale: 1,
            clock: SimClock::system(),
            key_dir: None,
            wechat_merchants: vec![WechatMerchant::default()],
            alipay_apps: vec![AlipayApp::default()],
            refund_settle_ms: 200,
            same_day_bills: false,
            fee_basis_points: 60,
            plain_links: false,
            callback_timeout_ms: 5_000,
            rules: Vec::new(),
        }
    }
}

/// Which WeChat key signs what the merchant receives (payments.md A4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyMode {
    /// The platform certificate; `/v3/certificates` answers with it.
    Certificate,
    /// The public key with its `PUB_KEY_ID_…`; `/v3/certificates` answers 404.
    PublicKey,
    /// Both side by side, in the middle of the grey switch.
    Both,
}

/// One merchant of WeChat Pay.
#[derive(Clone, Debug)]
pub struct WechatMerchant {
    /// The merchant number; in partner mode the service provider's.
    pub mchid: String,
    /// The application the merchant sells under; in partner mode `sp_appid`.
    pub appid: String,
    /// The name the wallet shows.
    pub name: String,
    /// The sub-merchants of a partner; empty for an ordinary merchant.
    pub sub_mchids: Vec<String>,
    /// Which keys sign.
    pub key_mode: KeyMode,
    /// Share of callbacks signed with the public key while both are in force, in permille.
    pub grey_permille: u32,
}

impl Default for WechatMerchant {
    fn default() -> Self {
        Self {
            mchid: "1900000001".to_owned(),
            appid: "wx8888888888888888".to_owned(),
            name: "和园公寓".to_owned(),
            sub_mchids: Vec::new(),
            key_mode: KeyMode::Both,
            grey_permille: 0,
        }
    }
}

/// How an Alipay application proves itself (payments.md B5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlipayMode {
    /// Bare public keys on both sides.
    Key,
    /// Certificates: `app_cert_sn` and `alipay_root_cert_sn` are demanded.
    Certificate,
}

/// The charset Alipay writes its notices in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// `utf-8`.
    Utf8,
    /// `GBK`.
    Gbk,
}

/// One application of Alipay.
#[derive(Clone, Debug)]
pub struct AlipayApp {
    /// The application number.
    pub app_id: String,
    /// The seller's account number (PID).
    pub seller_id: String,
    /// The name the wallet shows.
    pub name: String,
    /// Keys or certificates.
    pub mode: AlipayMode,
    /// The content key as base64 of 16 bytes, when the application encrypts its content (B4).
    pub content_key: Option<String>,
    /// The charset of notices.
    pub notify_charset: Charset,
}

impl Default for AlipayApp {
    fn default() -> Self {
        Self {
            app_id: "2021000000000001".to_owned(),
            seller_id: "2088000000000001".to_owned(),
            name: "和园公寓".to_owned(),
            mode: AlipayMode::Key,
            content_key: None,
            notify_charset: Charset::Utf8,
        }
    }
}
