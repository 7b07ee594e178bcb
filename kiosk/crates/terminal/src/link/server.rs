//! The server as the kiosk meets it: greeted with both signatures checked, asked with a session
//! that is renewed before it ends.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};
use kiosk_wire::{
    channel::{Poll, Polled},
    content::{Holidays, HomeContent},
    device::{Challenge, ChallengeRequest, Identity, Settings, Welcome},
    text::Problem,
};
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::{Mutex, watch};
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    http::{Download, Http, Reply, Request},
    route::{answer, route},
    time::{ServerTime, Skew, WRITTEN_S},
    trust::{Trust, TrustError},
};
use crate::{
    ambient::Ambient,
    call::{Call, Failure, Outcome},
    device::{DeviceKey, Greeting, Papers},
};

/// A session is renewed this long before it ends, in milliseconds.
pub const RENEW_BEFORE_MS: u64 = 60_000;
/// How long each half of the greeting may take, in milliseconds.
const GREET_MS: u64 = 8_000;
/// How long a document or a poll may take, in milliseconds.
const FETCH_MS: u64 = 12_000;
/// How long sending a picture or a log may take, in milliseconds.
const UPLOAD_MS: u64 = 60_000;
/// How old what is kept of the server's clock may become, in seconds.
const HEARD_EVERY_S: i64 = 3_600;

/// Where the server is and whom to believe.
#[derive(Clone, Debug)]
pub struct LinkSettings {
    /// Its address: `https`, or `http` on this machine.
    pub server: Url,
    /// Whom to believe.
    pub trust: Trust,
    /// The server's clock shows at least this; see [`LinkSettings::not_before`].
    pub not_before: DateTime<Utc>,
}

impl LinkSettings {
    /// The earliest it can be: when this program was written, or when the server was last heard.
    pub fn not_before(papers: &Papers) -> DateTime<Utc> {
        let written = DateTime::from_timestamp(WRITTEN_S, 0).unwrap_or_default();
        papers.heard_at().map_or(written, |heard| heard.max(written))
    }
}

/// The link cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Not an address, or one where everybody could listen.
    #[error("the server's address has to be https")]
    Address,
    /// Whom to believe cannot be set up.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Http(#[from] reqwest::Error),
    /// The disk.
    #[error("the link's files cannot be read or written")]
    Disk(#[from] io::Error),
}

/// How this kiosk stands with its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not answered a greeting yet.
    Unheard,
    /// It lets the kiosk in.
    In,
    /// It does not: revoked, or two kiosks use one key.
    Revoked,
    /// Whoever answered has not proven to be it.
    Unproven,
}

struct Session {
    token: Zeroizing<String>,
    ends_ms: u64,
}

/// The line to the server.
pub struct Link {
    pub(super) http: Http,
    key: Arc<DeviceKey>,
    papers: Papers,
    identity: Identity,
    boot_id: Uuid,
    version: String,
    session: Mutex<Option<Session>>,
    standing: watch::Sender<Standing>,
    settings: watch::Sender<Option<Settings>>,
    heard_ms: AtomicU64,
}

impl Link {
    /// A line for a paired kiosk; nothing is sent yet.
    pub fn new(
        settings: &LinkSettings,
        key: Arc<DeviceKey>,
        papers: Papers,
        identity: Identity,
        boot_id: Uuid,
        version: &str,
        ambient: Arc<dyn Ambient>,
    ) -> Result<Link, LinkError> {
        Ok(Link {
            http: Http::new(settings, ambient)?,
            key,
            papers,
            identity,
            boot_id,
            version: version.to_owned(),
            session: Mutex::new(None),
            standing: watch::Sender::new(Standing::Unheard),
            settings: watch::Sender::new(None),
            heard_ms: AtomicU64::new(u64::MAX),
        })
    }

    /// How the kiosk stands with its server, and every change of it.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// What the operator has set, as the server said last, and every change of it.
    pub fn settings(&self) -> watch::Receiver<Option<Settings>> {
        self.settings.subscribe()
    }

    /// Looks at the server's clock.
    pub fn time<T>(&self, look: impl FnOnce(&mut ServerTime, DateTime<Utc>, u64) -> T) -> T {
        self.http.time.with(look)
    }

    /// What the server's clock shows; `None` while that is not known.
    pub fn server_now(&self) -> Option<DateTime<Utc>> {
        self.time(|time, _, now_ms| time.now(now_ms))
    }

    /// How far off the machine's clock is.
    pub fn skew(&self) -> Skew {
        self.time(|time, wall, now_ms| time.skew(wall, now_ms))
    }

    /// How long ago the server was heard last, in milliseconds; `None` = never.
    pub fn heard_age_ms(&self) -> Option<u64> {
        let heard = self.heard_ms.load(Ordering::Relaxed);
        (heard != u64::MAX).then(|| self.http.ambient.now_ms().saturating_sub(heard))
    }

    pub(super) fn heard(&self) {
        self.heard_ms.store(self.http.ambient.now_ms(), Ordering::Relaxed);
    }

    pub(super) fn stands(&self, standing: Standing) {
        self.standing.send_if_modified(|was| std::mem::replace(was, standing) != standing);
    }

    /// Asks the server one thing, once.
    ///
    /// Invariant: a request whose answer is lost is not sent again by the link
    /// (`a_lost_answer_is_lost_and_the_server_is_asked_once`).
    pub async fn call(&self, call: Call) -> Outcome {
        let route = route(&call);
        let path: Vec<&str> = route.path.iter().map(String::as_str).collect();
        let request = || Request {
            method: route.method.clone(),
            path: &path,
            query: route.query.as_ref().map(|(name, value)| (*name, value.as_str())),
            media_type: "application/json",
            body: route.body.clone(),
            deadline_ms: route.deadline_ms,
        };
        let reply = self.ask(request).await?;
        answer(&call, route.kind, &reply.body).ok_or(Failure::Lost)
    }

    /// `GET /content`.
    pub async fn content(&self) -> Result<HomeContent, Failure> {
        self.fetch(&["content"]).await
    }

    /// `GET /holidays`.
    pub async fn holidays(&self) -> Result<Holidays, Failure> {
        self.fetch(&["holidays"]).await
    }

    /// `GET /settings`; [`Link::settings`] changes with it.
    pub async fn fetch_settings(&self) -> Result<Settings, Failure> {
        let settings: Settings = self.fetch(&["settings"]).await?;
        self.settings.send_replace(Some(settings.clone()));
        Ok(settings)
    }

    async fn fetch<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Failure> {
        let reply = self.ask(|| Request::get(path, FETCH_MS)).await?;
        serde_json::from_slice(&reply.body).map_err(|_| Failure::Lost)
    }

    /// `POST /poll`.
    pub async fn poll(&self, poll: &Poll) -> Result<Polled, Failure> {
        let body = json(poll);
        let reply = self.ask(|| Request::post(&["poll"], body.clone(), FETCH_MS)).await?;
        serde_json::from_slice(&reply.body).map_err(|_| Failure::Lost)
    }

    /// `PUT /uploads/{token}`: a picture or a log that was asked for.
    pub async fn upload(
        &self,
        upload: &str,
        media_type: &str,
        bytes: Vec<u8>,
    ) -> Result<(), Failure> {
        let path = ["uploads", upload];
        let request = || Request {
            method: Method::PUT,
            media_type,
            ..Request::post(&path, bytes.clone(), UPLOAD_MS)
        };
        self.ask(request).await.map(drop)
    }

    /// `GET /files/{sha256}` from a byte on.
    pub async fn file(&self, sha256: &str, from: u64) -> Result<Download, Failure> {
        let token = self.token().await?;
        let download = self.http.download(sha256, from, &token).await.ok_or(Failure::Lost)?;
        if download.status == 401 {
            self.forget(&token).await;
            return Err(Failure::Lost);
        }
        self.heard();
        Ok(download)
    }

    /// Asks with a session. Where the server does not know it any more nothing was done: the kiosk
    /// greets again and asks again, once.
    async fn ask<'a>(&self, request: impl Fn() -> Request<'a>) -> Result<Reply, Failure> {
        let token = self.token().await?;
        let reply = self.http.send(request(), Some(token.as_str())).await;
        match self.judge(reply) {
            Err(Failure::Refused(problem)) if problem.code == "kiosk.session" => {
                self.forget(&token).await;
                let token = self.token().await?;
                let reply = self.http.send(request(), Some(token.as_str())).await;
                self.judge(reply)
            }
            judged => judged,
        }
    }

    /// What an answer means. Only the server's own word that it refuses is a refusal: what a
    /// proxy, a portal or a broken server says leaves open what was done.
    fn judge(&self, reply: Option<Reply>) -> Result<Reply, Failure> {
        let reply = reply.ok_or(Failure::Lost)?;
        if (200..300).contains(&reply.status) {
            self.heard();
            return Ok(reply);
        }
        let problem = serde_json::from_slice::<Problem>(&reply.body).ok();
        match problem {
            Some(problem) if reply.status == 403 && problem.code == "kiosk.revoked" => {
                self.heard();
                self.stands(Standing::Revoked);
                Err(Failure::Revoked)
            }
            Some(problem) if (400..500).contains(&reply.status) && reply.status != 408 => {
                self.heard();
                Err(Failure::Refused(problem))
            }
            _ => Err(Failure::Lost),
        }
    }

    /// A session that is good now. One greeting serves everybody who waits for it.
    pub(super) async fn token(&self) -> Result<Zeroizing<String>, Failure> {
        let mut session = self.session.lock().await;
        let now_ms = self.http.ambient.now_ms();
        if let Some(session) = &*session
            && now_ms + RENEW_BEFORE_MS < session.ends_ms
        {
            return Ok(session.token.clone());
        }
        match self.greet().await {
            Ok(new) => Ok(session.insert(new).token.clone()),
            // The old one still works for a moment: better than nothing in the middle of a sale.
            Err(Failure::Lost) if session.as_ref().is_some_and(|s| now_ms < s.ends_ms) => {
                session.as_ref().map(|s| s.token.clone()).ok_or(Failure::Lost)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Forgets a session the server does not know, unless somebody has made a new one since.
    pub(super) async fn forget(&self, token: &str) {
        let mut session = self.session.lock().await;
        if session.as_ref().is_some_and(|session| session.token.as_str() == token) {
            *session = None;
        }
    }

    /// Greets anew, and so asks for the time.
    pub async fn renew(&self) -> Result<(), Failure> {
        let mut session = self.session.lock().await;
        *session = Some(self.greet().await?);
        Ok(())
    }

    async fn greet(&self) -> Result<Session, Failure> {
        let ask = ChallengeRequest { kiosk_id: self.identity.kiosk_id };
        let request = Request::post(&["challenges"], json(&ask), GREET_MS);
        let challenge: Challenge = read(self.judge(self.http.send(request, None).await)?)?;
        let greeting = Greeting::answer(
            &challenge,
            &self.identity,
            self.boot_id,
            &self.version,
            &self.key,
            &*self.http.ambient,
        )
        .map_err(|_| self.unproven())?;
        let asked_ms = self.http.ambient.now_ms();
        let request = Request::post(&["hello"], json(&greeting.hello), GREET_MS);
        let welcome: Welcome = read(self.judge(self.http.send(request, None).await)?)?;
        let welcome = greeting.accept(welcome).map_err(|_| self.unproven())?;
        let heard_ms = self.http.ambient.now_ms();
        self.time(|time, _, _| time.observe(welcome.server_time, asked_ms, heard_ms));
        self.keep_heard_at(welcome.server_time);
        self.stands(Standing::In);
        self.settings.send_replace(Some(welcome.settings));
        let ends_ms = heard_ms.saturating_add(welcome.expires_in_ms);
        Ok(Session { token: Zeroizing::new(welcome.token), ends_ms })
    }

    fn unproven(&self) -> Failure {
        tracing::warn!("whoever answered the greeting is not the server this kiosk belongs to");
        self.stands(Standing::Unproven);
        Failure::Lost
    }

    fn keep_heard_at(&self, at: DateTime<Utc>) {
        let old = self.papers.heard_at();
        let apart = TimeDelta::seconds(HEARD_EVERY_S);
        if old.is_none_or(|old| (at - old).abs() > apart)
            && let Err(error) = self.papers.keep_heard_at(at)
        {
            tracing::warn!(%error, "the server's time cannot be kept");
        }
    }
}

fn read<T: DeserializeOwned>(reply: Reply) -> Result<T, Failure> {
    serde_json::from_slice(&reply.body).map_err(|_| Failure::Lost)
}

pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    // The types of the wire are plain: what cannot be written cannot be built either.
    serde_json::to_vec(value).unwrap_or_default()
}
