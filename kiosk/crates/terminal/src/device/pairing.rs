//! Being taken up by an operator, as a pure step function: a code is asked for, shown until it
//! ends, and asked about; whoever calls it does the asking.

use kiosk_wire::device::{Identity, PairingCode, PairingOutcome, PairingProof, PairingRequest};
use uuid::Uuid;

use super::identity::Pending;

/// Between two questions whether an operator has typed the code.
pub const ASK_EVERY_MS: u64 = 3_000;
/// The longest wait after failures in a row.
pub const RETRY_MAX_MS: u64 = 60_000;
/// A code with less than this left is replaced: nobody types it in time.
pub const CODE_LEFT_MIN_MS: u64 = 10_000;

/// What is to be asked of the server now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Nothing before this moment of the monotonic clock.
    Wait {
        /// The moment.
        until_ms: u64,
    },
    /// `POST /pairings`.
    Code(PairingRequest),
    /// `POST /pairings/{id}/outcome`.
    Outcome {
        /// The request.
        pairing_id: Uuid,
        /// Its proof.
        proof: PairingProof,
    },
    /// Keep this on the disk; the pairing is over.
    Keep(Identity),
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A code.
    Code(PairingCode),
    /// How far it is.
    Outcome(PairingOutcome),
    /// Nothing, or nothing that can be read.
    Nothing,
    /// The server does not know this request any more.
    Unknown,
}

/// What stands on the unpaired screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Eight characters; `None` while there is none that still works.
    pub code: Option<String>,
    /// Six digits.
    pub fingerprint: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// No code is known; one is asked for at this moment.
    Coded {
        at_ms: u64,
    },
    /// A code is shown, or was before the power went away (`code` is `None` then).
    Open {
        pending: Pending,
        code: Option<String>,
        until_ms: u64,
        ask_ms: u64,
    },
    Over(Identity),
}

/// A pairing under way.
#[derive(Clone, Debug)]
pub struct Pairing {
    request: PairingRequest,
    fingerprint: String,
    failures: u32,
    state: State,
}

impl Pairing {
    /// Begins, with the question that was open before a restart if there was one.
    pub fn begin(
        request: PairingRequest,
        fingerprint: String,
        pending: Option<Pending>,
        now_ms: u64,
    ) -> Pairing {
        let state = match pending {
            // Whether that code is still good only the server knows.
            Some(pending) => {
                State::Open { pending, code: None, until_ms: u64::MAX, ask_ms: now_ms }
            }
            None => State::Coded { at_ms: now_ms },
        };
        Pairing { request, fingerprint, failures: 0, state }
    }

    /// What is to be asked now.
    pub fn ask(&mut self, now_ms: u64) -> Ask {
        if let State::Open { until_ms, .. } = &self.state
            && now_ms >= until_ms.saturating_sub(CODE_LEFT_MIN_MS)
        {
            self.state = State::Coded { at_ms: now_ms };
        }
        match &self.state {
            State::Over(identity) => Ask::Keep(identity.clone()),
            State::Coded { at_ms } if now_ms >= *at_ms => Ask::Code(self.request.clone()),
            State::Coded { at_ms } => Ask::Wait { until_ms: *at_ms },
            State::Open { pending, ask_ms, .. } if now_ms >= *ask_ms => Ask::Outcome {
                pairing_id: pending.pairing_id,
                proof: PairingProof { secret: pending.secret.clone() },
            },
            State::Open { until_ms, ask_ms, .. } => {
                Ask::Wait { until_ms: (*ask_ms).min(until_ms.saturating_sub(CODE_LEFT_MIN_MS)) }
            }
        }
    }

    /// Takes an answer. `jitter` is a draw from `0..=1000`, the part in a thousand of the whole
    /// wait that is waited after a failure.
    pub fn hear(&mut self, heard: Heard, now_ms: u64, jitter: u64) {
        match heard {
            Heard::Code(code) => {
                self.failures = 0;
                self.state = State::Open {
                    pending: Pending::of(&code),
                    until_ms: now_ms.saturating_add(code.expires_in_ms),
                    code: Some(code.code),
                    ask_ms: now_ms + ASK_EVERY_MS,
                };
            }
            Heard::Outcome(PairingOutcome::Paired(identity)) => {
                self.state = State::Over(identity);
            }
            Heard::Outcome(PairingOutcome::Expired) | Heard::Unknown => {
                self.failures = 0;
                self.state = State::Coded { at_ms: now_ms };
            }
            Heard::Outcome(PairingOutcome::Waiting) => self.again(now_ms + ASK_EVERY_MS),
            Heard::Nothing => {
                self.failures = self.failures.saturating_add(1);
                let whole = ASK_EVERY_MS.saturating_mul(1 << self.failures.min(5));
                let wait = whole.min(RETRY_MAX_MS) * jitter.min(1_000) / 1_000;
                self.again(now_ms + wait.max(ASK_EVERY_MS));
                return;
            }
        }
        if matches!(self.state, State::Open { code: None, .. }) {
            // A code from before the restart cannot be shown again, only asked about once.
            self.state = State::Coded { at_ms: now_ms };
        }
    }

    fn again(&mut self, when_ms: u64) {
        match &mut self.state {
            State::Coded { at_ms } => *at_ms = when_ms,
            State::Open { ask_ms, .. } => *ask_ms = when_ms,
            State::Over(_) => {}
        }
    }

    /// What stands on the screen.
    pub fn shown(&self) -> Shown {
        let code = match &self.state {
            State::Open { code, .. } => code.clone(),
            _ => None,
        };
        Shown { code, fingerprint: self.fingerprint.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(pending: Option<Pending>) -> Pairing {
        let request = PairingRequest {
            public_key: "ab".repeat(32),
            hardware: "board".to_owned(),
            version: "0.1.0".to_owned(),
        };
        Pairing::begin(request, "123456".to_owned(), pending, 0)
    }

    fn code(text: &str, id: u128) -> Heard {
        Heard::Code(PairingCode {
            pairing_id: Uuid::from_u128(id),
            code: text.to_owned(),
            secret: format!("secret {id}"),
            expires_in_ms: 600_000,
        })
    }

    fn identity() -> Identity {
        Identity {
            kiosk_id: Uuid::from_u128(9),
            number: "K-03".to_owned(),
            command_key: "cd".repeat(32),
        }
    }

    fn asks_outcome(ask: &Ask, id: u128) -> bool {
        matches!(ask, Ask::Outcome { pairing_id, .. } if *pairing_id == Uuid::from_u128(id))
    }

    #[test]
    fn a_code_is_shown_asked_about_every_three_seconds_and_ends_in_an_identity() {
        let mut pairing = begin(None);
        assert!(matches!(pairing.ask(0), Ask::Code(_)));
        assert_eq!(pairing.shown().code, None);
        pairing.hear(code("ABCD2345", 1), 100, 0);
        assert_eq!(pairing.shown().code.as_deref(), Some("ABCD2345"));
        assert_eq!(pairing.ask(100), Ask::Wait { until_ms: 3_100 });
        assert!(asks_outcome(&pairing.ask(3_100), 1));
        pairing.hear(Heard::Outcome(PairingOutcome::Waiting), 3_200, 0);
        assert_eq!(pairing.ask(3_200), Ask::Wait { until_ms: 6_200 });
        pairing.hear(Heard::Outcome(PairingOutcome::Paired(identity())), 6_300, 0);
        assert_eq!(pairing.ask(6_300), Ask::Keep(identity()));
        assert_eq!(pairing.shown().code, None);
    }

    #[test]
    fn a_code_that_ends_or_is_burnt_is_replaced_and_not_shown_any_longer() {
        for heard in [Heard::Outcome(PairingOutcome::Expired), Heard::Unknown] {
            let mut pairing = begin(None);
            pairing.hear(code("ABCD2345", 1), 0, 0);
            pairing.hear(heard, 4_000, 0);
            assert_eq!(pairing.shown().code, None);
            assert!(matches!(pairing.ask(4_000), Ask::Code(_)));
        }
        let mut pairing = begin(None);
        pairing.hear(code("ABCD2345", 1), 0, 0);
        assert!(asks_outcome(&pairing.ask(589_999), 1));
        assert!(matches!(pairing.ask(590_000), Ask::Code(_)), "ten seconds are too few to type it");
        pairing.hear(code("WXYZ6789", 2), 590_100, 0);
        assert_eq!(pairing.shown().code.as_deref(), Some("WXYZ6789"));
    }

    #[test]
    fn without_a_server_it_asks_ever_more_rarely_and_never_gives_up() {
        let mut pairing = begin(None);
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..40 {
            assert!(matches!(pairing.ask(now), Ask::Code(_)));
            pairing.hear(Heard::Nothing, now, 1_000);
            let Ask::Wait { until_ms } = pairing.ask(now) else { panic!("no wait") };
            waits.push(until_ms - now);
            now = until_ms;
        }
        assert_eq!(waits[..5], [6_000, 12_000, 24_000, 48_000, RETRY_MAX_MS]);
        assert!(waits[5..].iter().all(|wait| *wait == RETRY_MAX_MS));
        let mut pairing = begin(None);
        pairing.hear(Heard::Nothing, 0, 0);
        assert_eq!(
            pairing.ask(0),
            Ask::Wait { until_ms: ASK_EVERY_MS },
            "chance never makes haste"
        );
    }

    #[test]
    fn what_an_operator_typed_while_the_power_was_away_is_found_out_first() {
        let pending = Pending { pairing_id: Uuid::from_u128(5), secret: "s".to_owned() };
        let mut pairing = begin(Some(pending.clone()));
        assert!(asks_outcome(&pairing.ask(0), 5));
        pairing.hear(Heard::Nothing, 0, 0);
        assert!(asks_outcome(&pairing.ask(ASK_EVERY_MS), 5), "a lost answer settles nothing");
        pairing.hear(Heard::Outcome(PairingOutcome::Paired(identity())), 3_000, 0);
        assert_eq!(pairing.ask(3_000), Ask::Keep(identity()));
        let mut pairing = begin(Some(pending));
        pairing.hear(Heard::Outcome(PairingOutcome::Waiting), 0, 0);
        assert!(matches!(pairing.ask(0), Ask::Code(_)), "nobody can read that code any more");
    }
}
