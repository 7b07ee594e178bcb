//! The gateway against the meter simulator, which shares no code with it and keeps its own book.
//! Whatever goes wrong on the way: a value is the meter's truth or there is none (H.1).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod rig;

use std::time::Duration;

use gateway::{
    Action, GatewayEvent, Item, Timing,
    command::RelayCommand,
    event::OfflineReason,
    item::state,
    line::{Framing, Line, Link, Meter, Registration},
};
use meter_simulator::{
    BusConfig, Framing as SimFraming, Knob, MeterConfig, MeterKind, Setting, Site, SiteConfig,
};
use rig::*;

const WATER: &str = "78330011223344";
const OLD: &str = "138000130754";
const REMOTE: &str = "202208310004";

fn online(event: &GatewayEvent) -> bool {
    matches!(event, GatewayEvent::Online { .. })
}

fn sim(kind: MeterKind, address: &str) -> MeterConfig {
    MeterConfig {
        energy_wh: 123_450,
        customer_no: "000000123456".into(),
        count: 7,
        balance_fen: 4_200,
        valve_travel_ms: 100,
        ..MeterConfig::at(kind, address)
    }
}

/// A site of one bus behind a modem that registers as `LOGIN:1001`, and its gateway.
async fn one_bus(
    timing: Timing,
    bus: BusConfig,
    framing: Framing,
    meters: Vec<Meter>,
) -> (Rig, Site) {
    let mut line = dial_in(100, "LOGIN:1001", meters);
    line.framing = framing;
    let mut rig = Rig::new(timing, vec![line]).await;
    let site = start(&rig, vec![bus]).await;
    rig.until(online).await;
    (rig, site)
}

async fn start(rig: &Rig, buses: Vec<BusConfig>) -> Site {
    let buses = buses.into_iter().map(|bus| BusConfig { connect: Some(rig.address), ..bus });
    let config = SiteConfig { seed: 7, speed: 20, buses: buses.collect(), ..SiteConfig::default() };
    Site::start(config).await.expect("a site")
}

fn bus(registration: &str, meters: Vec<MeterConfig>) -> BusConfig {
    BusConfig {
        registration: registration.into(),
        baud: 0,
        redial_ms: 5,
        meters,
        ..BusConfig::default()
    }
}

/// Asks again until the answer is the one hoped for; the relay takes its time.
async fn relay_reads(rig: &Rig, number: u128, want: i64) {
    for _ in 0..200 {
        let read = done(rig.start(command(number, Action::ReadRelay))).await.expect("a state");
        if read.values[0].1.number() == Some(want) {
            return;
        }
        tokio::time::sleep(ms(2)).await;
    }
    panic!("the relay of {number} never reads {want}");
}

#[tokio::test]
async fn every_model_is_read_and_switched_and_the_meters_own_book_agrees() {
    let table = [
        (1, MeterKind::Prepaid2007, A, "dlt645-2007-prepaid", Item::ForwardEnergy, true),
        (2, MeterKind::Remote2007, REMOTE, "dlt645-2007-remote-fee", Item::ForwardEnergy, true),
        (3, MeterKind::ReadOnly1997, OLD, "dlt645-1997-read-only", Item::ForwardEnergy, false),
        (4, MeterKind::AcrelDdsy1352, "1", "acrel-ddsy1352", Item::ForwardEnergy, true),
        (5, MeterKind::EastronSdm530y, "2", "eastron-sdm530y", Item::ForwardEnergy, false),
        (6, MeterKind::Cjt188Water, WATER, "cjt188-valve-water", Item::Volume, true),
    ];
    let lines = table.iter().map(|(number, _, address, profile, ..)| {
        let name = format!("LOGIN:[{number}]");
        dial_in(100 + number, &name, vec![meter(*number, address, profile)])
    });
    let mut rig = Rig::new(fast(), lines.collect()).await;
    let buses = table.iter().map(|(number, kind, address, ..)| {
        bus(&format!("LOGIN:{number}"), vec![sim(*kind, address)])
    });
    let site = start(&rig, buses.collect()).await;
    for _ in table {
        rig.until(online).await;
    }
    for (number, _, address, profile, item, switches) in table {
        let exchange = done(rig.start(read(number, &[item]))).await.expect(profile);
        assert_eq!(exchange.number(item), Some(123_450), "{profile}");
        if !switches {
            continue;
        }
        for (way, want) in [(RelayCommand::Trip, state::OFF), (RelayCommand::Close, state::ON)] {
            done(rig.start(relay(number, way))).await.expect(profile);
            relay_reads(&rig, number, want).await;
            let truth = site.meter(address).unwrap().snapshot().relay_closed;
            assert_eq!(truth, want == state::ON, "{profile}");
        }
    }
}

#[tokio::test]
async fn the_clock_of_a_meter_is_read_and_set() {
    let mut slow = sim(MeterKind::Prepaid2007, A);
    slow.clock_offset_s = -10_080;
    let (mut rig, site) =
        one_bus(fast(), bus("LOGIN:1001", vec![slow]), Framing::BARE, vec![prepaid(1, A)]).await;
    let failure = done(rig.start(relay(1, RelayCommand::Trip))).await.expect_err("clock");
    assert!(failure.proves_nothing_sent(), "{failure:?}");
    rig.until(|e| matches!(e, GatewayEvent::ClockOff { .. })).await;
    assert!(site.meter(A).unwrap().snapshot().relay_closed);
    done(rig.start(command(1, Action::SetClock))).await.expect("set");
    done(rig.start(relay(1, RelayCommand::Trip))).await.expect("accepted");
    relay_reads(&rig, 1, state::OFF).await;
}

#[tokio::test]
async fn a_top_up_and_its_proof_follow_the_count() {
    for fault in [None, Some(Knob::DropReply), Some(Knob::DropRequest), Some(Knob::Reconnect)] {
        let (mut rig, site) = one_bus(
            fast(),
            bus("LOGIN:1001", vec![sim(MeterKind::Prepaid2007, A)]),
            Framing::BARE,
            vec![prepaid(1, A)],
        )
        .await;
        let proof = || command(1, Action::ReadProof);
        let before = done(rig.start(proof())).await.expect("a proof");
        assert_eq!(before.number(Item::PurchaseCount), Some(7));
        if let Some(knob) = fault {
            site.meter(A).unwrap().turn(knob, Setting::times(1).on(0x03).with_value(1));
        }
        let sent = done(rig.start(top_up(1))).await;
        match (&sent, fault) {
            (Ok(_), None) => {}
            (Err(failure), Some(_)) => assert!(!failure.proves_nothing_sent(), "{failure:?}"),
            (other, _) => panic!("{fault:?}: {other:?}"),
        }
        if fault == Some(Knob::Reconnect) {
            rig.until(|e| matches!(e, GatewayEvent::Offline { .. })).await;
            rig.until(online).await;
        }
        // What it was, only the read-back tells, and it is what the meter's own book says.
        let after = done(rig.start(proof())).await.expect("a proof");
        let truth = site.meter(A).unwrap().snapshot();
        assert_eq!(after.number(Item::PurchaseCount), Some(i64::from(truth.count)), "{fault:?}");
        let applied = u64::from(fault != Some(Knob::DropRequest));
        assert_eq!(site.applied_topups(), applied, "{fault:?}");
        assert_eq!(truth.sum_applied_fen, 10_000 * applied, "{fault:?}");
        let last = after.number(Item::LastPurchaseAmount);
        assert_eq!(last == Some(10_000), applied == 1, "{fault:?}");
    }
}

/// Faults that may cost an answer and must never cost the truth, with what they are turned by.
fn wire_faults() -> Vec<(Knob, Setting)> {
    let half = Setting::percent(50);
    vec![
        (Knob::DropReply, half),
        (Knob::DropRequest, half),
        (Knob::Noise, Setting::percent(100)),
        (Knob::Split, Setting::percent(100).with_value(5).with_ms(2)),
        (Knob::Merge, half.with_ms(10)),
        (Knob::WrongAddr, half),
        (Knob::Late, half.with_ms(170)),
        (Knob::RegPrefix, Setting::percent(100)),
        (Knob::HbInside, Setting::percent(100)),
        (Knob::Stuff, Setting::percent(100)),
        (Knob::Spontaneous, Setting::percent(100)),
        (Knob::Cut, half),
        (Knob::Absent, half),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_the_bytes_a_value_is_true_or_there_is_none() {
    let meters = [
        (MeterKind::Prepaid2007, A, "dlt645-2007-prepaid", Item::ForwardEnergyPeak),
        (MeterKind::AcrelDdsy1352, "7", "acrel-ddsy1352", Item::ForwardEnergy),
        (MeterKind::Cjt188Water, WATER, "cjt188-valve-water", Item::Volume),
    ];
    let tasks = meters.map(|(kind, address, profile, item)| {
        tokio::spawn(truth_or_nothing(kind, address, profile, item))
    });
    for task in tasks {
        task.await.expect("the truth or nothing");
    }
}

async fn truth_or_nothing(kind: MeterKind, address: &str, profile: &str, item: Item) {
    let mut modem = bus("LOGIN:1001", vec![sim(kind, address)]);
    modem.heartbeat = "HEARTBEAT".into();
    let framing =
        Framing::Plain { heartbeat: b"HEARTBEAT".to_vec(), registration_prefixes_packets: true };
    // The bus is quiet for a whole time-out before it is used again, as it is by default: an
    // answer that is late by less never meets the next request.
    let timing = Timing { read_tries: 1, quiet: None, path: ms(100), ..fast() };
    let (rig, site) = one_bus(timing, modem, framing, vec![meter(1, address, profile)]).await;
    let handle = site.meter(address).unwrap();
    let clean = done(rig.start(read(1, &[item]))).await.expect(profile).number(item);
    for (knob, setting) in wire_faults() {
        handle.turn(knob, setting);
        let mut bad = 0;
        for _ in 0..5 {
            match done(rig.start(read(1, &[item]))).await {
                Ok(exchange) => {
                    let number = exchange.number(item);
                    // Nothing flows, so the register stands still.
                    let absent = number.is_none() && knob == Knob::Absent;
                    assert!(number == clean || absent, "{profile} {knob:?} {number:?}");
                }
                Err(failure) => {
                    bad += 1;
                    assert!(!failure.proves_nothing_sent(), "{profile} {knob:?} {failure:?}");
                }
            }
        }
        handle.clear(knob);
        // These the gateway must see through, every time.
        let harmless = matches!(
            knob,
            Knob::Split | Knob::RegPrefix | Knob::HbInside | Knob::Spontaneous | Knob::Stuff
        );
        assert!(!harmless || bad == 0, "{profile} {knob:?}: {bad} bad");
        let after = done(rig.start(read(1, &[item]))).await;
        assert_eq!(after.expect("healthy again").number(item), clean, "{profile} {knob:?}");
    }
}

#[tokio::test]
async fn a_meter_with_a_password_of_its_own_obeys_that_one() {
    let theirs = MeterConfig { password: "654321".into(), ..sim(MeterKind::Prepaid2007, A) };
    let ours = |password: &str| Meter {
        password: Some(password.parse().expect("a password")),
        ..prepaid(1, A)
    };
    let meters = vec![prepaid(1, A)];
    let (rig, site) = one_bus(fast(), bus("LOGIN:1001", vec![theirs]), Framing::BARE, meters).await;
    let trip = || rig.start(relay(1, RelayCommand::Trip));
    let refused = done(trip()).await.expect_err("the factory's password");
    assert!(matches!(refused, gateway::CommandFailure::Refused { .. }), "{refused:?}");
    let own = vec![dial_in(100, "LOGIN:1001", vec![ours("654321")])];
    assert_eq!(rig.gateway.configure(own).await, []);
    // The new password is a new chance: the refusal of the other one holds nothing up.
    done(trip()).await.expect("accepted");
    relay_reads(&rig, 1, state::OFF).await;
    assert!(!site.meter(A).unwrap().snapshot().relay_closed);
}

#[tokio::test]
async fn signs_are_signs_also_from_the_simulated_meter() {
    let mut back = sim(MeterKind::Prepaid2007, A);
    back.load_w = 1_100;
    let (rig, site) =
        one_bus(fast(), bus("LOGIN:1001", vec![back]), Framing::BARE, vec![prepaid(1, A)]).await;
    site.meter(A).unwrap().turn(Knob::Sign, Setting::default());
    let exchange = done(rig.start(read(1, &[Item::CurrentA, Item::Power]))).await.expect("values");
    assert_eq!(exchange.number(Item::CurrentA), Some(-5_000));
    assert_eq!(exchange.number(Item::Power), Some(-1_100));
}

#[tokio::test]
async fn a_wildcard_answered_by_two_meters_is_nobodys_address() {
    let both = vec![sim(MeterKind::Prepaid2007, A), sim(MeterKind::Prepaid2007, B)];
    // The gateway believes that the line has one meter.
    let (rig, _site) =
        one_bus(fast(), bus("LOGIN:1001", both), Framing::BARE, vec![prepaid(1, A)]).await;
    let told = done(rig.start(command(1, Action::ReadAddress))).await;
    assert!(told.is_err(), "{told:?}");
}

#[tokio::test]
async fn every_framing_carries_the_same_exchange() {
    let table =
        [(SimFraming::FourFaith, Framing::FourFaith), (SimFraming::Hongdian, Framing::Hongdian)];
    for (theirs, ours) in table {
        let phone = "13912345678";
        let mut line: Line = dial_in(100, "x", vec![prepaid(1, A)]);
        line.link = Link::DialIn { registration: Registration::Vendor(phone.into()) };
        line.framing = ours;
        let mut rig = Rig::new(fast(), vec![line]).await;
        let mut modem = bus(phone, vec![sim(MeterKind::Prepaid2007, A)]);
        modem.framing = theirs;
        modem.heartbeat_s = 1;
        let _site = start(&rig, vec![modem]).await;
        rig.until(online).await;
        for _ in 0..10 {
            let exchange = done(rig.start(read(1, &[Item::RemainingMoney]))).await.expect("money");
            assert_eq!(exchange.number(Item::RemainingMoney), Some(4_200));
        }
    }
}

#[tokio::test]
async fn an_acrel_meter_with_its_own_modem_is_read_and_switched() {
    for prefixed in [false, true] {
        let serial = "12307210720085";
        let mut line: Line = dial_in(100, "x", vec![meter(1, "7", "acrel-ddsy1352")]);
        line.link = Link::DialIn { registration: Registration::Vendor(serial.into()) };
        line.framing = Framing::Acrel4g;
        let mut rig = Rig::new(fast(), vec![line]).await;
        let mut modem = bus(serial, vec![sim(MeterKind::AcrelDdsy1352, "7")]);
        modem.framing = SimFraming::Acrel4g;
        modem.heartbeat_s = 1;
        modem.register_each_packet = prefixed;
        let site = start(&rig, vec![modem]).await;
        rig.until(online).await;
        for _ in 0..10 {
            let exchange = done(rig.start(read(1, &[Item::ForwardEnergy]))).await.expect("energy");
            assert_eq!(exchange.number(Item::ForwardEnergy), Some(123_450));
        }
        done(rig.start(relay(1, RelayCommand::Trip))).await.expect("accepted");
        relay_reads(&rig, 1, state::OFF).await;
        assert!(!site.meter("7").unwrap().snapshot().relay_closed);
    }
}

#[tokio::test]
async fn a_modem_that_forgets_its_socket_is_taken_over_from_itself() {
    let (mut rig, site) = one_bus(
        fast(),
        bus("LOGIN:1001", vec![sim(MeterKind::Prepaid2007, A)]),
        Framing::BARE,
        vec![prepaid(1, A)],
    )
    .await;
    site.turn(0, Knob::HalfOpen, Setting::times(1).with_ms(10)).unwrap();
    let lost = done(rig.start(top_up(1))).await.expect_err("nobody is there");
    assert!(!lost.proves_nothing_sent());
    let event = rig.until(|e| matches!(e, GatewayEvent::Offline { .. })).await;
    assert!(matches!(event, GatewayEvent::Offline { reason: OfflineReason::Replaced, .. }));
    rig.until(online).await;
    let proof = done(rig.start(command(1, Action::ReadProof))).await.expect("a proof");
    let truth = site.meter(A).unwrap().snapshot();
    assert_eq!(proof.number(Item::PurchaseCount), Some(i64::from(truth.count)));
}

#[tokio::test]
async fn a_twin_without_meters_does_not_take_the_line() {
    let (mut rig, site) = one_bus(
        fast(),
        bus("LOGIN:1001", vec![sim(MeterKind::Prepaid2007, A)]),
        Framing::BARE,
        vec![prepaid(1, A)],
    )
    .await;
    let here = rig.gateway.status()[0].remote.map(|remote| remote.to_string());
    site.turn(0, Knob::DupId, Setting::default()).unwrap();
    rig.until(|e| matches!(e, GatewayEvent::DuplicateRegistration { .. })).await;
    let event = rig.until(|e| matches!(e, GatewayEvent::DuplicateSettled { .. })).await;
    let GatewayEvent::DuplicateSettled { kept, .. } = event else { unreachable!() };
    assert_eq!(Some(kept), here);
    site.turn(0, Knob::DupId, Setting::percent(0)).unwrap();
    let exchange = done(rig.start(read(1, &[Item::ForwardEnergy]))).await.expect("energy");
    assert_eq!(exchange.number(Item::ForwardEnergy), Some(123_450));
}

#[tokio::test]
async fn after_a_storm_every_line_is_back_and_served() {
    const LINES: u128 = 40;
    let address = |number: u128| format!("{:012}", 202_208_310_000 + number);
    let lines = (0..LINES).map(|number| {
        let mut scanned = prepaid(number, &address(number));
        scanned.scan = vec![Item::ForwardEnergy];
        dial_in(1_000 + number, &format!("LOGIN:[{number:04}]"), vec![scanned])
    });
    let timing = Timing { first_poll_within: ms(50), ..fast() };
    let mut rig = Rig::new(timing, lines.collect()).await;
    let buses = (0..LINES).map(|number| {
        let meters = vec![sim(MeterKind::Prepaid2007, &address(number))];
        bus(&format!("LOGIN:{number:04}"), meters)
    });
    let site = start(&rig, buses.collect()).await;
    for _ in 0..LINES {
        rig.until(online).await;
    }
    site.storm(Duration::from_millis(20));
    for _ in 0..LINES {
        rig.until(|e| matches!(e, GatewayEvent::Offline { .. })).await;
    }
    let mut back = std::collections::BTreeSet::new();
    while back.len() < LINES as usize {
        let event = rig.until(|e| matches!(e, GatewayEvent::Readings(_))).await;
        let GatewayEvent::Readings(readings) = event else { unreachable!() };
        back.extend(readings.iter().map(|reading| reading.meter));
    }
    assert_eq!(rig.count("online"), LINES as u64);
}
