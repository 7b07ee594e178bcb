//! A simulated provider, our two merchants there, and the way a bill takes from one to the other.

use chrono::{DateTime, NaiveDate, Utc};
use connector::{
    Method, Outcome, Request, Response, Secret, Stamp, alipay,
    bill::{BillError, Whole},
    http::Headers,
    key::{SigningKey, VerifyingKey},
    wechat_pay,
};
use domain::{BusinessDay, business_day::china_standard_time};
use provider_simulator::{Config, Provider, ProviderKind, RefundStatus, SimClock, start};
use tokio::runtime::Runtime;

pub const MCHID: &str = "1900000001";
pub const APP_ID: &str = "2021000000000001";
/// The simulator's fee in hundredths of a percent.
const BASIS_POINTS: i64 = 60;

/// Long after every day of the tests, at noon in China.
const NOW_MS: i64 = 4_102_459_200_000;

pub struct World {
    pub provider: Provider,
    pub clock: SimClock,
    pub wechat: wechat_pay::Merchant,
    pub alipay: alipay::Merchant,
    client: reqwest::Client,
    runtime: Runtime,
}

/// What any bill and any book can be compared by. Money is signed, in fen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    pub out_trade_no: String,
    pub out_refund_no: Option<String>,
    pub provider_trade_no: String,
    pub at_s: i64,
    pub amount_fen: i64,
    pub fee_fen: i64,
    /// WeChat's word for the row's state; Alipay has none.
    pub state: String,
    pub subject: String,
}

pub fn day(text: &str) -> BusinessDay {
    BusinessDay::from_date(NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap())
}

pub fn merchant_of(provider: ProviderKind) -> &'static str {
    match provider {
        ProviderKind::WechatPay => MCHID,
        ProviderKind::Alipay => APP_ID,
    }
}

impl World {
    pub fn new() -> Self {
        let clock = SimClock::manual(NOW_MS);
        let provider = start(Config { clock: clock.clone(), ..Config::default() }).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let files = provider.write_merchant_files(dir.path()).unwrap();
        let read = |folder: &std::path::Path, name: &str| {
            std::fs::read_to_string(folder.join(name)).unwrap()
        };
        let folder = &files.wechat_pay[0].1;
        let mut trust = wechat_pay::Trust::new();
        let public_key = VerifyingKey::from_pem(&read(folder, "public_key.pem")).unwrap();
        trust.add(read(folder, "public_key_id.txt"), public_key);
        trust.prefer(read(folder, "public_key_id.txt"));
        let wechat = wechat_pay::Merchant {
            mode: wechat_pay::Mode::Ordinary {
                appid: "wx8888888888888888".to_owned(),
                mchid: MCHID.to_owned(),
            },
            serial_no: read(folder, "serial_no.txt"),
            signing_key: SigningKey::from_pem(&read(folder, "merchant.key.pem")).unwrap(),
            api_v3_keys: vec![Secret::new(read(folder, "api_v3.key"))],
            trust,
            base_url: provider.base_url.clone(),
            notify_url: String::new(),
            refund_notify_url: String::new(),
        };
        let folder = &files.alipay[0].1;
        let public_key = VerifyingKey::from_pem(&read(folder, "alipay_public_key.pem")).unwrap();
        let alipay = alipay::Merchant {
            app_id: APP_ID.to_owned(),
            seller_id: None,
            op_app_id: None,
            signing_key: SigningKey::from_pem(&read(folder, "app.key.pem")).unwrap(),
            trust: alipay::Trust::Keys(vec![public_key]),
            aes_key: None,
            gateway_url: provider.gateway_url(),
            notify_url: String::new(),
            return_url: None,
            app_auth_token: None,
        };
        let runtime = Runtime::new().unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        World { provider, clock, wechat, alipay, client, runtime }
    }

    pub fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.clock.now_ms()).unwrap()
    }

    pub fn stamp(&self) -> Stamp {
        Stamp { now: self.now(), nonce: "593bec0c930bf1afeb40b4a08c8fb242".to_owned() }
    }

    pub fn send(&self, request: &Request) -> Response {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        let mut call = self.client.request(method, &request.url).body(request.body.clone());
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        self.runtime.block_on(async {
            let answer = call.send().await.unwrap();
            let status = answer.status().as_u16();
            let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
            let fields = answer.headers().iter();
            let fields = fields.map(|(name, value)| (name.to_string(), text(value))).collect();
            let body = answer.bytes().await.unwrap().to_vec();
            Response { status, headers: Headers::new(fields), body }
        })
    }
}

/// The stable word for an outcome that is no link.
fn refusal<T: std::fmt::Debug>(outcome: Outcome<T>) -> String {
    match outcome {
        Outcome::Declined(why) | Outcome::OurFault(why) | Outcome::Theirs(why) => why.code,
        other => format!("{other:?}"),
    }
}

fn code(error: BillError) -> String {
    error.code().to_owned()
}

/// WeChat Pay's bills.
impl World {
    pub fn wechat_file(
        &self,
        request: Request,
    ) -> Result<(wechat_pay::bill::Link, Response), String> {
        let answer = self.send(&request);
        let link = match wechat_pay::bill::read_link(&self.wechat, &answer, self.now()) {
            Outcome::Done(link) => link,
            other => return Err(refusal(other)),
        };
        let stamp = self.stamp();
        let request = wechat_pay::bill::request_download(&self.wechat, &link, &stamp).unwrap();
        Ok((link, self.send(&request)))
    }

    pub fn wechat_trade_file(
        &self,
        day: BusinessDay,
    ) -> Result<(wechat_pay::bill::Link, Response), String> {
        let kind = wechat_pay::bill::TradeKind::All;
        let stamp = self.stamp();
        let request = wechat_pay::bill::request_trade(&self.wechat, day, kind, &stamp);
        self.wechat_file(request.unwrap())
    }

    pub fn wechat_trades(&self, day: BusinessDay) -> Result<(Vec<Line>, Whole), String> {
        let (link, served) = self.wechat_trade_file(day)?;
        let file = wechat_pay::bill::file(&served).map_err(code)?;
        let mut lines = Vec::new();
        let each = |row| lines.push(wechat_line(row));
        let whole = wechat_pay::bill::read_trade(&link, file, each).map_err(code)?;
        Ok((lines, whole))
    }

    pub fn wechat_flows(
        &self,
        day: BusinessDay,
    ) -> Result<Vec<wechat_pay::bill::FundFlowRow>, String> {
        let account = wechat_pay::bill::FundAccount::Basic;
        let stamp = self.stamp();
        let request = wechat_pay::bill::request_fund_flow(&self.wechat, day, account, &stamp);
        let (link, served) = self.wechat_file(request.unwrap())?;
        let file = wechat_pay::bill::file(&served).map_err(code)?;
        let mut rows = Vec::new();
        wechat_pay::bill::read_fund_flow(&link, file, |row| rows.push(row)).map_err(code)?;
        Ok(rows)
    }
}

/// Alipay's bills.
impl World {
    pub fn alipay_file(
        &self,
        kind: alipay::bill::Kind,
        day: BusinessDay,
    ) -> Result<Response, String> {
        let url = self.alipay_link(kind, day)?;
        Ok(self.send(&alipay::bill::request_download(&url)))
    }

    pub fn alipay_link(
        &self,
        kind: alipay::bill::Kind,
        day: BusinessDay,
    ) -> Result<String, String> {
        let stamp = self.stamp();
        let request = alipay::bill::request_link(&self.alipay, kind, day, &stamp).unwrap();
        match alipay::bill::read_link(&self.alipay, &self.send(&request)) {
            Outcome::Done(alipay::bill::Link::At(url)) => Ok(url),
            Outcome::Done(alipay::bill::Link::NoBill) => Err("no bill".to_owned()),
            other => Err(refusal(other)),
        }
    }

    pub fn alipay_trades(&self, day: BusinessDay) -> Result<(Vec<Line>, Whole), String> {
        let served = self.alipay_file(alipay::bill::Kind::Trade, day)?;
        let file = alipay::bill::file(&served).map_err(code)?;
        let mut lines = Vec::new();
        let each = |row| lines.push(alipay_line(row));
        let whole = alipay::bill::read_trade(file, each).map_err(code)?;
        Ok((lines, whole))
    }

    pub fn alipay_flows(&self, day: BusinessDay) -> Result<Vec<alipay::bill::AccountRow>, String> {
        let served = self.alipay_file(alipay::bill::Kind::Account, day)?;
        let file = alipay::bill::file(&served).map_err(code)?;
        let mut rows = Vec::new();
        alipay::bill::read_account(file, |row| rows.push(row)).map_err(code)?;
        Ok(rows)
    }

    pub fn trades(&self, provider: ProviderKind, day: BusinessDay) -> Result<Vec<Line>, String> {
        let bill = match provider {
            ProviderKind::WechatPay => self.wechat_trades(day),
            ProviderKind::Alipay => self.alipay_trades(day),
        };
        match bill {
            Ok((lines, whole)) => {
                assert_eq!(whole.rows, lines.len());
                Ok(lines)
            }
            // Both say so in their own way.
            Err(code) if ["NO_STATEMENT_EXIST", "no bill"].contains(&code.as_str()) => Ok(vec![]),
            Err(code) => Err(code),
        }
    }
}

fn wechat_line(row: wechat_pay::bill::TradeRow) -> Line {
    use wechat_pay::bill::TradeState;
    assert_eq!(row.fee_millifen % 1_000, 0);
    let (amount_fen, state) = match (&row.refund, row.state) {
        (Some(refund), _) => (-refund.amount.fen(), refund.status.clone()),
        (None, TradeState::Revoked) => (row.total.fen(), "REVOKED".to_owned()),
        (None, _) => (row.total.fen(), "SUCCESS".to_owned()),
    };
    Line {
        out_trade_no: row.out_trade_no,
        out_refund_no: row.refund.map(|refund| refund.out_refund_no),
        provider_trade_no: row.transaction_id,
        at_s: row.at.timestamp(),
        amount_fen,
        fee_fen: row.fee_millifen / 1_000,
        state,
        subject: row.subject,
    }
}

fn alipay_line(row: alipay::bill::TradeRow) -> Line {
    use alipay::bill::RowKind;
    assert_eq!(row.kind == RowKind::Refund, row.out_refund_no.is_some());
    assert_eq!(row.amount, row.received);
    Line {
        out_trade_no: row.out_trade_no,
        out_refund_no: row.out_refund_no,
        provider_trade_no: row.provider_trade_no,
        at_s: row.at.timestamp(),
        amount_fen: row.received.fen(),
        fee_fen: -row.fee.fen(),
        state: String::new(),
        subject: row.subject,
    }
}

fn fee_fen(amount_fen: i64) -> i64 {
    (amount_fen * BASIS_POINTS + 5_000) / 10_000
}

fn is_on(day: BusinessDay, at_ms: i64) -> bool {
    let at = DateTime::from_timestamp_millis(at_ms).unwrap();
    at.with_timezone(&china_standard_time()).date_naive() == day.date()
}

/// What the book says the bill of a day must hold, oldest first.
pub fn book(provider: &Provider, kind: ProviderKind, day: BusinessDay) -> Vec<Line> {
    let wechat = kind == ProviderKind::WechatPay;
    let state = |word: &str| if wechat { word.to_owned() } else { String::new() };
    let mut lines = Vec::new();
    for trade in provider.trades().iter().filter(|trade| trade.key.provider == kind) {
        let subject = written(kind, &trade.description);
        for payment in trade.payments.iter().filter(|one| is_on(day, one.paid_ms)) {
            lines.push(Line {
                out_trade_no: trade.key.out_trade_no.clone(),
                out_refund_no: None,
                provider_trade_no: payment.provider_trade_no.clone(),
                at_s: payment.paid_ms.div_euclid(1_000),
                amount_fen: payment.total_fen,
                fee_fen: fee_fen(payment.total_fen),
                state: state("SUCCESS"),
                subject: subject.clone(),
            });
        }
        for refund in &trade.refunds {
            let word = match refund.status {
                RefundStatus::Processing => "PROCESSING",
                RefundStatus::Success => "SUCCESS",
                RefundStatus::Abnormal => "CHANGE",
                RefundStatus::Closed => "FAIL",
            };
            let at_ms = refund.settled_ms.unwrap_or(refund.created_ms);
            if is_on(day, at_ms) && (wechat || word == "SUCCESS") {
                lines.push(Line {
                    out_trade_no: trade.key.out_trade_no.clone(),
                    out_refund_no: Some(refund.out_refund_no.clone()),
                    provider_trade_no: refund.provider_trade_no.clone(),
                    at_s: at_ms.div_euclid(1_000),
                    amount_fen: -refund.refund_fen,
                    fee_fen: -fee_fen(refund.refund_fen),
                    state: state(word),
                    subject: subject.clone(),
                });
            }
        }
    }
    lines
}

/// A merchant's text as the bills write it.
fn written(kind: ProviderKind, text: &str) -> String {
    match kind {
        ProviderKind::WechatPay => text.replace(',', "\\ ").replace('\n', "\\n"),
        ProviderKind::Alipay => {
            text.replace([',', '\n', '\t'], " ").replace('🔌', "?").trim().to_owned()
        }
    }
}
