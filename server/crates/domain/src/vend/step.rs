//! The step function: what follows upon what.

use chrono::{DateTime, Utc};

use super::{
    READ_BACKOFF, READ_FAILURES_SHOWN_MAX, SEND_BACKOFF, SENDS_AT_ONCE_MAX, SENDS_MAX,
    UNSENT_BACKOFF, Vend,
    event::{SERR_AUTHENTICATION, SendOutcome, VendAction, VendAlarm, VendEvent},
    proof::{BalanceCheck, CountRule, Proof},
    state::{Flight, QuarantineReason, VendState},
    verdict::{Verdict, decide},
};

type Step = (Vend, Vec<VendAction>);

pub(super) fn step(vend: Vend, event: VendEvent, now: DateTime<Utc>) -> Step {
    match (vend.state.clone(), event) {
        // Whoever asks for it again and whoever wakes it want the same of a vend not yet in doubt.
        (VendState::Queued, VendEvent::Wake | VendEvent::Resend) => precheck_again(&vend, 0),
        (VendState::Prechecking { failures }, event) => prechecking(vend, failures, event, now),
        (VendState::Intended(flight), event) => intended(vend, flight, event, now),
        (VendState::Sent(flight), event) => sent(vend, flight, event, now),
        (VendState::Uncertain { flight, failures, since, asked }, event) => {
            uncertain(vend, Doubt { flight, failures, since, asked }, event, now)
        }
        (VendState::NotApplied { flight, parked }, event) => {
            not_applied(vend, flight, parked, event, now)
        }
        _ => (vend, Vec::new()),
    }
}

/// A doubt: the purchase, the read-backs that failed, since when, and whether a person was asked.
struct Doubt {
    flight: Flight,
    failures: u32,
    since: DateTime<Utc>,
    asked: bool,
}

impl Doubt {
    fn fresh(flight: Flight, since: DateTime<Utc>) -> Self {
        Doubt { flight, failures: 0, since, asked: false }
    }

    fn state(self) -> VendState {
        let Doubt { flight, failures, since, asked } = self;
        VendState::Uncertain { flight, failures, since, asked }
    }
}

fn precheck_again(vend: &Vend, failures: u32) -> Step {
    (vend.with(VendState::Prechecking { failures }), vec![VendAction::ReadProof])
}

fn prechecking(vend: Vend, failures: u32, event: VendEvent, now: DateTime<Utc>) -> Step {
    match event {
        // An operator's word comes to whatever state the vend is in by then; it must never end
        // the job of a vend that is still under way.
        VendEvent::Wake | VendEvent::Resend => precheck_again(&vend, failures),
        VendEvent::ProofRead(proof) => match judge_precheck(&vend, &proof) {
            Precheck::Go { count } => {
                let flight =
                    Flight { count, before: proof, sends: 0, refusal: None, intended_at: now };
                let next = vend.with(VendState::Intended(flight));
                (next, vec![VendAction::PersistIntent { count }])
            }
            Precheck::Stop(reason) => quarantine(&vend, None, reason, Some(proof)),
            Precheck::Unreadable => unread_before(&vend, failures),
        },
        VendEvent::ProofUnreadable => unread_before(&vend, failures),
        _ => (vend, Vec::new()),
    }
}

fn unread_before(vend: &Vend, failures: u32) -> Step {
    let failures = failures.saturating_add(1);
    let actions = wait_for_read(vend, failures);
    (vend.with(VendState::Prechecking { failures }), actions)
}

fn wait_for_read(vend: &Vend, failures: u32) -> Vec<VendAction> {
    let delay = READ_BACKOFF.jittered(failures, vend.request.jitter);
    let mut actions = vec![VendAction::RetryAfter(delay)];
    if failures == READ_FAILURES_SHOWN_MAX {
        actions.push(VendAction::Alarm(VendAlarm::Unreadable { failures }));
    }
    actions
}

enum Precheck {
    Go { count: Option<u32> },
    Stop(QuarantineReason),
    Unreadable,
}

/// Step 1 of H.0: what the meter says must be what the platform knows.
fn judge_precheck(vend: &Vend, proof: &Proof) -> Precheck {
    let request = &vend.request;
    if let (Some(known), Some(read)) = (request.identity, proof.identity)
        && known != read
    {
        return Precheck::Stop(QuarantineReason::MeterReplaced);
    }
    let CountRule::Counted { count_max } = request.count_rule else {
        let readable = proof.net_fen().is_some() && proof.quantity_milli.is_some();
        return if readable { Precheck::Go { count: None } } else { Precheck::Unreadable };
    };
    let Some(count) = proof.count else {
        return Precheck::Unreadable;
    };
    match request.platform_count {
        Some(known) if count > known => Precheck::Stop(QuarantineReason::CountAhead),
        Some(known) if count < known => Precheck::Stop(QuarantineReason::CountBehind),
        _ if count >= count_max => Precheck::Stop(QuarantineReason::CountExhausted),
        // Below `count_max`, so the sum fits.
        _ => Precheck::Go { count: Some(count + 1) },
    }
}

fn intended(vend: Vend, flight: Flight, event: VendEvent, now: DateTime<Utc>) -> Step {
    match event {
        VendEvent::IntentPersisted => send(&vend, flight),
        VendEvent::IntentTaken => {
            quarantine(&vend, None, QuarantineReason::CountTaken, Some(flight.before))
        }
        // The process came back and cannot know whether the command left (matrix 9K, 10K).
        VendEvent::Wake | VendEvent::Resend => {
            doubt(&vend, Flight { sends: flight.sends.max(1), ..flight }, now)
        }
        _ => (vend, Vec::new()),
    }
}

fn send(vend: &Vend, flight: Flight) -> Step {
    let (count, amount_fen) = (flight.count, vend.request.amount_fen);
    let flight = Flight { sends: flight.sends.saturating_add(1), refusal: None, ..flight };
    (vend.with(VendState::Sent(flight)), vec![VendAction::SendTopUp { count, amount_fen }])
}

fn doubt(vend: &Vend, flight: Flight, now: DateTime<Utc>) -> Step {
    (vend.with(Doubt::fresh(flight, now).state()), vec![VendAction::ReadBack])
}

fn sent(vend: Vend, flight: Flight, event: VendEvent, now: DateTime<Utc>) -> Step {
    match event {
        // Also a yes is read back: the answer is not the proof (H.0 step 4).
        VendEvent::SendEnded(SendOutcome::Accepted | SendOutcome::NoAnswer)
        | VendEvent::Wake
        | VendEvent::Resend => doubt(&vend, flight, now),
        VendEvent::SendEnded(SendOutcome::Refused { serr }) => {
            doubt(&vend, Flight { refusal: Some(serr), ..flight }, now)
        }
        VendEvent::SendEnded(SendOutcome::NotSent) => {
            let flight = Flight { sends: flight.sends.saturating_sub(1), ..flight };
            let delay = UNSENT_BACKOFF.jittered(1, vend.request.jitter);
            let state = VendState::NotApplied { flight, parked: false };
            (vend.with(state), vec![VendAction::RetryAfter(delay)])
        }
        _ => (vend, Vec::new()),
    }
}

fn uncertain(vend: Vend, doubt: Doubt, event: VendEvent, now: DateTime<Utc>) -> Step {
    match event {
        VendEvent::ProofRead(proof) => {
            let at_once = doubt.flight.sends < SENDS_AT_ONCE_MAX;
            judge(vend, doubt, proof, at_once, now)
        }
        VendEvent::ProofUnreadable => unread_after(&vend, doubt),
        // A late answer to a journalled command is a reason to look, not a proof (H.1 no. 8).
        VendEvent::Wake | VendEvent::Resend | VendEvent::SendEnded(_) => {
            (vend, vec![VendAction::ReadBack])
        }
        _ => (vend, Vec::new()),
    }
}

fn unread_after(vend: &Vend, doubt: Doubt) -> Step {
    let failures = doubt.failures.saturating_add(1);
    let state = Doubt { failures, ..doubt }.state();
    (vend.with(state), wait_for_read(vend, failures))
}

fn not_applied(
    vend: Vend,
    flight: Flight,
    parked: bool,
    event: VendEvent,
    now: DateTime<Utc>,
) -> Step {
    let due = matches!(event, VendEvent::Resend) || (event == VendEvent::Wake && !parked);
    match event {
        // Nothing ever left: the registers of before are old by now, so start over.
        _ if due && flight.sends == 0 => precheck_again(&vend, 0),
        _ if due => {
            let flight = Flight { refusal: None, ..flight };
            (vend.with(VendState::NotApplied { flight, parked: false }), vec![VendAction::ReadBack])
        }
        VendEvent::ProofRead(proof) if flight.sends > 0 => {
            judge(vend, Doubt::fresh(flight, now), proof, !parked, now)
        }
        VendEvent::ProofUnreadable if flight.sends > 0 && !parked => {
            unread_after(&vend, Doubt::fresh(flight, now))
        }
        VendEvent::SendEnded(_) if flight.sends > 0 => (vend, vec![VendAction::ReadBack]),
        _ => (vend, Vec::new()),
    }
}

fn judge(vend: Vend, doubt: Doubt, proof: Proof, at_once: bool, now: DateTime<Utc>) -> Step {
    let flight = doubt.flight;
    match decide(&flight.before, &proof, &vend.intent(&flight)) {
        Verdict::Applied { balance } => applied(&vend, flight, proof, balance, now),
        Verdict::NotApplied => send_again(&vend, flight, at_once),
        Verdict::Partial => {
            let reason = QuarantineReason::Partial;
            let state = VendState::Partial { flight, seen: proof };
            (vend.with(state), stop(reason))
        }
        Verdict::Quarantine(reason) => quarantine(&vend, Some(flight), reason, Some(proof)),
        Verdict::Unreadable => unread_after(&vend, doubt),
        // The purchase may still land, so the meter is read on; a person is told once.
        Verdict::NotSeen | Verdict::Unexplained => {
            let asked = doubt.asked;
            let (next, mut actions) = unread_after(&vend, Doubt { asked: true, ..doubt });
            if !asked {
                actions.push(VendAction::Alarm(VendAlarm::NeedsOperator));
            }
            (next, actions)
        }
    }
}

fn applied(
    vend: &Vend,
    flight: Flight,
    proof: Proof,
    balance: BalanceCheck,
    now: DateTime<Utc>,
) -> Step {
    let count = flight.count;
    let state = VendState::Applied { count, proof, balance, at: now, evidence: None };
    let mut actions = vec![VendAction::Applied { count, proof, balance }];
    if matches!(balance, BalanceCheck::Differs { .. } | BalanceCheck::TotalDiffers { .. }) {
        actions.push(VendAction::Alarm(VendAlarm::BalanceDiffers(balance)));
    }
    (vend.with(state), actions)
}

/// The meter did not take it. The same count goes out again; a refusal is not argued with, except
/// where the refusal only says that the authentication window was over (matrix 10C).
fn send_again(vend: &Vend, flight: Flight, at_once: bool) -> Step {
    let parked = |alarm| {
        let state = VendState::NotApplied { flight, parked: true };
        (vend.with(state), vec![VendAction::Alarm(alarm)])
    };
    match flight.refusal {
        Some(serr) if serr != SERR_AUTHENTICATION => parked(VendAlarm::Refused { serr }),
        _ if flight.sends >= SENDS_MAX => parked(VendAlarm::SendsExhausted { sends: flight.sends }),
        _ if at_once => send(vend, flight),
        _ => {
            let delay = SEND_BACKOFF.jittered(flight.sends, vend.request.jitter);
            let state = VendState::NotApplied { flight, parked: false };
            (vend.with(state), vec![VendAction::RetryAfter(delay)])
        }
    }
}

fn quarantine(
    vend: &Vend,
    flight: Option<Flight>,
    reason: QuarantineReason,
    seen: Option<Proof>,
) -> Step {
    (vend.with(VendState::Quarantined { reason, flight, seen }), stop(reason))
}

fn stop(reason: QuarantineReason) -> Vec<VendAction> {
    vec![VendAction::Quarantine { reason }, VendAction::Alarm(VendAlarm::Quarantined(reason))]
}
