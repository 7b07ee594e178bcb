//! The command queue: each command at most once, and only what is genuine.

use std::{collections::BTreeMap, path::Path};

use aws_lc_rs::signature::Ed25519KeyPair;
use aws_lc_rs::signature::KeyPair;
use chrono::{DateTime, TimeDelta, Utc};
use kiosk_wire::{
    command::{Command, CommandReport, CommandState, Verb},
    device::Identity,
};
use proptest::prelude::*;
use serde_json::json;
use terminal::{
    command::{Boot, DEFER_MAX_S, FINAL_MAX, Gate, May, PENDING_MAX, POWER_GRACE_S, Queue, Task},
    hex,
};
use uuid::Uuid;

const KIOSK: Uuid = Uuid::from_u128(0x6b);

fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn start() -> DateTime<Utc> {
    "2026-11-21T06:00:00Z".parse().unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

fn boot(n: u128) -> Boot {
    Boot { id: Uuid::from_u128(n), machine: Some("one".to_owned()) }
}

fn open(folder: &Path, boot: Boot) -> (Queue, Vec<CommandReport>) {
    let identity = Identity {
        kiosk_id: KIOSK,
        number: "K-03".to_owned(),
        command_key: hex::encode(key(1).public_key().as_ref()),
    };
    Queue::open(folder, identity, boot).unwrap()
}

fn args(verb: Verb) -> String {
    let digest = "ab".repeat(32);
    match verb {
        Verb::Screenshot | Verb::UploadLogs => json!({ "upload": "u".repeat(20) }).to_string(),
        Verb::Lock => json!({ "zh": "检修", "en": "Service" }).to_string(),
        Verb::Reprint => json!({ "order": Uuid::from_u128(1) }).to_string(),
        Verb::SetPaperChanged => json!({ "mm": 80_000 }).to_string(),
        Verb::Update => json!({ "version": "1", "digest": digest, "signature": "s" }).to_string(),
        _ => "{}".to_owned(),
    }
}

fn sign(mut command: Command, seed: u8) -> Command {
    command.signature = hex::encode(key(seed).sign(&command.to_sign(KIOSK)).as_ref());
    command
}

fn ordered(id: u128, verb: Verb, boot_id: Option<u128>) -> Command {
    let life = verb.life_s().unwrap_or(3_153_600_000);
    sign(
        Command {
            id: Uuid::from_u128(id),
            verb: verb.as_str().to_owned(),
            args: args(verb),
            issued_at: start(),
            expires_at: at(life),
            boot_id: boot_id.map(Uuid::from_u128),
            signature: String::new(),
        },
        1,
    )
}

struct Says(May);

impl Gate for Says {
    fn may(&self, _: Verb) -> May {
        self.0
    }
}

const NOW: Says = Says(May::Now);

fn refused(reason: &str) -> CommandState {
    CommandState::Refused { reason: reason.to_owned() }
}

/// Takes one command into a fresh queue and says what became of it.
fn taken(command: Command, now: Option<DateTime<Utc>>) -> (Option<CommandState>, Option<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (mut queue, _) = open(folder.path(), boot(1));
    let taken = queue.take(command, now, 0);
    (taken.report.map(|report| report.state), taken.fault.map(str::to_owned))
}

#[test]
fn a_command_that_is_not_genuine_in_time_and_new_is_refused_by_name() {
    let good = ordered(1, Verb::TestPrint, None);
    let reboot = |boot| ordered(1, Verb::Reboot, boot);
    let unknown = sign(Command { verb: "format_disk".to_owned(), ..good.clone() }, 1);
    let argless = sign(Command { args: "[]".to_owned(), ..good.clone() }, 1);
    let long = sign(Command { args: "{}".to_owned() + &" ".repeat(10_000), ..good.clone() }, 1);
    let elsewhere = Command {
        signature: hex::encode(key(1).sign(&good.to_sign(Uuid::from_u128(9))).as_ref()),
        ..good.clone()
    };
    let changed = Command { verb: "shutdown".to_owned(), ..good.clone() };
    let accepted = CommandState::Accepted;
    let table = [
        (good.clone(), Some(at(0)), accepted.clone(), None),
        (good.clone(), Some(at(299)), accepted.clone(), None),
        (good.clone(), Some(at(300)), CommandState::Expired, Some("command_expired")),
        (good.clone(), None, refused("clock"), None),
        (sign(good.clone(), 2), Some(at(0)), refused("signature"), Some("command_forged")),
        (elsewhere, Some(at(0)), refused("signature"), Some("command_forged")),
        (changed, Some(at(0)), refused("signature"), Some("command_forged")),
        (reboot(Some(1)), Some(at(0)), accepted.clone(), None),
        (reboot(Some(2)), Some(at(0)), refused("boot"), Some("command_boot")),
        (reboot(None), Some(at(0)), refused("boot"), Some("command_boot")),
        (unknown, Some(at(0)), refused("unknown_verb"), Some("command_unknown")),
        (argless, Some(at(0)), refused("args"), None),
        (long, Some(at(0)), refused("args"), None),
    ];
    for (command, now, state, fault) in table {
        let shown = format!("{command:?} at {now:?}");
        assert_eq!(taken(command, now), (Some(state), fault.map(str::to_owned)), "{shown}");
    }
    // A forged one does not burn the id of the genuine one, and learns nothing about it.
    let folder = tempfile::tempdir().unwrap();
    let (mut queue, _) = open(folder.path(), boot(1));
    let _ = queue.take(sign(good.clone(), 2), Some(at(0)), 0);
    let report = queue.take(good.clone(), Some(at(0)), 0).report.unwrap();
    assert_eq!(report.state, CommandState::Accepted);
    assert_eq!(queue.take(sign(good, 2), Some(at(0)), 0).report, None);
}

#[test]
fn a_command_told_twice_is_answered_twice_and_begun_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mut queue, _) = open(folder.path(), boot(1));
    let command = ordered(1, Verb::TestPrint, None);
    let _ = queue.take(command.clone(), Some(at(0)), 0);
    let step = queue.step(at(0), 0, &NOW);
    assert_eq!(step.starts.len(), 1);
    assert_eq!(step.starts[0].task, Task::TestPrint);
    let again = queue.take(command.clone(), Some(at(1)), 1_000);
    assert_eq!(again.report.unwrap().state, CommandState::Running);
    assert!(queue.step(at(1), 1_000, &NOW).starts.is_empty());
    let done = queue.finished(command.id, Ok(json!({ "mm": 120 }))).unwrap();
    assert_eq!(done.state, CommandState::Done { result: json!({ "mm": 120 }) });
    assert_eq!(queue.finished(command.id, Err("late".to_owned())), None);
    // Even when it is told again after it has expired, the answer is what came of it.
    assert_eq!(queue.take(command, Some(at(9_000)), 9).report, Some(done));
}

#[test]
fn a_long_result_is_cut_before_it_is_kept() {
    let long = "长".repeat(5_000);
    let table = [
        (Ok(json!({ "log": &long })), CommandState::Done { result: json!({ "cut": true }) }),
        (Err(long), CommandState::Failed { error: "长".repeat(300) }),
    ];
    for (result, state) in table {
        let folder = tempfile::tempdir().unwrap();
        let (mut queue, _) = open(folder.path(), boot(1));
        let command = ordered(1, Verb::SelfTest, None);
        let _ = queue.take(command.clone(), Some(at(0)), 0);
        let _ = queue.step(at(0), 0, &NOW);
        assert_eq!(queue.finished(command.id, result).unwrap().state, state);
    }
}

#[test]
fn a_customer_puts_a_reboot_off_for_ten_minutes_and_two_operators_only_wait_for_a_card() {
    let second = DEFER_MAX_S;
    let defer = May::Defer("session");
    let table: &[(bool, May, i64, CommandState)] = &[
        (
            false,
            defer,
            0,
            CommandState::Deferred { reason: "session".to_owned(), until_ms: 600_000 },
        ),
        (
            false,
            May::Defer("card"),
            60,
            CommandState::Deferred { reason: "card".to_owned(), until_ms: 540_000 },
        ),
        (false, defer, second, refused("session")),
        (false, May::Refuse("card"), 0, refused("card")),
        (true, defer, 0, CommandState::Running),
        (true, May::Defer("money"), 0, CommandState::Running),
        (true, May::Defer("card"), 0, refused("card")),
        (true, May::Refuse("card"), 0, refused("card")),
        // It was good for five minutes when it came; the wait is not its fault.
        (false, May::Now, second - 1, CommandState::Running),
        (false, May::Now, second, CommandState::Expired),
    ];
    for (force, may, after_s, state) in table {
        let folder = tempfile::tempdir().unwrap();
        let (mut queue, _) = open(folder.path(), boot(1));
        let mut command = ordered(1, Verb::Reboot, Some(1));
        command.args = json!({ "force": force }).to_string();
        let _ = queue.take(sign(command, 1), Some(at(0)), 0);
        let step = queue.step(at(*after_s), 0, &Says(*may));
        let told = step.reports.last().map(|report| &report.state);
        assert_eq!(told, Some(state), "force {force}, {may:?} after {after_s} s");
        assert_eq!(!step.starts.is_empty(), *state == CommandState::Running);
    }
}

#[test]
fn a_lock_waits_for_the_customer_as_long_as_it_takes_and_the_last_word_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (mut queue, _) = open(folder.path(), boot(1));
    let lock = ordered(1, Verb::Lock, None);
    let _ = queue.take(lock.clone(), Some(at(0)), 0);
    for second in [0, 60, 900, 1_800] {
        assert!(queue.step(at(second), 0, &Says(May::Defer("session"))).starts.is_empty());
    }
    let _ = queue.take(ordered(2, Verb::Unlock, None), Some(at(1_900)), 0);
    let step = queue.step(at(1_900), 0, &NOW);
    assert_eq!(step.starts.iter().map(|s| &s.task).collect::<Vec<_>>(), [&Task::Unlock]);
    let superseded = CommandReport { id: lock.id, state: refused("superseded") };
    assert!(step.reports.contains(&superseded));
}

#[test]
fn a_power_verb_is_done_when_the_next_start_says_so_and_not_before() {
    let table = [
        (Verb::Reboot, Some("two"), Some("done")),
        (Verb::Reboot, Some("one"), Some("failed")),
        (Verb::Shutdown, Some("two"), Some("done")),
        (Verb::RestartApp, Some("one"), Some("done")),
        // Where the system does not name its starts, ours is all there is to go by.
        (Verb::Reboot, None, Some("done")),
    ];
    for (verb, machine, want) in table {
        let folder = tempfile::tempdir().unwrap();
        let command = ordered(1, verb, Some(1));
        let (mut queue, _) = open(folder.path(), boot(1));
        let _ = queue.take(command.clone(), Some(at(0)), 0);
        assert_eq!(queue.step(at(0), 0, &NOW).starts.len(), 1);
        assert_eq!(queue.finished(command.id, Ok(json!({}))), None, "begun is not done");
        let next = Boot { id: Uuid::from_u128(2), machine: machine.map(str::to_owned) };
        let (mut queue, reports) = open(folder.path(), next);
        let told = reports.first().map(|report| match &report.state {
            CommandState::Done { result } => {
                assert_eq!(result, &json!({ "boot_id": Uuid::from_u128(2) }));
                "done"
            }
            CommandState::Failed { .. } => "failed",
            _ => "else",
        });
        assert_eq!(told, want, "{verb:?} on {machine:?}");
        // The server, which has not heard, sends it again: it is not begun again.
        assert_eq!(queue.take(command, Some(at(5)), 0).report.as_ref(), reports.first());
        assert!(queue.step(at(5), 0, &NOW).starts.is_empty());
    }
}

#[test]
fn a_machine_that_does_not_go_down_is_told_as_a_failure_and_blocks_nothing_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let (mut queue, _) = open(folder.path(), boot(1));
    let _ = queue.take(ordered(1, Verb::Shutdown, Some(1)), Some(at(0)), 0);
    let _ = queue.take(ordered(2, Verb::SelfTest, None), Some(at(0)), 0);
    let step = queue.step(at(0), 0, &NOW);
    assert_eq!(step.starts.len(), 1, "nothing else is begun while the machine goes down");
    assert!(queue.step(at(POWER_GRACE_S - 1), 0, &NOW).starts.is_empty());
    let step = queue.step(at(POWER_GRACE_S), 0, &NOW);
    assert!(matches!(&step.reports[0].state, CommandState::Failed { .. }), "{step:?}");
    assert_eq!(step.starts[0].task, Task::SelfTest);
}

#[test]
fn pictures_come_at_most_every_five_seconds_and_do_not_wait_for_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let (mut queue, _) = open(folder.path(), boot(1));
    let picture = |id| ordered(id, Verb::Screenshot, None);
    let _ = queue.take(ordered(9, Verb::UploadLogs, None), Some(at(0)), 1_000);
    assert_eq!(queue.step(at(0), 1_000, &NOW).starts.len(), 1);
    let _ = queue.take(picture(1), Some(at(0)), 1_000);
    assert_eq!(queue.step(at(0), 1_000, &NOW).starts.len(), 1, "beside the log");
    let _ = queue.finished(Uuid::from_u128(1), Ok(json!({})));
    let often = queue.take(picture(2), Some(at(4)), 5_999).report.unwrap();
    assert_eq!(often.state, refused("too_often"));
    let fine = queue.take(picture(3), Some(at(5)), 6_000).report.unwrap();
    assert_eq!(fine.state, CommandState::Accepted);
    let step = queue.step(at(30), 31_000, &NOW);
    assert_eq!(step.reports[0].state, CommandState::Expired, "a picture of then, not of now");
}

#[test]
fn no_more_wait_than_the_bound_and_what_was_forgotten_is_not_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut queue, _) = open(folder.path(), boot(1));
    for id in 0..PENDING_MAX as u128 {
        let _ = queue.take(ordered(id, Verb::SelfTest, None), Some(at(0)), 0);
    }
    let more = queue.take(ordered(99, Verb::SelfTest, None), Some(at(0)), 0);
    assert_eq!(more.report.unwrap().state, refused("too_many"));

    let folder = tempfile::tempdir().unwrap();
    let (mut queue, _) = open(folder.path(), boot(1));
    let lock = |n: i64| {
        let mut lock = ordered(1_000 + n as u128, Verb::Unlock, None);
        lock.issued_at = at(n);
        sign(lock, 1)
    };
    let many = FINAL_MAX as i64 + 20;
    for n in 0..many {
        let _ = queue.take(lock(n), Some(at(n)), 0);
        for start in queue.step(at(n), 0, &NOW).starts {
            let _ = queue.finished(start.id, Ok(json!({})));
        }
    }
    let (mut queue, _) = open(folder.path(), boot(2));
    for n in 0..many {
        let taken = queue.take(lock(n), Some(at(many)), 0);
        let state = taken.report.unwrap().state;
        if n < 20 {
            assert_eq!((state, taken.fault), (refused("replayed"), Some("command_replayed")));
        } else {
            assert_eq!(state, CommandState::Done { result: json!({}) }, "{n}");
        }
        assert!(queue.step(at(many), 0, &NOW).starts.is_empty());
    }
    let size = std::fs::metadata(folder.path().join("commands.log")).unwrap().len();
    assert!(size < 2_000_000, "the file stays bounded: {size}");
}

/// One thing that happens to the queue.
#[derive(Clone, Debug)]
enum Turn {
    Deliver(usize),
    Forge(usize),
    Pass(i64),
    Step(May),
    Finish(usize, bool),
    Restart { torn: bool, machine: bool },
}

fn turn(commands: usize) -> impl Strategy<Value = Turn> {
    let may = prop_oneof![
        4 => Just(May::Now),
        1 => Just(May::Defer("session")),
        1 => Just(May::Defer("card")),
        1 => Just(May::Refuse("money")),
    ];
    prop_oneof![
        6 => (0..commands).prop_map(Turn::Deliver),
        1 => (0..commands).prop_map(Turn::Forge),
        2 => prop_oneof![0..10_i64, 100..700_i64].prop_map(Turn::Pass),
        5 => may.prop_map(Turn::Step),
        3 => ((0..commands), any::<bool>()).prop_map(|(n, ok)| Turn::Finish(n, ok)),
        2 => (any::<bool>(), any::<bool>())
            .prop_map(|(torn, machine)| Turn::Restart { torn, machine }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn no_command_is_ever_begun_twice_whatever_the_order_the_repeats_and_the_restarts(
        turns in proptest::collection::vec(turn(Verb::ALL.len()), 1..80),
    ) {
        let commands: Vec<Command> = Verb::ALL
            .into_iter()
            .enumerate()
            .map(|(n, verb)| ordered(n as u128 + 1, verb, verb.is_power().then_some(1)))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let (mut queue, _) = open(folder.path(), boot(1));
        let (mut second, mut boots, mut machine) = (0, 1, 0);
        let mut begun: BTreeMap<Uuid, u32> = BTreeMap::new();
        let mut ended: BTreeMap<Uuid, CommandState> = BTreeMap::new();
        for turn in turns {
            let mut reports = Vec::new();
            match turn {
                Turn::Deliver(n) => {
                    let taken = queue.take(commands[n].clone(), Some(at(second)), 0);
                    reports.extend(taken.report);
                }
                Turn::Forge(n) => {
                    let _ = queue.take(sign(commands[n].clone(), 2), Some(at(second)), 0);
                }
                Turn::Pass(seconds) => second += seconds,
                Turn::Step(may) => {
                    let step = queue.step(at(second), 0, &Says(may));
                    for start in &step.starts {
                        let times = begun.entry(start.id).or_default();
                        *times += 1;
                        prop_assert_eq!(*times, 1, "{:?} was begun again", start);
                    }
                    reports = step.reports;
                }
                Turn::Finish(n, ok) => {
                    let result = if ok { Ok(json!({})) } else { Err("no".to_owned()) };
                    reports.extend(queue.finished(commands[n].id, result));
                }
                Turn::Restart { torn, machine: new } => {
                    boots += 1;
                    machine += u32::from(new);
                    if torn {
                        let path = folder.path().join("commands.log");
                        let mut bytes = std::fs::read(&path).unwrap();
                        bytes.extend_from_slice(b"01234567 {\"line\":\"entry\",\"comm");
                        std::fs::write(&path, bytes).unwrap();
                    }
                    let boot = Boot {
                        id: Uuid::from_u128(boots),
                        machine: Some(machine.to_string()),
                    };
                    let opened = open(folder.path(), boot);
                    queue = opened.0;
                    reports = opened.1;
                }
            }
            for report in reports {
                if let Some(before) = ended.get(&report.id) {
                    prop_assert_eq!(before, &report.state, "an end that changed");
                }
                if report.state.is_final() {
                    ended.insert(report.id, report.state);
                }
            }
        }
    }
}
