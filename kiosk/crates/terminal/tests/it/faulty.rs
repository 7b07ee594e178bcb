//! A server on the far side of a real wire that does as it is told: loses answers, cuts them,
//! hangs, lies, and drops its channel. It signs with its own key and reads HTTP by itself.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use chrono::{DateTime, Utc};
use futures::{SinkExt, StreamExt};
use kiosk_wire::{
    channel::{Down, Up},
    device::{Challenge, Hello, Settings, Welcome},
};
use serde::Serialize;
use serde_json::json;
use terminal::hex;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, handshake::derive_accept_key, protocol::Role},
};

/// How long a test waits for what has to come; far beyond what it takes.
const GUARD_S: u64 = 30;

/// Waits for what has to come.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    let guard = std::time::Duration::from_secs(GUARD_S);
    tokio::time::timeout(guard, what).await.expect("it never came")
}

/// What the server was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub token: Option<String>,
    pub range: Option<String>,
    pub media_type: Option<String>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Does {
    /// Answers.
    Answer(u16, Vec<u8>),
    /// Answers with more headers.
    With(u16, Vec<(String, String)>, Vec<u8>),
    /// Does it and says nothing.
    LoseReply,
    /// Says how much will come and cuts it after so many bytes.
    Cut(u16, Vec<(String, String)>, Vec<u8>, usize),
    /// Never answers.
    Hang,
    /// Says how much will come and stands still after so many bytes.
    Stall(u16, Vec<u8>, usize),
    /// Says something that is no HTTP.
    Babble,
}

impl Does {
    pub fn json(value: &impl Serialize) -> Does {
        Does::Answer(200, serde_json::to_vec(value).unwrap())
    }

    pub fn problem(status: u16, code: &str) -> Does {
        let body = json!({ "code": code, "title": "不行", "title_en": "no", "trace_id": "t-1" });
        let kind = ("content-type".to_owned(), "application/problem+json".to_owned());
        Does::With(status, vec![kind], serde_json::to_vec(&body).unwrap())
    }
}

/// One end of a channel.
pub struct Channel {
    pub ups: mpsc::UnboundedReceiver<Up>,
    pub pings: mpsc::UnboundedReceiver<()>,
    downs: mpsc::UnboundedSender<String>,
}

impl Channel {
    pub fn say(&self, down: &Down) {
        self.say_text(&serde_json::to_string(down).unwrap());
    }

    pub fn say_text(&self, text: &str) {
        self.downs.send(text.to_owned()).unwrap();
    }

    /// The next message that is no heartbeat.
    pub async fn next(&mut self) -> Up {
        loop {
            let up = soon(self.ups.recv()).await.expect("the channel has ended");
            if !matches!(up, Up::Heartbeat(_)) {
                return up;
            }
        }
    }
}

#[derive(Default)]
struct Script {
    once: BTreeMap<String, VecDeque<Does>>,
    always: BTreeMap<String, Does>,
    no_channel: bool,
    hello: u32,
    forge: bool,
}

/// The server.
pub struct Faulty {
    pub address: String,
    pub asked: mpsc::UnboundedReceiver<Asked>,
    pub channels: mpsc::UnboundedReceiver<Channel>,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<Script>,
    key: Ed25519KeyPair,
    now: DateTime<Utc>,
    asked: mpsc::UnboundedSender<Asked>,
    channels: mpsc::UnboundedSender<Channel>,
}

pub fn settings() -> Settings {
    Settings {
        version: 4,
        site: "和园".to_owned(),
        number: "K-03".to_owned(),
        printer_required: false,
        paper_mm: 80,
        wallets: vec!["wechat".to_owned(), "alipay".to_owned()],
        cards: true,
        dark_from: String::new(),
        dark_until: String::new(),
    }
}

impl Faulty {
    /// Listens; its clock stands at `now`.
    pub async fn start(now: DateTime<Utc>) -> Faulty {
        Faulty::with_tls(now, None).await
    }

    pub async fn with_tls(now: DateTime<Utc>, tls: Option<tokio_rustls::TlsAcceptor>) -> Faulty {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked_in, asked) = mpsc::unbounded_channel();
        let (channels_in, channels) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            script: Mutex::default(),
            key: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap(),
            now,
            asked: asked_in,
            channels: channels_in,
        });
        let serving = Arc::clone(&shared);
        let scheme = if tls.is_some() { "https" } else { "http" };
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (shared, tls) = (Arc::clone(&serving), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(shared, stream).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(shared, stream).await;
                            }
                        }
                    }
                });
            }
        });
        let host = if scheme == "https" { "localhost" } else { "127.0.0.1" };
        Faulty { address: format!("{scheme}://{host}:{port}"), asked, channels, shared }
    }

    pub fn command_key(&self) -> String {
        hex::encode(self.shared.key.public_key().as_ref())
    }

    fn script<T>(&self, write: impl FnOnce(&mut Script) -> T) -> T {
        write(&mut self.shared.script.lock().unwrap())
    }

    /// What it does with the next request to a path.
    pub fn once(&self, path: &str, does: Does) {
        self.script(|s| s.once.entry(path.to_owned()).or_default().push_back(does));
    }

    /// What it does with every other request to a path.
    pub fn always(&self, path: &str, does: Does) {
        self.script(|s| s.always.insert(path.to_owned(), does));
    }

    /// Whether there is a channel.
    pub fn channel(&self, is: bool) {
        self.script(|s| s.no_channel = !is);
    }

    /// Whether its welcomes are signed by somebody else.
    pub fn forge(&self, forge: bool) {
        self.script(|s| s.forge = forge);
    }

    /// Every request so far but greetings.
    pub fn asked_so_far(&mut self) -> Vec<Asked> {
        let mut all = Vec::new();
        while let Ok(asked) = self.asked.try_recv() {
            if asked.path != "/challenges" && asked.path != "/hello" {
                all.push(asked);
            }
        }
        all
    }

    /// The next request to this path.
    pub async fn next(&mut self, path: &str) -> Asked {
        loop {
            let asked = soon(self.asked.recv()).await.unwrap();
            if asked.path == path {
                return asked;
            }
        }
    }

    pub async fn next_channel(&mut self) -> Channel {
        soon(self.channels.recv()).await.unwrap()
    }

    pub fn hellos(&self) -> u32 {
        self.script(|s| s.hello)
    }
}

impl Shared {
    fn does(&self, asked: &Asked) -> Does {
        let path = asked.path.split('?').next().unwrap().to_owned();
        let mut script = self.script.lock().unwrap();
        if let Some(does) = script.once.get_mut(&path).and_then(VecDeque::pop_front) {
            return does;
        }
        if let Some(does) = script.always.get(&path) {
            return does.clone();
        }
        match path.as_str() {
            "/challenges" => Does::json(&Challenge { server_nonce: "5a".repeat(32) }),
            "/hello" => {
                script.hello += 1;
                let hello: Hello = asked.json();
                let mut welcome = Welcome {
                    token: format!("token-{}", script.hello),
                    expires_in_ms: 900_000,
                    server_time: self.now,
                    settings: settings(),
                    signature: String::new(),
                };
                let other = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
                let key = if script.forge { &other } else { &self.key };
                welcome.signature = hex::encode(key.sign(&welcome.to_sign(&hello)).as_ref());
                Does::json(&welcome)
            }
            _ => Does::problem(404, "not_found"),
        }
    }
}

async fn serve(shared: Arc<Shared>, mut stream: impl AsyncRead + AsyncWrite + Unpin + Send) {
    while let Some((asked, key)) = request(&mut stream).await {
        let no_channel = shared.script.lock().unwrap().no_channel;
        if let Some(key) = key.filter(|_| !no_channel) {
            let _ = shared.asked.send(asked);
            return channel(&shared, stream, &key).await;
        }
        let does = shared.does(&asked);
        let _ = shared.asked.send(asked);
        if !does_it(does, &mut stream).await {
            return;
        }
    }
}

/// Does it; `false` where the connection ends with it.
async fn does_it(does: Does, stream: &mut (impl AsyncWrite + Unpin)) -> bool {
    match does {
        Does::Answer(status, body) => write(stream, status, &[], &body, body.len()).await,
        Does::With(status, headers, body) => {
            write(stream, status, &headers, &body, body.len()).await
        }
        Does::Cut(status, headers, body, after) => {
            write(stream, status, &headers, &body, after).await;
            return false;
        }
        Does::Stall(status, body, after) => {
            write(stream, status, &[], &body, after).await;
            std::future::pending().await
        }
        Does::LoseReply => return false,
        Does::Hang => std::future::pending().await,
        Does::Babble => {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n").await;
            return false;
        }
    }
    true
}

async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
    after: usize,
) {
    let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&body[..after]).await;
    let _ = stream.flush().await;
}

/// Reads one request: its head, its body, and its key where it asks for a channel.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<(Asked, Option<String>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(n) if n > 0 => bytes.extend_from_slice(&part[..n]),
            _ => return None,
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let header = |name: &str| {
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(n, value)| n.eq_ignore_ascii_case(name).then(|| value.trim().to_owned()))
    };
    let length: usize = header("content-length").map_or(0, |text| text.parse().unwrap());
    while bytes.len() < end + length {
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(n) if n > 0 => bytes.extend_from_slice(&part[..n]),
            _ => return None,
        }
    }
    let mut first = head.split(' ');
    let (method, path) = (first.next().unwrap().to_owned(), first.next().unwrap());
    let asked = Asked {
        method,
        path: path.strip_prefix("/api/kiosk/v1").expect("another path").to_owned(),
        token: header("authorization").and_then(|t| t.strip_prefix("Bearer ").map(str::to_owned)),
        range: header("range"),
        media_type: header("content-type"),
        body: bytes[end..].to_vec(),
    };
    Some((asked, header("sec-websocket-key")))
}

async fn channel(
    shared: &Shared,
    mut stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    key: &str,
) {
    let accept = derive_accept_key(key.as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    let (ups_in, ups) = mpsc::unbounded_channel();
    let (pings_in, pings) = mpsc::unbounded_channel();
    let (downs, mut downs_out) = mpsc::unbounded_channel();
    let _ = shared.channels.send(Channel { ups, pings, downs });
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let _ = ups_in.send(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(Message::Ping(_))) => {
                    let _ = pings_in.send(());
                    let _ = socket.flush().await;
                }
                Some(Ok(_)) => {}
                _ => return,
            },
            // A test that drops its end cuts the line without a word.
            text = downs_out.recv() => match text {
                Some(text) => {
                    let _ = socket.send(Message::text::<String>(text)).await;
                }
                None => return,
            },
        }
    }
}
