//! The daily bill.

use std::io::{Cursor, Read, Seek, SeekFrom};

use connector::{
    Doubt, Method, Outcome, Response,
    alipay::bill::{self, Link, RowKind, TradeRow},
    bill::{BillError, Whole},
    http::BILL_MAX,
};
use domain::{BusinessDay, Money};

use crate::support::*;

const METHOD: &str = "alipay.data.dataservice.bill.downloadurl.query";
const BILL: &[u8] = include_bytes!("bill.zip");

fn open(zip: &[u8]) -> Result<(Vec<TradeRow>, Whole), BillError> {
    let mut rows = Vec::new();
    let whole = bill::read_trade(Cursor::new(zip), |row| rows.push(row))?;
    Ok((rows, whole))
}

#[test]
fn a_whole_bill_is_read_row_by_row() {
    let (rows, whole) = open(BILL).unwrap();
    let [first, second, third] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(
        *first,
        TradeRow {
            line: 6,
            kind: RowKind::Payment,
            provider_trade_no: "2026112022001400000000000001".to_owned(),
            out_trade_no: "R20261120_0001".to_owned(),
            out_refund_no: None,
            subject: "电费 3栋502".to_owned(),
            at: at("2026-11-19T16:00:01Z"),
            day: BusinessDay::of(at("2026-11-20T00:00:00Z")),
            amount: Money::from_fen(5000),
            received: Money::from_fen(5000),
            fee: Money::from_fen(-30),
        }
    );
    assert_eq!(second.at, at("2026-11-20T15:59:59Z"));
    assert_eq!((&third.kind, third.received.fen(), third.fee.fen()), (&RowKind::Refund, -2000, 12));
    assert_eq!(third.out_refund_no.as_deref(), Some("F20261120_0001"));
    assert_eq!(whole.rows, 3);
    let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, BILL);
    assert_eq!(whole.sha256, sha256.as_ref());
}

#[test]
fn a_damaged_archive_is_refused_at_every_length() {
    for length in 0..BILL.len() {
        assert!(open(&BILL[..length]).is_err(), "{length} bytes");
    }
    assert_eq!(open(b"<html>expired</html>"), Err(BillError::Damaged));
    let refused = Response { status: 403, headers: Default::default(), body: vec![] };
    assert_eq!(bill::file(&refused), Err(BillError::NotServed(403)));
    let account = bill::read_account(Cursor::new(BILL), |_| {});
    assert_eq!(account, Err(BillError::NoSheet), "the other bill's file");
}

#[test]
fn the_link_is_read_and_no_bill_is_an_answer() {
    let url = "http://dwbillcenter.alipay.com/downloadBillFile.resource?bizType=trade&x=1";
    let node = format!(r#"{{"code":"10000","bill_download_url":"{url}"}}"#);
    let read = |node: &str| bill::read_link(&merchant(), &signed(METHOD, node));
    assert_eq!(read(&node), Outcome::Done(Link::At(url.to_owned())));
    assert_eq!(read(r#"{"code":"10000"}"#), Outcome::Unknown(Doubt::Unreadable));
    let file = r#"{"code":"10000","bill_download_url":"file:///etc/passwd"}"#;
    assert_eq!(read(file), Outcome::Unknown(Doubt::Unreadable));
    for (code, sub_code, want) in [
        ("40004", "isp.bill_not_exist", "done"),
        ("40004", "BILL_NOT_EXIST", "done"),
        ("40002", "isp.bill_not_exist", "done"),
        ("40004", "invalid_arguments", "our-fault"),
        ("40004", "INVAILID_ARGUMENTS", "our-fault"),
        ("40004", "SYSTEM_RATE_LIMIT", "theirs"),
        ("40004", "USER_RATE_LIMIT", "theirs"),
        ("20000", "isp.unknow-error", "unknown"),
    ] {
        let outcome = bill::read_link(&merchant(), &refused(METHOD, code, sub_code));
        assert_eq!(outcome.class(), want, "{sub_code}");
    }
    let request = bill::request_download(url);
    assert_eq!((request.method, request.url.as_str()), (Method::Get, url));
    assert_eq!((request.response_max, request.body.len()), (BILL_MAX, 0));
}

/// A file that gives no more than so many bytes at once.
struct Pieces<'a> {
    file: Cursor<&'a [u8]>,
    size: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let most = self.size.min(into.len());
        self.file.read(&mut into[..most])
    }
}

impl Seek for Pieces<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
}

#[test]
fn the_pieces_an_archive_comes_in_change_nothing() {
    let whole = open(BILL).unwrap();
    for size in [1, 2, 3, 7, 64] {
        let mut rows = Vec::new();
        let file = Pieces { file: Cursor::new(BILL), size };
        let got = bill::read_trade(file, |row| rows.push(row)).unwrap();
        assert_eq!((rows, got), whole, "{size} bytes at once");
    }
}
