//! Bills: F4 no. 25, as far as one file can be wrong by itself.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use connector::{
    Doubt, Outcome, Response,
    bill::{BillError, Whole},
    http::BILL_MAX,
    wechat_pay::{OurFault, bill::*},
};

use crate::vectors::*;

fn oracle_bytes(name: &str, field: &str) -> Vec<u8> {
    BASE64.decode(text(&vectors()["bills"][name], field)).unwrap()
}

fn plain(name: &str) -> String {
    String::from_utf8(oracle_bytes(name, "base64")).unwrap()
}

fn link(name: &str) -> Link {
    let hex = text(&vectors()["bills"][name], "sha1").to_owned();
    let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
    let path_and_query = "/v3/billdownload/file?token=t".to_owned();
    Link { sha1: std::array::from_fn(byte), path_and_query }
}

/// A link that announces exactly these bytes.
fn link_to(bytes: &[u8]) -> Link {
    use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
    let mut sha1 = [0; 20];
    sha1.copy_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref());
    Link { sha1, path_and_query: "/v3/billdownload/file?token=t".to_owned() }
}

fn trades_of(link: &Link, file: &[u8]) -> Result<(Vec<TradeRow>, Whole), BillError> {
    let mut rows = Vec::new();
    let whole = read_trade(link, file, |row| rows.push(row))?;
    Ok((rows, whole))
}

/// The rows of a file that is what was announced.
fn trades(file: &[u8]) -> Result<Vec<TradeRow>, BillError> {
    trades_of(&link_to(file), file).map(|(rows, _)| rows)
}

fn flows(file: &[u8]) -> Result<Vec<FundFlowRow>, BillError> {
    let mut rows = Vec::new();
    read_fund_flow(&link_to(file), file, |row| rows.push(row))?;
    Ok(rows)
}

fn served(body: Vec<u8>) -> Response {
    Response { status: 200, headers: Default::default(), body }
}

#[test]
fn a_link_is_believed_signed_and_leads_to_a_bill_only() {
    let answer = response("responses", "bill link");
    let Outcome::Done(link) = read_link(&merchant(), &answer, now()) else { panic!() };
    assert_eq!(link.sha1[..3], [0x79, 0xbb, 0x0f]);
    assert_eq!(link.path_and_query, "/v3/billdownload/file?token=6XIv5TUPto7pByrTQKhd6k");
    let request = request_download(&merchant(), &link, &stamp()).unwrap();
    assert!(request.url.starts_with("https://api.mch.weixin.qq.com/v3/billdownload/file?token="));
    assert_eq!(request.response_max, BILL_MAX);
    for elsewhere in ["/v3/pay/transactions/native", "//evil.example/v3/billdownload/file?", ""] {
        let link = Link { path_and_query: elsewhere.to_owned(), ..link.clone() };
        let got = request_download(&merchant(), &link, &stamp());
        assert_eq!(got, Err(OurFault::DownloadUrl), "{elsewhere}");
    }
    let other_hash =
        read_link(&merchant(), &response("responses", "bill link, another hash"), now());
    assert_eq!(other_hash, Outcome::Unknown(Doubt::Unreadable));
}

#[test]
fn a_bill_that_is_not_ready_and_a_day_without_bill_are_told_apart() {
    let read = |code: &str| {
        let body = format!(r#"{{"code":"{code}","message":""}}"#);
        read_link(&merchant(), &unsigned(400, &body), now())
    };
    assert!(matches!(read(NO_STATEMENT), Outcome::Declined(why) if why.code == NO_STATEMENT));
    assert!(matches!(read(STATEMENT_CREATING), Outcome::Theirs(_)));
}

#[test]
fn a_file_is_proven_by_the_hash_of_its_unpacked_bytes() {
    let read = |name: &str, file: &[u8]| {
        if name == "fund flow" {
            return read_fund_flow(&link(name), file, |_| {});
        }
        read_trade(&link(name), file, |_| {})
    };
    for name in ["trade ALL", "trade SUCCESS", "trade REFUND", "fund flow"] {
        let bytes = oracle_bytes(name, "base64");
        let packed = oracle_bytes(name, "gzip");
        let (whole, unpacked) = (read(name, &packed).unwrap(), read(name, &bytes).unwrap());
        assert_eq!(whole.unpacked_bytes, bytes.len() as u64, "{name}");
        assert_eq!((whole.rows, whole.unpacked_bytes), (unpacked.rows, unpacked.unpacked_bytes));
        assert_ne!(whole.sha256, unpacked.sha256, "our mark is on the file as it was served");
        assert_eq!(read(name, &bytes[3..]), Err(BillError::HashMismatch), "no byte order mark");
        let other_ends = plain(name).replace("\r\n", "\n").into_bytes();
        assert_eq!(read(name, &other_ends), Err(BillError::HashMismatch));
        for cut in 3..packed.len() {
            let got = read(name, &packed[..cut]);
            assert_eq!(got, Err(BillError::Damaged), "cut to {cut} bytes");
        }
    }
    let altered = plain("trade ALL").replace("50.00", "60.00").into_bytes();
    assert_eq!(read("trade ALL", &altered), Err(BillError::HashMismatch));
    let refused = Response { status: 401, ..served(Vec::new()) };
    assert_eq!(file(&refused), Err(BillError::NotServed(401)));
    assert_eq!(file(&served(vec![1])), Ok(&[1][..]));
}

#[test]
fn a_trade_bill_is_read_as_the_oracle_reads_it() {
    let vectors = vectors();
    for name in ["trade ALL", "trade SUCCESS", "trade REFUND"] {
        let rows = trades(&oracle_bytes(name, "base64")).unwrap();
        let oracle = vectors["bills"][name]["rows"].as_array().unwrap();
        assert_eq!(rows.len(), oracle.len(), "{name}");
        for (row, cells) in rows.iter().zip(oracle) {
            let local = row.at.with_timezone(&domain::business_day::china_standard_time());
            let time = local.format("%Y-%m-%d %H:%M:%S").to_string();
            assert_eq!(time, text(cells, "交易时间"));
            assert_eq!(row.transaction_id, text(cells, "微信订单号"));
            assert_eq!(row.out_trade_no, text(cells, "商户订单号"));
            assert_eq!(row.mchid, text(cells, "商户号"));
            assert_eq!(row.appid, text(cells, "公众账号ID"));
            assert_eq!(row.sub_mchid, None);
            assert_eq!(row.payer, text(cells, "用户标识"));
            assert_eq!(row.trade_type, text(cells, "交易类型"));
            assert_eq!(row.total.to_yuan(), text(cells, "订单金额"));
            assert_eq!(row.settled.to_yuan(), text(cells, "应结订单金额"));
            assert_eq!(row.rate, text(cells, "费率"));
            assert_eq!(row.currency, text(cells, "货币种类"));
            assert_eq!(row.subject, text(cells, "商品名称"));
            assert_eq!(row.refund.is_some(), text(cells, "交易状态") == "REFUND");
            let Some(refund) = &row.refund else { continue };
            assert_eq!(refund.refund_id, text(cells, "微信退款单号"));
            assert_eq!(refund.out_refund_no, text(cells, "商户退款单号"));
            assert_eq!(refund.amount.to_yuan(), text(cells, "申请退款金额"));
            assert_eq!(refund.settled.to_yuan(), text(cells, "退款金额"));
            assert_eq!(refund.status, text(cells, "退款状态"));
            assert_eq!(refund.requested_at.is_some(), name == "trade REFUND");
            assert_eq!(refund.succeeded_at.is_some(), name == "trade REFUND");
        }
    }
    let all = trades(&oracle_bytes("trade ALL", "base64")).unwrap();
    let fees: Vec<i64> = all.iter().map(|row| row.fee_millifen).collect();
    assert_eq!(fees, [30_000, 6, -7_200]);
}

/// F4 no. 25: the second before midnight and the second after belong to the same bill's day.
#[test]
fn a_row_belongs_to_the_day_of_wechats_clock() {
    let rows = trades(&oracle_bytes("trade ALL", "base64")).unwrap();
    let days: Vec<String> = rows.iter().map(|row| row.day.date().to_string()).collect();
    assert_eq!(days, ["2026-12-01"; 3]);
}

#[test]
fn a_fund_flow_bill_is_read_as_the_oracle_reads_it() {
    let vectors = vectors();
    let rows = flows(&oracle_bytes("fund flow", "base64")).unwrap();
    let oracle = vectors["bills"]["fund flow"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), oracle.len());
    for (row, cells) in rows.iter().zip(oracle) {
        assert_eq!(row.business_no, text(cells, "微信支付业务单号"));
        assert_eq!(row.flow_no, text(cells, "资金流水单号"));
        assert_eq!(row.business_name, text(cells, "业务名称"));
        assert_eq!(row.business_type, text(cells, "业务类型"));
        assert_eq!(row.amount.to_yuan(), text(cells, "收支金额(元)"));
        assert_eq!(row.balance.to_yuan(), text(cells, "账户结余(元)"));
        assert_eq!(row.remark, text(cells, "备注"));
        assert_eq!(row.voucher_no, text(cells, "业务凭证号"));
        assert_eq!(row.direction == Direction::In, text(cells, "收支类型") == "收入");
    }
}

/// F4 no. 25: a column more is passed over, the order of columns means nothing, and every way a
/// file can be wrong has its name.
#[test]
fn a_bill_is_read_by_column_name_or_refused_by_name() {
    let good = plain("trade ALL");
    let read = |text: &str| trades(text.as_bytes()).map(|rows| rows.len());
    let lines: Vec<&str> = good.trim_end().split("\r\n").collect();
    let widened: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(at, line)| match at {
            0 => format!("新列,{}", line.trim_start_matches('\u{feff}')),
            1..=3 => format!("`new,{line}"),
            _ => (*line).to_owned(),
        })
        .collect();
    let join = |lines: &[&str]| lines.join("\r\n") + "\r\n";
    let no_summary = join(&lines[..4]);
    let half_summary = join(&lines[..5]);
    let row_lost = join(&[lines[0], lines[1], lines[3], lines[4], lines[5]]);
    let row_after = format!("{good}{}\r\n", lines[1]);
    let column_lost = good.replace("订单金额,申请退款金额,费率备注", "别的,申请退款金额,费率备注");
    let column_twice = good.replace("费率备注\r\n", "费率\r\n");
    let shorter = good.replacen(",`o-payer", "", 1);
    let sums = |from: &str, to: &str| good.replace(from, to);
    let mismatch = |column| Err(BillError::TotalsDiffer(column));
    let cell = |line, column| Err(BillError::Cell { line, column });
    let table = [
        (good.clone(), Ok(3)),
        (good.replace("\r\n", "\n"), Ok(3)),
        (good.trim_start_matches('\u{feff}').to_owned(), Ok(3)),
        (good.trim_end().to_owned(), Ok(3)),
        (widened.join("\r\n"), Ok(3)),
        (sums("`0.22806,", "`0.23,"), Ok(3)),
        (no_summary, Err(BillError::CutOff)),
        (half_summary, Err(BillError::CutOff)),
        (good[..good.find("`REFUND").unwrap()].to_owned(), Err(BillError::Ragged { line: 4 })),
        (row_lost, mismatch("总交易单数")),
        (row_after, Err(BillError::Ragged { line: 7 })),
        (column_lost, Err(BillError::MissingColumn("订单金额"))),
        (column_twice, Err(BillError::NoHeader)),
        (shorter, Err(BillError::Ragged { line: 2 })),
        (sums("`3,`50.01", "`3,`50.02"), mismatch("应结订单总金额")),
        (sums("`50.01,`12.00\r\n", "`50.00,`12.00\r\n"), mismatch("订单总金额")),
        (sums("`50.01,`12.00\r\n", "`50.01,`12.01\r\n"), mismatch("申请退款总金额")),
        (sums("`50.01,`12.00,`0.00,`0", "`50.01,`11.00,`0.00,`0"), mismatch("退款总金额")),
        (sums("`0.22806,", "`0.22807,"), mismatch("手续费总金额")),
        (sums("2026-12-01 23:59:59", "2026-12-01 24:00:00"), cell(3, "交易时间")),
        (sums("`NATIVE,`REFUND", "`NATIVE,`LOST"), cell(4, "交易状态")),
        (sums("`0.30000", "`0.3000000"), cell(2, "手续费")),
        (sums("R20261201000002", ""), cell(3, "商户订单号")),
        (String::new(), Err(BillError::NoHeader)),
        ("<xml></xml>".to_owned(), Err(BillError::CutOff)),
    ];
    for (text, want) in table {
        assert_eq!(read(&text), want, "{text}");
    }
    assert_eq!(trades(b"\xff\xfe"), Err(BillError::NotText { line: 1 }));
}

#[test]
fn a_fund_flow_summary_is_held_against_its_rows() {
    let good = plain("fund flow");
    let table = [
        ("`2,`1,`50.00,`1,`12.00", "`3,`1,`50.00,`1,`12.00", "资金流水总笔数"),
        ("`2,`1,`50.00,`1,`12.00", "`2,`2,`50.00,`1,`12.00", "收入笔数"),
        ("`2,`1,`50.00,`1,`12.00", "`2,`1,`50.01,`1,`12.00", "收入金额"),
        ("`2,`1,`50.00,`1,`12.00", "`2,`1,`50.00,`0,`12.00", "支出笔数"),
        ("`2,`1,`50.00,`1,`12.00", "`2,`1,`50.00,`1,`11.99", "支出金额"),
    ];
    for (from, to, column) in table {
        let got = flows(good.replace(from, to).as_bytes());
        assert_eq!(got, Err(BillError::TotalsDiffer(column)));
    }
    let negative = good.replace("`12.00,`138.00", "`-12.00,`138.00");
    let why = BillError::Cell { line: 3, column: "收支金额(元)" };
    assert_eq!(flows(negative.as_bytes()), Err(why));
}

#[test]
fn a_day_without_movement_is_an_empty_bill() {
    let good = plain("trade ALL");
    let head = good.lines().next().unwrap();
    let empty = format!("{head}\r\n总交易单数,订单总金额\r\n`0,`0.00\r\n");
    assert_eq!(trades(empty.as_bytes()), Ok(vec![]));
    let short = "交易时间,订单金额\r\n总交易单数\r\n`0\r\n";
    assert_eq!(trades(short.as_bytes()), Err(BillError::MissingColumn("公众账号ID")));
}

/// A refund in the payment bill has no columns to be read from.
#[test]
fn a_refund_where_no_refund_can_stand_is_refused() {
    let bill = plain("trade SUCCESS").replace("`SUCCESS", "`REFUND");
    assert_eq!(trades(bill.as_bytes()), Err(BillError::MissingColumn("商户退款单号")));
}

#[test]
fn every_error_of_a_bill_has_a_name_of_its_own() {
    let all = [
        (BillError::NotServed(403), true),
        (BillError::Source(std::io::ErrorKind::NotFound), true),
        (BillError::Damaged, true),
        (BillError::TooLarge, false),
        (BillError::HashMismatch, true),
        (BillError::ForgedName, false),
        (BillError::NoSheet, false),
        (BillError::NotText { line: 1 }, false),
        (BillError::NoHeader, false),
        (BillError::MissingColumn("c"), false),
        (BillError::Ragged { line: 1 }, false),
        (BillError::Cell { line: 1, column: "c" }, false),
        (BillError::CutOff, true),
        (BillError::TotalsDiffer("c"), false),
    ];
    let codes: std::collections::BTreeSet<&str> = all.iter().map(|(one, _)| one.code()).collect();
    assert_eq!(codes.len(), all.len());
    for (error, again) in all {
        assert_eq!(error.is_worth_another_download(), again, "{error}");
    }
}

/// A file that comes in pieces of any size.
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, usize>>,
}

impl std::io::Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let size = *self.sizes.next().unwrap();
        let (piece, rest) = self.bytes.split_at(size.min(into.len()).min(self.bytes.len()));
        into[..piece.len()].copy_from_slice(piece);
        self.bytes = rest;
        Ok(piece.len())
    }
}

proptest::proptest! {
    #[test]
    fn the_pieces_a_file_comes_in_change_nothing(
        sizes in proptest::collection::vec(1_usize..40, 1..8),
    ) {
        for field in ["base64", "gzip"] {
            let bytes = oracle_bytes("trade ALL", field);
            let (whole, mut rows) = (trades_of(&link("trade ALL"), &bytes).unwrap(), Vec::new());
            let file = Pieces { bytes: &bytes, sizes: sizes.iter().cycle() };
            let pieces = read_trade(&link("trade ALL"), file, |row| rows.push(row)).unwrap();
            assert_eq!((rows, pieces), whole);
        }
    }

    #[test]
    fn no_bytes_bring_a_reader_down(noise in proptest::collection::vec(0u8..=255, 0..400), at: u16) {
        let good = oracle_bytes("trade ALL", "base64");
        let at = usize::from(at) % good.len();
        let spliced = [&good[..at], &noise, &good[at..]].concat();
        for bytes in [&noise, &spliced] {
            let _ = (trades(bytes), flows(bytes));
            let _ = trades_of(&link("trade ALL"), bytes);
            let _ = read_link(&merchant(), &served(bytes.clone()), now());
        }
    }
}
