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
    /// Mini-programs and service accounts of WeChat.
    pub wechat_apps: Vec<WechatApp>,
    /// Accounts at the SMS gateways.
    pub sms_accounts: Vec<SmsAccount>,
    /// Milliseconds between accepting a refund and settling it.
    pub refund_settle_ms: i64,
    /// Whether refunds of one order must keep the providers' distance: a minute at WeChat, three
    /// seconds at Alipay.
    pub refund_gaps: bool,
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
            wechat_apps: vec![WechatApp::default(), WechatApp::service_account()],
            sms_accounts: vec![SmsAccount::aliyun(), SmsAccount::tencent()],
            refund_settle_ms: 200,
            refund_gaps: true,
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
    /// Whether people are known by `open_id` (applications made since 2023) or by `user_id`.
    pub open_id: bool,
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
            open_id: true,
        }
    }
}

/// What an account at WeChat is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WechatKind {
    /// 小程序.
    MiniProgram,
    /// 服务号.
    ServiceAccount,
}

/// A template of messages and the keywords it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageTemplate {
    /// Its number.
    pub id: String,
    /// `thing1`, `amount2`, …
    pub keywords: Vec<String>,
}

/// One mini-program or service account of WeChat.
#[derive(Clone, Debug)]
pub struct WechatApp {
    /// The application number.
    pub app_id: String,
    /// Its AppSecret.
    pub secret: String,
    /// The name people see.
    pub name: String,
    /// What it is.
    pub kind: WechatKind,
    /// The merchant number its orders go to, beside the merchant's own application.
    pub mchid: Option<String>,
    /// The one host pages may come back to (网页授权域名); any when absent.
    pub page_host: Option<String>,
    /// The templates it has; any template with any keywords when empty.
    pub templates: Vec<MessageTemplate>,
    /// Whether it is bound to an Open Platform account, so that people have a `unionid`.
    pub union: bool,
}

impl Default for WechatApp {
    fn default() -> Self {
        Self {
            app_id: "wx8888888888888888".to_owned(),
            secret: "0a5c1f3e7d9b24680a5c1f3e7d9b2468".to_owned(),
            name: "和园公寓".to_owned(),
            kind: WechatKind::MiniProgram,
            mchid: Some("1900000001".to_owned()),
            page_host: None,
            templates: Vec::new(),
            union: true,
        }
    }
}

impl WechatApp {
    /// The service account beside the default mini-program.
    pub fn service_account() -> Self {
        Self {
            app_id: "wx9999999999999999".to_owned(),
            secret: "13579bdf02468ace13579bdf02468ace".to_owned(),
            kind: WechatKind::ServiceAccount,
            ..Self::default()
        }
    }
}

/// Who carries text messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SmsGateway {
    /// 阿里云短信.
    Aliyun,
    /// 腾讯云短信.
    Tencent,
}

/// An account at an SMS gateway.
#[derive(Clone, Debug)]
pub struct SmsAccount {
    /// Which gateway.
    pub gateway: SmsGateway,
    /// AccessKey id or SecretId.
    pub key_id: String,
    /// AccessKey secret or SecretKey.
    pub secret: String,
    /// Tencent's `SmsSdkAppId`.
    pub sdk_app_id: String,
    /// The approved signature.
    pub sign_name: String,
    /// The approved templates; any when empty.
    pub templates: Vec<String>,
    /// Whether the limits per number are kept.
    pub limits: bool,
}

impl SmsAccount {
    /// An account at Aliyun.
    pub fn aliyun() -> Self {
        Self {
            gateway: SmsGateway::Aliyun,
            key_id: "LTAI5tSimulatedAliyunKey".to_owned(),
            secret: "SimulatedAliyunSecret000000001".to_owned(),
            sdk_app_id: String::new(),
            sign_name: "预付水电".to_owned(),
            templates: Vec::new(),
            limits: false,
        }
    }

    /// An account at Tencent Cloud.
    pub fn tencent() -> Self {
        Self {
            gateway: SmsGateway::Tencent,
            key_id: "AKIDSimulatedTencentSecretId00000001".to_owned(),
            secret: "SimulatedTencentSecretKey0000001".to_owned(),
            sdk_app_id: "1400006666".to_owned(),
            ..Self::aliyun()
        }
    }
}
