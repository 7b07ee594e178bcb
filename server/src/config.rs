//! The configuration: one TOML file, every key overridable as `YUFU__SECTION__KEY`, unknown keys
//! refused.

pub mod notices;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Everything a site may set. The commented template is printed by `yufu config print`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the server listens and how it is reached.
    pub server: Server,
    /// Where the books are.
    pub database: Database,
    /// The meters' side.
    pub gateway: Gateway,
    /// WeChat Pay's address.
    pub wechat_pay: WechatPay,
    /// Alipay's address.
    pub alipay: Alipay,
    /// The mini-program and the service account.
    pub wechat: Wechat,
    /// Text messages.
    pub sms: Sms,
    /// What tenants are told through WeChat and by text message.
    pub notices: notices::Notices,
    /// What may be bought and how long it may take.
    pub vending: Vending,
    /// When supply may be cut.
    pub arrears: Arrears,
    /// The tenants' phones.
    pub tenant: Tenant,
    /// Where the log goes.
    pub log: Log,
}

/// `[server]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port of the HTTP server.
    pub listen: String,
    /// Our address as tenants and providers reach it, without a slash at the end.
    pub public_url: String,
    /// PEM file with our certificate chain; empty = TLS ends at a proxy in front.
    pub tls_certificate: String,
    /// PEM file with the certificate's private key.
    pub tls_key: String,
    /// How many proxies in front add to `X-Forwarded-For`; 0 = the peer's address counts.
    pub trusted_proxies: usize,
    /// The largest body accepted, in bytes.
    pub body_max: usize,
    /// How long a client may take to send its request, in seconds.
    pub request_timeout_s: u64,
    /// The most connections at once.
    pub connections_max: usize,
    /// This process's name where several share one PostgreSQL; empty = it is the only one.
    pub node: String,
    /// Marks every page as a demonstration with sandbox payments.
    pub demo: bool,
    /// Serves the live page of the site without a login; for the demo and screens in the hall.
    pub live_page: bool,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            listen: "127.0.0.1:8080".to_owned(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            tls_certificate: String::new(),
            tls_key: String::new(),
            trusted_proxies: 0,
            body_max: 1 << 20,
            request_timeout_s: 10,
            connections_max: 10_000,
            node: String::new(),
            demo: false,
            live_page: false,
        }
    }
}

/// `[database]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`.
    pub url: String,
    /// A file that holds the URL, for those that contain a password.
    pub url_file: String,
}

impl Default for Database {
    fn default() -> Self {
        Database { url: "sqlite:yufu.db".to_owned(), url_file: String::new() }
    }
}

/// `[gateway]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gateway {
    /// Address and port where DTUs dial in; empty = this process listens for none.
    pub dtu_listen: String,
    /// A folder with further meter profiles; empty = only the built-in ones.
    pub profiles: String,
    /// A file with the meters' own passwords, for the server's user alone; empty = every meter has
    /// its factory password.
    pub passwords_file: String,
    /// A factor on every time-out and pause of the buses, in percent; 100 outside of tests.
    pub pace_percent: u32,
    /// The longest random wait before a meter is first polled, in seconds (H.1 no. 14).
    pub first_poll_max_s: u64,
}

impl Default for Gateway {
    fn default() -> Self {
        Gateway {
            dtu_listen: "0.0.0.0:5020".to_owned(),
            profiles: String::new(),
            passwords_file: String::new(),
            pace_percent: 100,
            first_poll_max_s: 300,
        }
    }
}

/// `[wechat_pay]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WechatPay {
    /// WeChat Pay's host.
    pub base_url: String,
}

impl Default for WechatPay {
    fn default() -> Self {
        WechatPay { base_url: "https://api.mch.weixin.qq.com".to_owned() }
    }
}

/// `[alipay]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alipay {
    /// Alipay's gateway.
    pub gateway_url: String,
    /// The application people sign in with; its keys are those of a merchant account. Empty for
    /// none.
    pub sign_in_app_id: String,
    /// Where a page sends its visitor to be recognised.
    pub authorize_url: String,
}

impl Default for Alipay {
    fn default() -> Self {
        Alipay {
            gateway_url: "https://openapi.alipay.com/gateway.do".to_owned(),
            sign_in_app_id: String::new(),
            authorize_url: "https://openauth.alipay.com/oauth2/publicAppAuthorize.htm".to_owned(),
        }
    }
}

/// `[wechat]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wechat {
    /// The mini-program (`wx…`); empty for none.
    pub mini_app_id: String,
    /// Its AppSecret.
    pub mini_secret: Hidden,
    /// A file that holds it.
    pub mini_secret_file: String,
    /// The service account (`wx…`); empty for none.
    pub page_app_id: String,
    /// Its AppSecret.
    pub page_secret: Hidden,
    /// A file that holds it.
    pub page_secret_file: String,
    /// WeChat's host.
    pub base_url: String,
    /// Where a page sends its visitor to be recognised.
    pub authorize_url: String,
}

impl Default for Wechat {
    fn default() -> Self {
        Wechat {
            mini_app_id: String::new(),
            mini_secret: Hidden::default(),
            mini_secret_file: String::new(),
            page_app_id: String::new(),
            page_secret: Hidden::default(),
            page_secret_file: String::new(),
            base_url: "https://api.weixin.qq.com".to_owned(),
            authorize_url: "https://open.weixin.qq.com/connect/oauth2/authorize".to_owned(),
        }
    }
}

/// `[sms]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sms {
    /// `none`, `log` (a demonstration's), `aliyun` or `tencent`.
    pub driver: String,
    /// The gateway's address; empty = the driver's own.
    pub base_url: String,
    /// AccessKey id or SecretId.
    pub key_id: String,
    /// AccessKey secret or SecretKey.
    pub key_secret: Hidden,
    /// A file that holds it.
    pub key_secret_file: String,
    /// The application at Tencent (`SmsSdkAppId`).
    pub sdk_app_id: String,
    /// The region at Tencent.
    pub region: String,
    /// The approved signature, without its brackets.
    pub sign_name: String,
    /// The approved template of codes; its one variable is `code`.
    pub code_template: String,
    /// What one message costs, in li (a tenth of a fen).
    pub price_li: i64,
    /// What the messages of a day may cost, in fen.
    pub day_budget_fen: i64,
}

impl Default for Sms {
    fn default() -> Self {
        Sms {
            driver: "none".to_owned(),
            base_url: String::new(),
            key_id: String::new(),
            key_secret: Hidden::default(),
            key_secret_file: String::new(),
            sdk_app_id: String::new(),
            region: "ap-guangzhou".to_owned(),
            sign_name: String::new(),
            code_template: String::new(),
            price_li: 45,
            day_budget_fen: 10_000,
        }
    }
}

/// `[vending]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vending {
    /// The smallest order, in fen.
    pub order_min_fen: i64,
    /// The largest order, in fen.
    pub order_max_fen: i64,
    /// How long an order may be paid, in seconds.
    pub order_lifetime_s: u64,
    /// How many jobs this process works on at once.
    pub jobs_at_once: usize,
    /// A factor on every waiting time of the sagas, in percent; 100 outside of tests.
    pub pace_percent: u32,
}

impl Default for Vending {
    fn default() -> Self {
        Vending {
            order_min_fen: 100,
            order_max_fen: 500_000,
            order_lifetime_s: 900,
            jobs_at_once: 256,
            pace_percent: 100,
        }
    }
}

/// `[arrears]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Arrears {
    /// `at-once`, `never` or `daily`.
    pub mode: String,
    /// The local time of a daily trip, `HH:MM`.
    pub daily_at: String,
    /// Hours in which nobody is cut off, `HH:MM-HH:MM`.
    pub protected_hours: Vec<String>,
    /// Days without cuts, `YYYY-MM-DD`.
    pub no_trip_dates: Vec<String>,
    /// A reading older than this many seconds is too old to cut anybody off.
    pub fresh_reading_s: u64,
    /// The most cuts of a project in an hour.
    pub trips_per_hour_max: u32,
    /// The most cuts of a building in an hour.
    pub trips_per_hour_building_max: u32,
    /// Emergency credit before a cut, in fen.
    pub overdraft_fen: i64,
    /// What a purse has to hold before supply comes back, in fen; below 1 it is 1.
    pub reconnect_minimum_fen: i64,
}

impl Default for Arrears {
    fn default() -> Self {
        Arrears {
            mode: "at-once".to_owned(),
            daily_at: "10:00".to_owned(),
            protected_hours: vec!["22:00-08:00".to_owned()],
            no_trip_dates: Vec::new(),
            fresh_reading_s: 1_800,
            trips_per_hour_max: 30,
            trips_per_hour_building_max: 10,
            overdraft_fen: 0,
            reconnect_minimum_fen: 1,
        }
    }
}

/// `[tenant]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tenant {
    /// How long an access token is good for, in seconds; at most 600.
    pub access_life_s: u64,
    /// How long a sign-in lasts that is used now and then, in days.
    pub refresh_life_days: u64,
    /// A file with the key of access tokens, at least 32 bytes in base64; empty = the site makes
    /// one for itself and keeps it in its database.
    pub token_key_file: String,
    /// The key file before the last change; its tokens are accepted until they run out.
    pub token_key_before_file: String,
    /// A file with the key of hashes (codes, phone numbers, addresses), at least 32 bytes in
    /// base64; empty = the site makes one for itself and keeps it in its database. Printed codes
    /// and invitations of before a change no longer work.
    pub hash_key_file: String,
    /// The phone number tenants are told to call; empty for none.
    pub service_phone: String,
    /// The projects whose tenants may switch their own supply off and on (T7).
    pub switching_projects: Vec<i64>,
}

impl Default for Tenant {
    fn default() -> Self {
        Tenant {
            access_life_s: 600,
            refresh_life_days: 30,
            token_key_file: String::new(),
            token_key_before_file: String::new(),
            hash_key_file: String::new(),
            service_phone: String::new(),
            switching_projects: Vec::new(),
        }
    }
}

/// `[log]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// What is logged, as in `info,vending=debug`.
    pub filter: String,
    /// `text` for people, `json` for machines.
    pub format: String,
}

impl Default for Log {
    fn default() -> Self {
        Log { filter: "info,sqlx=warn".to_owned(), format: "text".to_owned() }
    }
}

/// A secret of the configuration: printed and written as stars.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub String);

impl Hidden {
    fn shown(&self) -> &'static str {
        if self.0.is_empty() { "" } else { "***" }
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.shown())
    }
}

impl Serialize for Hidden {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.shown())
    }
}

/// Why there is no configuration to run with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("the file {0} cannot be read")]
    File(PathBuf),
    /// A key is unknown or holds a value of the wrong kind.
    #[error("the configuration is wrong: {0}")]
    Content(String),
}

impl Config {
    /// Reads the file, if one is named, and the environment over it.
    ///
    /// `YUFU__SERVER__LISTEN` sets `[server] listen`; a list is written with commas.
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
        let mut builder = config::Config::builder();
        if let Some(path) = file {
            if !path.is_file() {
                return Err(ConfigError::File(path.to_path_buf()));
            }
            builder = builder.add_source(config::File::from(path).format(config::FileFormat::Toml));
        }
        let environment = config::Environment::with_prefix("YUFU")
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("arrears.protected_hours")
            .with_list_parse_key("arrears.no_trip_dates");
        let built = builder.add_source(environment).build().map_err(content)?;
        let mut config: Config = built.try_deserialize().map_err(content)?;
        config.read_secrets()?;
        Ok(config)
    }

    fn read_secrets(&mut self) -> Result<(), ConfigError> {
        let (wechat, sms) = (&mut self.wechat, &mut self.sms);
        for (file, text) in [
            (&self.database.url_file, &mut self.database.url),
            (&wechat.mini_secret_file, &mut wechat.mini_secret.0),
            (&wechat.page_secret_file, &mut wechat.page_secret.0),
            (&sms.key_secret_file, &mut sms.key_secret.0),
        ] {
            if !file.is_empty() {
                let path = PathBuf::from(file);
                let read = std::fs::read_to_string(&path).map_err(|_| ConfigError::File(path))?;
                *text = read.trim().to_owned();
            }
        }
        Ok(())
    }

    /// The commented template of a configuration file with every key at its default.
    pub fn template() -> &'static str {
        include_str!("config.template.toml")
    }
}

fn content(error: config::ConfigError) -> ConfigError {
    ConfigError::Content(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_template_is_the_defaults_and_names_every_key() {
        let parsed: Config = toml::from_str(Config::template()).unwrap();
        let defaults = Config::default();
        let text = |config: &Config| toml::to_string(config).unwrap();
        assert_eq!(text(&parsed), text(&defaults));
        let table: toml::Table = toml::from_str(Config::template()).unwrap();
        let default: toml::Table = toml::from_str(&text(&defaults)).unwrap();
        for (section, keys) in &default {
            for key in keys.as_table().unwrap().keys() {
                assert!(table[section].get(key).is_some(), "[{section}] {key} is not explained");
            }
        }
    }

    #[test]
    fn a_secret_is_read_from_its_file_and_printed_as_stars() {
        let dir = tempfile::tempdir().unwrap();
        let (file, secret) = (dir.path().join("yufu.toml"), dir.path().join("secret"));
        std::fs::write(&secret, "canary\n").unwrap();
        let text = format!(
            "[wechat]\nmini_secret = 'canary'\npage_secret_file = '{0}'\n\
             [sms]\nkey_secret_file = '{0}'\n",
            secret.display()
        );
        std::fs::write(&file, text).unwrap();
        let config = Config::load(Some(&file)).unwrap();
        for read in [&config.wechat.mini_secret, &config.wechat.page_secret, &config.sms.key_secret]
        {
            assert_eq!(read.0, "canary");
        }
        let shown = toml::to_string(&config).unwrap() + &format!("{config:?}");
        assert!(shown.contains("***") && !shown.contains("canary"), "{shown}");
    }

    #[test]
    fn an_unknown_key_is_refused_and_named() {
        let wrong = toml::from_str::<Config>("[server]\nlisten_on = 'x'\n").unwrap_err();
        assert!(wrong.to_string().contains("listen_on"), "{wrong}");
    }
}
