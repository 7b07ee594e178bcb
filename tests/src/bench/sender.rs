//! Brings signed callbacks to the product, as fast as it takes them or at a fixed rate.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use connector::{
    Headers,
    wechat_pay::{self, Notified},
};
use domain::{Clock, SystemClock};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use vending::{
    House,
    merchant::{Keys, Merchant},
    payment::reduce::{Reduced, Source},
};

use crate::callback::Letter;

/// Callbacks on their way at once.
const AT_ONCE: usize = 128;
/// The most of an answer that is read.
const ANSWER_MAX: usize = 16 << 10;

/// The way a callback takes.
#[derive(Clone)]
pub enum Path {
    /// Signature, seal, reducer and commit in this process: everything but HTTP.
    Reducer(House, Arc<Merchant>),
    /// `POST` to a server at this address and path.
    Http(SocketAddr, String),
}

/// What one lane holds open.
enum Lane {
    Reducer(House, Arc<Merchant>),
    Http(TcpStream, String),
}

impl Lane {
    async fn open(path: &Path) -> Lane {
        match path {
            Path::Reducer(house, merchant) => Lane::Reducer(house.clone(), Arc::clone(merchant)),
            Path::Http(address, target) => {
                let stream = TcpStream::connect(address).await.expect("a server that listens");
                stream.set_nodelay(true).unwrap();
                Lane::Http(stream, target.clone())
            }
        }
    }

    /// Delivers one callback; false when the product asks to be told again.
    async fn deliver(&mut self, letter: &Letter) -> bool {
        match self {
            Lane::Reducer(house, merchant) => reduce(house, merchant, letter).await,
            Lane::Http(stream, target) => post(stream, target, letter).await,
        }
    }
}

/// What the callback's HTTP handler does between the request and the answer.
async fn reduce(house: &House, merchant: &Merchant, letter: &Letter) -> bool {
    let Keys::WechatPay(keys) = &merchant.keys else { panic!("a WeChat Pay merchant") };
    let headers = Headers::new(letter.headers.clone());
    let read = wechat_pay::read_payment_callback(keys, &headers, &letter.body, house.now());
    let callback = read.expect("a callback as WeChat writes it");
    let Notified::Payment(fact) = &callback.fact else { panic!("a payment") };
    match house.reduce(merchant, fact, Source::Callback, &callback.plaintext).await {
        Ok(reduced) => {
            assert_eq!(reduced, Reduced::Credited);
            true
        }
        Err(error) => {
            assert!(error.to_string().contains("overload"), "{error}");
            false
        }
    }
}

async fn post(stream: &mut TcpStream, target: &str, letter: &Letter) -> bool {
    let mut request = format!("POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    for (name, value) in &letter.headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n", letter.body.len()));
    let mut bytes = request.into_bytes();
    bytes.extend_from_slice(&letter.body);
    stream.write_all(&bytes).await.expect("a server that reads");
    let mut answer = Vec::new();
    loop {
        if let Some(status) = complete(&answer) {
            let again = [429, 503].contains(&status);
            assert!(status / 100 == 2 || again, "{}", String::from_utf8_lossy(&answer));
            return !again;
        }
        assert!(answer.len() < ANSWER_MAX, "an answer without an end");
        let read = stream.read_buf(&mut answer).await.expect("a server that answers");
        assert!(read > 0, "the server closed the connection");
    }
}

/// The status of an answer that is there to its last byte.
pub fn complete(answer: &[u8]) -> Option<u16> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    (answer.len() >= end + length.unwrap_or(0)).then_some(status)
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// From the first callback to the last answer.
    pub took: Duration,
    /// Milliseconds from when each callback was due until it was answered; open loop only.
    pub latency_ms: Vec<f64>,
    /// Times the product asked to be told again.
    pub refused: usize,
}

/// Delivers all of them, each once, `AT_ONCE` at a time: what the product can take.
pub async fn flood(path: &Path, letters: Vec<Letter>) -> Run {
    deliver(path, letters, None).await
}

/// Delivers them at a fixed rate whatever the product does, and counts from when each was due.
pub async fn stream(path: &Path, letters: Vec<Letter>, per_second: f64) -> Run {
    deliver(path, letters, Some(per_second)).await
}

async fn deliver(path: &Path, letters: Vec<Letter>, per_second: Option<f64>) -> Run {
    let mut lanes = Vec::new();
    for lane in 0..AT_ONCE {
        let mine = letters.iter().skip(lane).step_by(AT_ONCE).cloned().collect::<Vec<_>>();
        lanes.push((Lane::open(path).await, mine));
    }
    let clock = Arc::new(SystemClock::new());
    let begun = clock.monotonic();
    let lanes = lanes.into_iter().enumerate().map(|(number, (mut lane, mine))| {
        let clock = Arc::clone(&clock);
        tokio::spawn(async move {
            let (mut latency_ms, mut refused) = (Vec::new(), 0);
            for (turn, letter) in mine.iter().enumerate() {
                let mut due = clock.monotonic();
                if let Some(rate) = per_second {
                    let place = (turn * AT_ONCE + number) as f64;
                    due = begun + Duration::from_secs_f64(place / rate);
                    tokio::time::sleep(due.saturating_sub(clock.monotonic())).await;
                }
                while !lane.deliver(letter).await {
                    refused += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                latency_ms.push(clock.monotonic().saturating_sub(due).as_secs_f64() * 1_000.0);
            }
            (latency_ms, refused)
        })
    });
    let mut run = Run::default();
    for lane in lanes.collect::<Vec<_>>() {
        let (latency_ms, refused) = lane.await.expect("a lane that ends well");
        run.latency_ms.extend(latency_ms);
        run.refused += refused;
    }
    run.took = clock.monotonic() - begun;
    run
}
