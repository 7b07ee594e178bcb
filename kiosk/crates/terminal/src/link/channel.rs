//! The channel as a pure step function: when to open it, when it is dead, when it is deaf, and when
//! to poll in its place. Whoever calls it owns the sockets.

use kiosk_wire::heartbeat::{BEAT_MS, POLL_MS};

use super::backoff::Backoff;
use crate::ambient::Ambient;

/// After this long without a word from the server it is asked for a pong, in milliseconds.
pub const PING_EVERY_MS: u64 = 20_000;
/// After this long without a word the line is dead, in milliseconds.
pub const SILENCE_MAX_MS: u64 = 45_000;
/// How often the whole way is tried, in milliseconds: a message that the server has to keep and
/// answer, because a proxy can answer pings for a server that is gone.
pub const ASK_EVERY_MS: u64 = 300_000;
/// A message that was not heard after this long was said to somebody deaf, in milliseconds.
pub const DEAF_MS: u64 = 30_000;
/// How long opening may take, in milliseconds.
const OPEN_MAX_MS: u64 = 15_000;
/// The shortest wait between two attempts, in milliseconds.
const RECONNECT_FIRST_MS: u64 = 1_000;
/// The longest wait between two attempts, in milliseconds.
pub const RECONNECT_MAX_MS: u64 = 60_000;
/// How long a connection has to last before its failures are forgotten, in milliseconds.
const GOOD_AFTER_MS: u64 = 10_000;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Time passed.
    Tick,
    /// The socket is open.
    Opened,
    /// It could not be opened, or was closed.
    Closed,
    /// Anything came over the socket.
    Came,
    /// A message that has to be heard was sent over the socket.
    Asked,
    /// Everything that was sent over the socket was heard.
    Answered,
    /// A poll has ended, one way or the other.
    Polled,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Open the socket.
    Open,
    /// Drop the socket.
    Close,
    /// Send a ping.
    Ping,
    /// Send a heartbeat.
    Beat,
    /// Say something empty that has to be heard.
    Ask,
    /// Tell that the line was deaf.
    Deaf,
    /// `POST /poll`.
    Poll,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Socket {
    None { open_at_ms: u64 },
    Opening { since_ms: u64 },
    Open { since_ms: u64, came_ms: u64, pinged: bool, beat_ms: u64, ask_ms: u64 },
}

/// The channel.
#[derive(Clone, Debug)]
pub struct Channel {
    socket: Socket,
    backoff: Backoff,
    unanswered_since_ms: Option<u64>,
    poll_at_ms: u64,
    polling: bool,
}

impl Channel {
    /// Opens at once and polls at once: which of them works is not known.
    pub fn begin(now_ms: u64) -> Channel {
        Channel {
            socket: Socket::None { open_at_ms: now_ms },
            backoff: Backoff::new(RECONNECT_FIRST_MS, RECONNECT_MAX_MS),
            unanswered_since_ms: None,
            poll_at_ms: now_ms,
            polling: false,
        }
    }

    /// Whether the socket is open.
    pub fn is_open(&self) -> bool {
        matches!(self.socket, Socket::Open { .. })
    }

    /// When [`Input::Tick`] is due.
    pub fn wake_ms(&self) -> u64 {
        let socket = match self.socket {
            Socket::None { open_at_ms } => open_at_ms,
            Socket::Opening { since_ms } => since_ms + OPEN_MAX_MS,
            Socket::Open { came_ms, pinged, beat_ms, ask_ms, .. } => {
                let heard = came_ms + if pinged { SILENCE_MAX_MS } else { PING_EVERY_MS };
                let deaf = self.unanswered_since_ms.map_or(u64::MAX, |since| since + DEAF_MS);
                heard.min(beat_ms).min(ask_ms).min(deaf)
            }
        };
        let polls = !self.is_open() && !self.polling;
        socket.min(if polls { self.poll_at_ms } else { u64::MAX })
    }

    /// Takes what happened and says what is to be done, in this order.
    pub fn step(&mut self, input: Input, now_ms: u64, ambient: &dyn Ambient) -> Vec<Act> {
        let mut acts = Vec::new();
        match input {
            Input::Tick => {}
            Input::Opened => {
                self.unanswered_since_ms = None;
                self.socket = Socket::Open {
                    since_ms: now_ms,
                    came_ms: now_ms,
                    pinged: false,
                    beat_ms: now_ms,
                    ask_ms: now_ms + ASK_EVERY_MS,
                };
            }
            Input::Closed => self.closed(now_ms, ambient),
            Input::Came => {
                if let Socket::Open { came_ms, pinged, .. } = &mut self.socket {
                    (*came_ms, *pinged) = (now_ms, false);
                }
            }
            Input::Asked => {
                self.unanswered_since_ms.get_or_insert(now_ms);
            }
            Input::Answered => {
                self.unanswered_since_ms = None;
                if let Socket::Open { ask_ms, .. } = &mut self.socket {
                    *ask_ms = now_ms + ASK_EVERY_MS;
                }
            }
            Input::Polled => {
                self.polling = false;
                self.poll_at_ms = now_ms + POLL_MS;
            }
        }
        self.due(now_ms, ambient, &mut acts);
        acts
    }

    fn due(&mut self, now_ms: u64, ambient: &dyn Ambient, acts: &mut Vec<Act>) {
        let deaf = self.unanswered_since_ms.is_some_and(|since| now_ms >= since + DEAF_MS);
        match &mut self.socket {
            Socket::None { open_at_ms } if now_ms >= *open_at_ms => {
                self.socket = Socket::Opening { since_ms: now_ms };
                acts.push(Act::Open);
            }
            Socket::None { .. } => {}
            Socket::Opening { since_ms } => {
                if now_ms >= *since_ms + OPEN_MAX_MS {
                    acts.push(Act::Close);
                    self.closed(now_ms, ambient);
                }
            }
            Socket::Open { came_ms, .. } if deaf || now_ms >= *came_ms + SILENCE_MAX_MS => {
                if deaf {
                    acts.push(Act::Deaf);
                }
                acts.push(Act::Close);
                self.closed(now_ms, ambient);
            }
            Socket::Open { came_ms, pinged, beat_ms, ask_ms, .. } => {
                if now_ms >= *came_ms + PING_EVERY_MS && !*pinged {
                    *pinged = true;
                    acts.push(Act::Ping);
                }
                if now_ms >= *beat_ms {
                    *beat_ms = now_ms + BEAT_MS;
                    acts.push(Act::Beat);
                }
                if now_ms >= *ask_ms {
                    *ask_ms = now_ms + ASK_EVERY_MS;
                    if self.unanswered_since_ms.is_none() {
                        acts.push(Act::Ask);
                    }
                }
            }
        }
        if !self.is_open() && !self.polling && now_ms >= self.poll_at_ms {
            self.polling = true;
            acts.push(Act::Poll);
        }
    }

    fn closed(&mut self, now_ms: u64, ambient: &dyn Ambient) {
        if let Socket::Open { since_ms, .. } = self.socket
            && now_ms >= since_ms + GOOD_AFTER_MS
        {
            self.backoff.worked();
        }
        self.unanswered_since_ms = None;
        self.socket = Socket::None { open_at_ms: now_ms + self.backoff.failed(ambient) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::Manual;

    fn ambient() -> Manual {
        Manual::at("2026-11-21T06:00:00Z".parse().unwrap(), 5)
    }

    fn open(at_ms: u64) -> Channel {
        let mut channel = Channel::begin(at_ms);
        assert_eq!(channel.step(Input::Tick, at_ms, &ambient()), [Act::Open, Act::Poll]);
        assert_eq!(channel.step(Input::Polled, at_ms, &ambient()), []);
        assert_eq!(channel.step(Input::Opened, at_ms, &ambient()), [Act::Beat]);
        channel
    }

    #[test]
    fn an_open_channel_beats_every_ten_seconds_and_does_not_poll() {
        let mut channel = open(0);
        for turn in 1..5 {
            let now = turn * BEAT_MS;
            assert_eq!(channel.wake_ms(), now);
            let _ = channel.step(Input::Came, now - 1, &ambient());
            assert_eq!(channel.step(Input::Tick, now, &ambient()), [Act::Beat]);
        }
    }

    #[test]
    fn a_silent_line_is_pinged_then_dropped_and_polled_in_its_place() {
        let mut channel = open(0);
        let mut acts = Vec::new();
        for now in (1_000..=SILENCE_MAX_MS).step_by(1_000) {
            acts.extend(channel.step(Input::Tick, now, &ambient()));
        }
        let but_beats: Vec<Act> = acts.into_iter().filter(|act| *act != Act::Beat).collect();
        assert_eq!(but_beats, [Act::Ping, Act::Close, Act::Poll]);
        assert!(!channel.is_open());
        // A pong keeps it alive.
        let mut channel = open(0);
        for now in (1_000..=300_000).step_by(1_000) {
            for act in channel.step(Input::Tick, now, &ambient()) {
                assert!(matches!(act, Act::Ping | Act::Beat | Act::Ask), "{act:?} at {now}");
                let _ = match act {
                    Act::Ping => channel.step(Input::Came, now, &ambient()),
                    _ => channel.step(Input::Answered, now, &ambient()),
                };
            }
        }
    }

    #[test]
    fn a_line_that_answers_pings_and_hears_nothing_is_told_and_opened_anew() {
        let mut channel = open(0);
        let mut acts = Vec::new();
        for now in (1_000..=ASK_EVERY_MS + DEAF_MS).step_by(1_000) {
            for act in channel.step(Input::Came, now, &ambient()) {
                acts.push((act, now));
                if act == Act::Ask {
                    let _ = channel.step(Input::Asked, now, &ambient());
                }
            }
        }
        acts.retain(|(act, _)| *act != Act::Beat);
        let end = ASK_EVERY_MS + DEAF_MS;
        assert_eq!(acts[..3], [(Act::Ask, ASK_EVERY_MS), (Act::Deaf, end), (Act::Close, end)]);
        // A message of the kiosk's own that is not heard shows the same.
        let mut channel = open(0);
        let _ = channel.step(Input::Asked, 5_000, &ambient());
        let _ = channel.step(Input::Came, 34_000, &ambient());
        let acts = channel.step(Input::Tick, 35_000, &ambient());
        assert!(acts.starts_with(&[Act::Deaf, Act::Close]), "{acts:?}");
    }

    #[test]
    fn a_server_that_is_gone_is_tried_ever_more_rarely_and_polled_every_quarter_minute() {
        let ambient = ambient();
        let mut channel = Channel::begin(0);
        let (mut opens, mut polls) = (Vec::new(), Vec::new());
        for now in (0..1_200_000).step_by(100) {
            for act in channel.step(Input::Tick, now, &ambient) {
                match act {
                    Act::Open => {
                        opens.push(now);
                        let _ = channel.step(Input::Closed, now, &ambient);
                    }
                    Act::Poll => {
                        polls.push(now);
                        let _ = channel.step(Input::Polled, now, &ambient);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!((25..90).contains(&opens.len()), "{} attempts in twenty minutes", opens.len());
        assert!(opens.windows(2).all(|w| w[1] - w[0] <= RECONNECT_MAX_MS + 100));
        assert_eq!(polls.len(), 80);
        assert!(polls.windows(2).all(|w| w[1] - w[0] == POLL_MS));
    }

    #[test]
    fn a_line_that_opens_and_falls_at_once_is_not_hammered() {
        let ambient = ambient();
        let mut channel = Channel::begin(0);
        let mut opens = 0;
        for now in (0..600_000).step_by(100) {
            for act in channel.step(Input::Tick, now, &ambient) {
                if act == Act::Open {
                    opens += 1;
                    let _ = channel.step(Input::Opened, now, &ambient);
                    let _ = channel.step(Input::Closed, now, &ambient);
                }
            }
        }
        assert!(opens < 60, "{opens} in ten minutes");
        // One that hangs while opening is given up.
        let mut channel = Channel::begin(0);
        assert!(channel.step(Input::Tick, 0, &ambient).contains(&Act::Open));
        assert!(channel.step(Input::Tick, OPEN_MAX_MS, &ambient).contains(&Act::Close));
    }
}
