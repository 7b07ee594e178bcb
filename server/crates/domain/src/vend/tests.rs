use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::*;
use crate::id::OperatorId;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn proof(count: u32, last: i64, balance: i64, wh: i64) -> Proof {
    Proof {
        count: Some(count),
        last_amount_fen: Some(last),
        balance_fen: Some(balance),
        quantity_milli: Some(wh),
        ..Proof::default()
    }
}

fn request(count_rule: CountRule, platform_count: Option<u32>) -> VendRequest {
    VendRequest {
        amount_fen: 5000,
        price_micro_yuan: 528_300,
        count_rule,
        platform_count,
        identity: None,
        quantity_step_milli: 10,
        jitter: 7,
    }
}

fn counted() -> Vend {
    Vend::queued(request(CountRule::Counted { count_max: 9999 }, Some(4)))
}

fn uncounted() -> Vend {
    Vend::queued(request(CountRule::Uncounted, None))
}

const BEFORE: (u32, i64, i64, i64) = (4, 2000, 1000, 100_000);

fn before() -> Proof {
    proof(BEFORE.0, BEFORE.1, BEFORE.2, BEFORE.3)
}

fn paid() -> Proof {
    proof(5, 5000, 6000, 100_000)
}

/// Runs events one second apart and tells each step in words.
fn told(mut vend: Vend, events: &[VendEvent]) -> (Vend, Vec<String>) {
    let mut lines = Vec::new();
    for (second, event) in events.iter().enumerate() {
        let (next, actions) = vend.step(*event, at(second as i64));
        let actions: Vec<String> = actions.iter().map(word).collect();
        lines.push(format!("{} {}", next.state.as_str(), actions.join("+")).trim_end().to_owned());
        let back = Vend::from_fields(&next.to_fields());
        assert_eq!(back.as_ref(), Ok(&next), "what is stored is what is read");
        vend = next;
    }
    (vend, lines)
}

fn word(action: &VendAction) -> String {
    match action {
        VendAction::ReadProof => "read".into(),
        VendAction::PersistIntent { count } => format!("intent({})", count.unwrap_or(0)),
        VendAction::SendTopUp { count, amount_fen } => {
            format!("send({},{amount_fen})", count.unwrap_or(0))
        }
        VendAction::ReadBack => "back".into(),
        VendAction::Applied { count, .. } => format!("applied({})", count.unwrap_or(0)),
        VendAction::Quarantine { reason } => format!("stop({reason})"),
        VendAction::Voided => "voided".into(),
        VendAction::RetryAfter(_) => "wait".into(),
        VendAction::Alarm(VendAlarm::Quarantined(_)) => "alarm".into(),
        VendAction::Alarm(alarm) => format!("{alarm:?}"),
    }
}

use VendEvent::{
    IntentPersisted, IntentTaken, ProofRead, ProofUnreadable, Resend, SendEnded, Wake,
};

fn upto_sent() -> Vec<VendEvent> {
    vec![Wake, ProofRead(before()), IntentPersisted]
}

fn with(mut head: Vec<VendEvent>, tail: &[VendEvent]) -> Vec<VendEvent> {
    head.extend_from_slice(tail);
    head
}

const ACCEPTED: VendEvent = SendEnded(SendOutcome::Accepted);
const NO_ANSWER: VendEvent = SendEnded(SendOutcome::NoAnswer);
const NOT_SENT: VendEvent = SendEnded(SendOutcome::NotSent);

fn refused(serr: u16) -> VendEvent {
    SendEnded(SendOutcome::Refused { serr })
}

#[test]
fn the_straight_way_reads_writes_the_intent_sends_and_reads_back() {
    let (vend, lines) = told(counted(), &with(upto_sent(), &[ACCEPTED, ProofRead(paid())]));
    let want = [
        "prechecking read",
        "intended intent(5)",
        "sent send(5,5000)",
        "uncertain back",
        "applied applied(5)",
    ];
    assert_eq!(lines, want);
    assert_eq!(vend.count(), Some(5));
}

#[test]
fn after_a_sending_only_the_read_back_decides() {
    // (name, events after the first sending, the last line)
    let table: &[(&str, &[VendEvent], &str)] = &[
        ("lost reply", &[NO_ANSWER, ProofRead(paid())], "applied applied(5)"),
        ("repeated", &[refused(2), ProofRead(paid())], "applied applied(5)"),
        ("lost request", &[NO_ANSWER, ProofRead(before())], "sent send(5,5000)"),
        ("accepted, not there", &[ACCEPTED, ProofRead(before())], "sent send(5,5000)"),
        ("refused", &[refused(0x40), ProofRead(before())], "not-applied Refused { serr: 64 }"),
        ("refused, parked", &[refused(0x40), ProofRead(before()), Wake], "not-applied"),
        (
            "refused, asked again",
            &[refused(0x40), ProofRead(before()), Resend, ProofRead(before())],
            "sent send(5,5000)",
        ),
        ("window over", &[refused(8), ProofRead(before())], "sent send(5,5000)"),
        ("never left", &[NOT_SENT], "not-applied wait"),
        ("never left, again", &[NOT_SENT, Wake], "prechecking read"),
        ("unreadable", &[NO_ANSWER, ProofUnreadable], "uncertain wait"),
        ("unreadable, then read", &[NO_ANSWER, ProofUnreadable, Wake], "uncertain back"),
        ("crash", &[Wake], "uncertain back"),
        ("late yes", &[NO_ANSWER, ACCEPTED], "uncertain back"),
        ("no early proof", &[ProofRead(paid())], "sent"),
        (
            "other amount",
            &[ACCEPTED, ProofRead(proof(5, 4000, 5000, 100_000))],
            "quarantined stop(other-purchase)+alarm",
        ),
        (
            "jumped",
            &[ACCEPTED, ProofRead(proof(6, 5000, 11_000, 100_000))],
            "quarantined stop(count-jumped)+alarm",
        ),
        ("fell", &[ACCEPTED, ProofRead(proof(0, 0, 0, 0))], "quarantined stop(count-fell)+alarm"),
        (
            "half a write",
            &[refused(1), ProofRead(proof(4, 5000, 1000, 100_000))],
            "partial stop(partial)+alarm",
        ),
        (
            "money without count",
            &[NO_ANSWER, ProofRead(proof(4, 2000, 6000, 100_000))],
            "partial stop(partial)+alarm",
        ),
        ("done is done", &[ACCEPTED, ProofRead(paid()), ProofRead(before()), Wake], "applied"),
    ];
    for (name, tail, want) in table {
        let (_, lines) = told(counted(), &with(upto_sent(), tail));
        assert_eq!(lines.last().map(String::as_str), Some(*want), "{name}: {lines:#?}");
    }
}

#[test]
fn before_a_sending_the_meter_must_agree_with_the_platform() {
    let table: &[(&str, &[VendEvent], &str)] = &[
        ("sold elsewhere", &[ProofRead(proof(5, 1, 1, 1))], "quarantined stop(count-ahead)+alarm"),
        ("replaced", &[ProofRead(proof(0, 0, 0, 0))], "quarantined stop(count-behind)+alarm"),
        ("no count read", &[ProofRead(Proof::default())], "prechecking wait"),
        ("unreadable", &[ProofUnreadable], "prechecking wait"),
        ("unreadable, again", &[ProofUnreadable, Wake], "prechecking read"),
        ("count taken", &[ProofRead(before()), IntentTaken], "quarantined stop(count-taken)+alarm"),
        ("crash at the intent", &[ProofRead(before()), Wake], "uncertain back"),
        ("doubled wake", &[Wake], "prechecking read"),
    ];
    for (name, tail, want) in table {
        let (_, lines) = told(counted(), &with(vec![Wake], tail));
        assert_eq!(lines.last().map(String::as_str), Some(*want), "{name}: {lines:#?}");
    }
}

#[test]
fn a_count_at_its_end_is_quarantined_and_never_wrapped() {
    // CJ/T 188: a one-byte sequence (8105).
    let rule = CountRule::Counted { count_max: 255 };
    for (m0, want) in
        [(254, "intended intent(255)"), (255, "quarantined stop(count-exhausted)+alarm")]
    {
        let vend = Vend::queued(request(rule, Some(m0)));
        let (_, lines) = told(vend, &[Wake, ProofRead(proof(m0, 1, 1, 1))]);
        assert_eq!(lines[1], want);
    }
}

#[test]
fn another_meter_in_the_same_place_is_quarantined() {
    let mut vend = counted();
    vend.request.identity = Some(202_208_310_002);
    let other = Proof { identity: Some(1), ..before() };
    let (_, lines) = told(vend, &[Wake, ProofRead(other)]);
    assert_eq!(lines[1], "quarantined stop(meter-replaced)+alarm");
}

#[test]
fn an_unreadable_meter_stays_in_doubt_and_is_shown_once() {
    let mut events = with(upto_sent(), &[NO_ANSWER]);
    for _ in 0..200 {
        events.extend([ProofUnreadable, Wake]);
    }
    let (vend, lines) = told(counted(), &events);
    assert_eq!(vend.state.as_str(), "uncertain");
    let shown = lines.iter().filter(|l| l.contains("Unreadable { failures: 10 }")).count();
    assert_eq!(shown, 1);
    assert_eq!(lines.iter().filter(|l| l.contains("send(")).count(), 1);
}

#[test]
fn a_command_that_is_never_taken_is_parked_after_its_last_sending() {
    let mut events = upto_sent();
    for _ in 0..60 {
        events.extend([NO_ANSWER, ProofRead(before()), Wake, ProofRead(before())]);
    }
    let (vend, lines) = told(counted(), &events);
    assert!(matches!(vend.state, VendState::NotApplied { parked: true, .. }));
    let sends = lines.iter().filter(|l| l.contains("send(5,5000)")).count();
    assert_eq!(sends, SENDS_MAX as usize);
    assert!(lines.iter().any(|l| l.contains("SendsExhausted { sends: 20 }")));
}

#[test]
fn without_a_count_there_is_one_attempt_and_the_balance_judges() {
    let b = |balance, wh| Proof {
        balance_fen: Some(balance),
        quantity_milli: Some(wh),
        ..Proof::default()
    };
    let head = [Wake, ProofRead(b(1000, 100_000)), IntentPersisted, NO_ANSWER];
    let table: &[(&str, Proof, &str)] = &[
        ("there", b(6000, 100_000), "applied applied(0)"),
        // 2 kWh at 0.5283 yuan are 105.66 fen.
        ("there, less use", b(5894, 102_000), "applied applied(0)"),
        ("not seen", b(1000, 100_000), "uncertain wait+NeedsOperator"),
        ("not seen, less use", b(895, 102_000), "uncertain wait+NeedsOperator"),
        ("unexplained", b(3000, 100_000), "uncertain wait+NeedsOperator"),
        ("no balance", Proof::default(), "uncertain wait"),
    ];
    for (name, seen, want) in table {
        let (vend, lines) = told(uncounted(), &with(head.to_vec(), &[ProofRead(*seen)]));
        assert_eq!(lines.last().map(String::as_str), Some(*want), "{name}: {lines:#?}");
        let unread = with(head.to_vec(), &[ProofUnreadable, ProofRead(*seen), ProofRead(*seen)]);
        let lines = told(uncounted(), &unread).1;
        let asked = lines.iter().filter(|line| line.contains("NeedsOperator")).count();
        assert_eq!(asked, usize::from(want.contains("NeedsOperator")), "{name}: asked once");
        let again = told(vend, &[Resend, ProofRead(b(1000, 100_000)), Wake]).1;
        assert!(!again.iter().any(|l| l.contains("send(")), "{name}: never sent twice");
    }
}

#[test]
fn the_table_of_proof_decides() {
    use BalanceCheck::{Agrees, Differs, NotReadable, TotalDiffers};
    use Verdict::{Applied, NotApplied, Partial, Quarantine, Unreadable};
    let intent = Intent {
        count: Some(5),
        amount_fen: 5000,
        price_micro_yuan: 528_300,
        quantity_step_milli: 10,
    };
    let overdrawn = Proof { overdraft_fen: Some(300), balance_fen: Some(0), ..before() };
    let total = |fen, p: Proof| Proof { cumulative_fen: Some(fen), ..p };
    let no_amount = |p: Proof| Proof { last_amount_fen: None, ..p };
    let no_count = |p: Proof| Proof { count: None, ..p };
    let bare = |p: Proof| Proof { balance_fen: None, ..p };
    let id = |n, p: Proof| Proof { identity: Some(n), ..p };
    let table = [
        (before(), paid(), Applied { balance: Agrees }),
        (before(), proof(5, 5000, 5894, 102_000), Applied { balance: Agrees }),
        (before(), proof(5, 5000, 5890, 102_000), Applied { balance: Differs { by_fen: -5 } }),
        (before(), proof(5, 5000, 1000, 100_000), Applied { balance: Differs { by_fen: -5000 } }),
        (overdrawn, proof(5, 5000, 4700, 100_000), Applied { balance: Agrees }),
        (before(), bare(paid()), Applied { balance: NotReadable }),
        (total(1, before()), total(5001, paid()), Applied { balance: Agrees }),
        (total(1, before()), total(9, paid()), Applied { balance: TotalDiffers { by_fen: -4992 } }),
        (total(1, before()), total(5001, no_amount(paid())), Applied { balance: Agrees }),
        (before(), no_amount(paid()), Unreadable),
        (before(), no_count(paid()), Unreadable),
        (before(), no_amount(before()), Unreadable),
        (before(), before(), NotApplied),
        (before(), proof(4, 2000, 895, 102_000), NotApplied),
        // The meter's own price is lower than the frozen one: still only use.
        (before(), proof(4, 2000, 960, 102_000), NotApplied),
        (before(), proof(4, 2000, 1001, 100_000), Partial),
        (before(), proof(4, 2000, 5894, 102_000), Partial),
        (before(), proof(4, 5000, 1000, 100_000), Partial),
        (before(), proof(5, 4999, 5999, 100_000), Quarantine(QuarantineReason::OtherPurchase)),
        (before(), proof(6, 5000, 6000, 100_000), Quarantine(QuarantineReason::CountJumped)),
        (before(), proof(3, 5000, 6000, 100_000), Quarantine(QuarantineReason::CountFell)),
        (id(1, before()), id(2, paid()), Quarantine(QuarantineReason::MeterReplaced)),
    ];
    for (was, is, want) in table {
        assert_eq!(decide(&was, &is, &intent), want, "{was:?} -> {is:?}");
    }
}

fn evidence(seen: Proof) -> Evidence {
    Evidence {
        operator: OperatorId(Uuid::from_u128(1)),
        second: OperatorId(Uuid::from_u128(2)),
        reason: "read off the display".into(),
        seen,
    }
}

fn doubtful() -> Vend {
    told(counted(), &with(upto_sent(), &[NO_ANSWER])).0
}

#[test]
fn persons_need_two_names_a_reason_and_a_sight_that_agrees() {
    let good = evidence(paid());
    let table: &[(&str, Finding, Evidence, Result<&str, ResolveRefusal>)] = &[
        ("there", Finding::Applied, good.clone(), Ok("applied")),
        ("not there", Finding::NotDelivered, evidence(before()), Ok("voided")),
        (
            "no reason",
            Finding::Applied,
            Evidence { reason: "  ".into(), ..good.clone() },
            Err(ResolveRefusal::ReasonMissing),
        ),
        (
            "one person",
            Finding::Applied,
            Evidence { second: good.operator, ..good.clone() },
            Err(ResolveRefusal::SecondPersonMissing),
        ),
        (
            "nothing seen",
            Finding::Applied,
            evidence(Proof::default()),
            Err(ResolveRefusal::SightMissing),
        ),
        ("there?", Finding::Applied, evidence(before()), Err(ResolveRefusal::Contradicted)),
        ("gone?", Finding::NotDelivered, good.clone(), Err(ResolveRefusal::Contradicted)),
    ];
    for (name, finding, evidence, want) in table {
        let got = doubtful().resolve(*finding, evidence.clone(), at(9));
        let got = got.map(|(vend, _)| {
            assert_eq!(Vend::from_fields(&vend.to_fields()).as_ref(), Ok(&vend));
            vend.state.as_str()
        });
        assert_eq!(got, *want, "{name}");
    }
    // Sold elsewhere after ours: the vend keeps its count, the platform takes the meter's.
    let jumped = evidence(proof(6, 100, 6100, 100_000));
    let (vend, actions) = doubtful().resolve(Finding::Applied, jumped, at(9)).unwrap();
    let [VendAction::Applied { count, .. }] = actions[..] else { panic!("{actions:?}") };
    assert_eq!((vend.count(), count), (Some(5), Some(6)));
    let settled = told(counted(), &with(upto_sent(), &[ACCEPTED, ProofRead(paid())])).0;
    let got = settled.resolve(Finding::NotDelivered, good, at(9));
    assert_eq!(got.map(|_| ()), Err(ResolveRefusal::NoDoubt));
}

#[test]
fn money_goes_back_only_when_nothing_can_arrive() {
    use FenceRefusal::{Applied, MayHaveBeenSent};
    let table: &[(&str, Vec<VendEvent>, Result<(), FenceRefusal>)] = &[
        ("queued", vec![], Ok(())),
        ("prechecking", vec![Wake], Ok(())),
        ("stopped before", vec![Wake, ProofRead(proof(9, 1, 1, 1))], Ok(())),
        ("intended", vec![Wake, ProofRead(before())], Err(MayHaveBeenSent)),
        ("sent", upto_sent(), Err(MayHaveBeenSent)),
        ("never left", with(upto_sent(), &[NOT_SENT]), Ok(())),
        ("in doubt", with(upto_sent(), &[NO_ANSWER]), Err(MayHaveBeenSent)),
        (
            "not taken so far",
            with(upto_sent(), &[refused(0x40), ProofRead(before())]),
            Err(MayHaveBeenSent),
        ),
        (
            "not taken, then never left",
            with(upto_sent(), &[NO_ANSWER, ProofRead(before()), NOT_SENT]),
            Err(MayHaveBeenSent),
        ),
        (
            "stopped after",
            with(upto_sent(), &[ACCEPTED, ProofRead(proof(9, 1, 1, 1))]),
            Err(MayHaveBeenSent),
        ),
        ("there", with(upto_sent(), &[ACCEPTED, ProofRead(paid())]), Err(Applied)),
    ];
    for (name, events, want) in table {
        let got = told(counted(), events).0.fence(at(9));
        assert_eq!(got.as_ref().map(|_| ()).map_err(|e| *e), *want, "{name}");
        let Ok(fenced) = got else { continue };
        let woken = told(fenced, &[Wake, ProofRead(before()), IntentPersisted, Resend]).1;
        assert!(woken.iter().all(|l| l == "fenced"), "{name}: a fenced vend does nothing");
    }
    let (void, _) = doubtful().resolve(Finding::NotDelivered, evidence(before()), at(9)).unwrap();
    assert!(void.fence(at(10)).is_ok());
    assert_eq!(void.restart(Some(4)).map(|v| v.state), Ok(VendState::Queued));
    assert_eq!(doubtful().restart(Some(4)), Err(RestartRefusal));
}

#[test]
fn no_open_state_answers_wake_or_resend_with_nothing_to_do() {
    let journey = with(upto_sent(), &[VendEvent::SendEnded(SendOutcome::NoAnswer)]);
    for length in 0..=journey.len() {
        let (vend, _) = told(counted(), &journey[..length]);
        for event in [VendEvent::Wake, VendEvent::Resend] {
            let (next, actions) = vend.clone().step(event, at(60));
            assert!(!actions.is_empty(), "{} on {event:?}", vend.state.as_str());
            assert!(!next.state.is_final(), "{} on {event:?}", vend.state.as_str());
        }
    }
    let unsent = with(upto_sent(), &[VendEvent::SendEnded(SendOutcome::NotSent)]);
    for event in [VendEvent::Wake, VendEvent::Resend] {
        let (vend, _) = told(counted(), &unsent);
        assert!(!vend.step(event, at(60)).1.is_empty(), "{event:?}");
    }
}
