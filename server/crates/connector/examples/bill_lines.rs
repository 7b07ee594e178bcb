//! How long the lines of a provider's bill take to be read and proven, against what nobody can
//! spare: unpacking the same file and hashing it.
//!
//! ```text
//! cargo run --release -p connector --example bill_lines -- [LINES]
//! ```
//!
//! The bills are the simulator's, of one day, fetched as the product fetches them. Baseline and
//! subject take turns over the same bytes; every round's sum of rows has to be the book's. Prints
//! lines for the table of `docs/performance.md`.

#![allow(clippy::expect_used, clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../tests/bills/support.rs"]
mod support;

use std::{
    io::{self, Cursor, Read},
    time::Duration,
};

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use connector::{alipay, bill::Whole, wechat_pay};
use domain::{Clock, SystemClock};
use flate2::read::MultiGzDecoder;
use provider_simulator::{PastOrder, PastRefund, ProviderKind, RefundStatus};

use support::{World, day, merchant_of};

/// The goal: so many lines in so long.
const LINES: usize = 1_000_000;
const SECONDS: f64 = 10.0;
const ROUNDS: usize = 5;
/// One sale in so many goes back.
const REFUND_EVERY: i64 = 19;
const TODAY: &str = "2026-03-01";

/// One file, what it is called, and the two ways through it.
struct Subject<'a> {
    name: &'static str,
    lines: usize,
    read: Box<dyn Fn() -> Whole + 'a>,
    floor: Box<dyn Fn() -> u64 + 'a>,
}

fn main() {
    let lines = std::env::args().nth(1).map_or(LINES, |text| text.parse().expect("a count"));
    let fewer = |lines_of_a_sale: usize| lines / lines_of_a_sale;
    wechat(fewer(1), "WeChat Pay, trade bill", trade);
    wechat(fewer(2), "WeChat Pay, fund-flow bill", fund_flow);
    alipay(fewer(1), "Alipay, business bill", alipay::bill::Kind::Trade);
    alipay(fewer(2), "Alipay, account bill", alipay::bill::Kind::Account);
}

/// A world whose one day fills about so many lines of a trade bill.
fn world(provider: ProviderKind, lines: usize) -> World {
    let world = World::new();
    let start_ms = day(TODAY).start().timestamp_millis();
    let sales = i64::try_from(lines).unwrap() * REFUND_EVERY / (REFUND_EVERY + 1);
    let entered = world.provider.enter((0..sales).map(|at| {
        PastOrder {
            provider,
            merchant: merchant_of(provider).to_owned(),
            out_trade_no: format!("R20260301{at:010}"),
            description: "预付电费 3栋201".to_owned(),
            total_fen: 1_000 + at % 50_000,
            paid_ms: start_ms + at % 86_000_000,
            refunds: (at % REFUND_EVERY == 0)
                .then(|| PastRefund {
                    out_refund_no: format!("F20260301{at:010}"),
                    refund_fen: 500,
                    settled_ms: start_ms + at % 86_000_000 + 1_000,
                    status: RefundStatus::Success,
                })
                .into_iter()
                .collect(),
        }
    }));
    assert_eq!(entered.len(), usize::try_from(sales).unwrap());
    world
}

type Link = wechat_pay::bill::Link;

fn trade(link: &Link, file: &[u8]) -> Whole {
    let mut total_fen = 0;
    let each = |row: wechat_pay::bill::TradeRow| total_fen += row.total.fen();
    let whole = wechat_pay::bill::read_trade(link, file, each).expect("a whole bill");
    assert!(total_fen > 0);
    whole
}

fn fund_flow(link: &Link, file: &[u8]) -> Whole {
    let mut total_fen = 0;
    let each = |row: wechat_pay::bill::FundFlowRow| total_fen += row.amount.fen();
    let whole = wechat_pay::bill::read_fund_flow(link, file, each).expect("a whole bill");
    assert!(total_fen > 0);
    whole
}

fn wechat(lines: usize, name: &'static str, read: fn(&Link, &[u8]) -> Whole) {
    let world = world(ProviderKind::WechatPay, lines);
    let stamp = world.stamp();
    let request = if name.contains("trade") {
        let kind = wechat_pay::bill::TradeKind::All;
        wechat_pay::bill::request_trade(&world.wechat, day(TODAY), kind, &stamp)
    } else {
        let account = wechat_pay::bill::FundAccount::Basic;
        wechat_pay::bill::request_fund_flow(&world.wechat, day(TODAY), account, &stamp)
    };
    let (link, served) = world.wechat_file(request.unwrap()).unwrap();
    // The simulator has done its part; what it holds is not to stand in the way.
    drop(world);
    let file = wechat_pay::bill::file(&served).unwrap();
    measure(&Subject {
        name,
        lines: read(&link, file).rows,
        read: Box::new(|| read(&link, file)),
        floor: Box::new(|| {
            hash(&mut Cursor::new(file), &SHA256);
            hash(&mut MultiGzDecoder::new(file), &SHA1_FOR_LEGACY_USE_ONLY)
        }),
    });
}

fn alipay(lines: usize, name: &'static str, kind: alipay::bill::Kind) {
    let world = world(ProviderKind::Alipay, lines);
    let served = world.alipay_file(kind, day(TODAY)).unwrap();
    drop(world);
    let file = alipay::bill::file(&served).unwrap().into_inner();
    let read = move || {
        let file = Cursor::new(file);
        let mut total_fen = 0;
        let whole = match kind {
            alipay::bill::Kind::Trade => {
                alipay::bill::read_trade(file, |row| total_fen += row.received.fen().abs())
            }
            alipay::bill::Kind::Account => {
                alipay::bill::read_account(file, |row| total_fen += row.amount.fen().abs())
            }
        };
        assert!(total_fen > 0);
        whole.expect("a whole bill")
    };
    measure(&Subject {
        name,
        lines: read().rows,
        read: Box::new(read),
        floor: Box::new(move || {
            hash(&mut Cursor::new(file), &SHA256);
            let mut archive = zip::ZipArchive::new(Cursor::new(file)).unwrap();
            io::copy(&mut archive.by_index(0).unwrap(), &mut io::sink()).unwrap()
        }),
    });
}

/// Hashes all of a reader; answers its length.
fn hash(from: &mut impl Read, algorithm: &'static aws_lc_rs::digest::Algorithm) -> u64 {
    let mut context = Context::new(algorithm);
    let (mut piece, mut bytes) = (vec![0; 64 << 10], 0);
    loop {
        let read = from.read(&mut piece).unwrap();
        if read == 0 {
            let _ = context.finish();
            return bytes;
        }
        context.update(&piece[..read]);
        bytes += read as u64;
    }
}

fn timed<T>(clock: &SystemClock, work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = clock.monotonic();
    let done = work();
    (done, clock.monotonic() - begun)
}

fn measure(subject: &Subject<'_>) {
    let clock = SystemClock::new();
    let (mut seconds, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (bytes, floor) = timed(&clock, &subject.floor);
        let (whole, took) = timed(&clock, &subject.read);
        assert_eq!((whole.rows, whole.unpacked_bytes), (subject.lines, bytes), "{}", subject.name);
        seconds.push(took.as_secs_f64() * LINES as f64 / subject.lines as f64);
        ratios.push(took.as_secs_f64() / floor.as_secs_f64());
    }
    let (name, lines) = (subject.name, subject.lines);
    let (middle, spread) = spread(&mut seconds);
    let met = if middle <= SECONDS { "yes" } else { "**no**" };
    println!("| – | {name}, a million lines ({lines} read) | {spread} s | ≤ {SECONDS} | {met} |");
    let (_, spread) = self::spread(&mut ratios);
    println!("| – | {name} ÷ unpacking and hashing alone | {spread} | – | – |");
}

/// The middle, and the text `median (least–most)`.
fn spread(samples: &mut [f64]) -> (f64, String) {
    samples.sort_by(f64::total_cmp);
    let (least, middle) = (samples[0], samples[samples.len() / 2]);
    (middle, format!("{middle:.2} ({least:.2}–{:.2})", samples[samples.len() - 1]))
}
