//! The way to the file.

use chrono::{DateTime, Utc};
use domain::BusinessDay;
use serde::Deserialize;

use crate::{
    http::{BILL_MAX, Request, Response, Stamp},
    outcome::{Doubt, Outcome},
    wechat_pay::{
        answer::{self, Undone},
        code::Call,
        merchant::Merchant,
        sign::{OurFault, get, segment, target},
    },
};

/// Which trades a trade bill (交易账单) lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TradeKind {
    /// Payments and refunds of the day.
    All,
    /// Payments only; the refund columns are missing.
    Success,
    /// Refunds only, with two columns of times more.
    Refund,
}

/// Which account a fund-flow bill (资金账单) is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FundAccount {
    /// Where payments arrive (基本账户).
    Basic,
    /// Operating funds (运营账户).
    Operation,
    /// Fees (手续费账户).
    Fees,
}

/// A bill that is ready: fetch it within minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// SHA-1 of the file's bytes, unpacked.
    pub sha1: [u8; 20],
    /// Path and query of the download, without the host: a signed request goes to our own
    /// configured address and nowhere else.
    pub path_and_query: String,
}

/// The request for a link to the trade bill of a day, packed with gzip.
pub fn request_trade(
    merchant: &Merchant,
    day: BusinessDay,
    kind: TradeKind,
    stamp: &Stamp,
) -> Result<Request, OurFault> {
    let kind = match kind {
        TradeKind::All => "ALL",
        TradeKind::Success => "SUCCESS",
        TradeKind::Refund => "REFUND",
    };
    let date = day.date();
    let mut path = format!("/v3/bill/tradebill?bill_date={date}&bill_type={kind}&tar_type=GZIP");
    if let Some(sub_mchid) = merchant.mode.sub_mchid() {
        path = format!("{path}&sub_mchid={}", segment(sub_mchid));
    }
    get(merchant, &path, stamp)
}

/// The request for a link to the fund-flow bill of a day: always the signing merchant's own
/// account, also in partner mode.
pub fn request_fund_flow(
    merchant: &Merchant,
    day: BusinessDay,
    account: FundAccount,
    stamp: &Stamp,
) -> Result<Request, OurFault> {
    let account = match account {
        FundAccount::Basic => "BASIC",
        FundAccount::Operation => "OPERATION",
        FundAccount::Fees => "FEES",
    };
    let date = day.date();
    let path =
        format!("/v3/bill/fundflowbill?bill_date={date}&account_type={account}&tar_type=GZIP");
    get(merchant, &path, stamp)
}

#[derive(Deserialize)]
struct Body {
    hash_type: String,
    hash_value: String,
    download_url: String,
}

/// Reads the answer to either request for a link.
pub fn read_link(merchant: &Merchant, response: &Response, now: DateTime<Utc>) -> Outcome<Link> {
    let read = || -> Result<Link, Undone> {
        let body = answer::body(Call::Bill, merchant, response, now)?;
        let body: Body = answer::value(body)?;
        let unreadable = || Outcome::Unknown(Doubt::Unreadable);
        if body.hash_type != "SHA1" {
            return Err(unreadable());
        }
        let sha1 = sha1(&body.hash_value).ok_or_else(unreadable)?;
        let path_and_query = target(&body.download_url).filter(|path| is_bill(path));
        let path_and_query = path_and_query.ok_or_else(unreadable)?.to_owned();
        Ok(Link { sha1, path_and_query })
    };
    answer::settle(read())
}

/// The request that fetches the file. Its answer is not signed; its announced hash proves it.
pub fn request_download(
    merchant: &Merchant,
    link: &Link,
    stamp: &Stamp,
) -> Result<Request, OurFault> {
    if !is_bill(&link.path_and_query) {
        return Err(OurFault::DownloadUrl);
    }
    let mut request = get(merchant, &link.path_and_query, stamp)?;
    request.response_max = BILL_MAX;
    // The file is no JSON, and a request without any Accept is refused (A1).
    for (name, value) in &mut request.headers {
        if name == "Accept" {
            *value = "*/*".to_owned();
        }
    }
    Ok(request)
}

fn is_bill(path_and_query: &str) -> bool {
    let plain = path_and_query.bytes().all(|b| b.is_ascii_graphic());
    plain && path_and_query.starts_with("/v3/billdownload/file?")
}

fn sha1(hex: &str) -> Option<[u8; 20]> {
    if hex.len() != 40 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut sha1 = [0; 20];
    for (index, byte) in sha1.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(sha1)
}
