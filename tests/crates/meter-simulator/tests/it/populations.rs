//! Sites from files, listening buses, the control port, the swarm and the idle crowd.

use std::time::Duration;

use crate::wire::{PATIENCE, until};
use meter_simulator::bcd::{from_digits, from_hex, to_hex};
use meter_simulator::command::{CommandError, run};
use meter_simulator::control::{Control, site_answerer};
use meter_simulator::dlt645::Frame;
use meter_simulator::idle::{Idle, IdleConfig};
use meter_simulator::swarm::{self, Swarm, SwarmConfig};
use meter_simulator::{Knob, Site, SiteConfig, SiteError};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// A site file that listens, with a script from its first millisecond.
const SITE: &str = r#"
seed = 11
speed = 1000
[[buses]]
framing = "mbap"
listen = "127.0.0.1:0"
baud = 0
[[buses.meters]]
name = "shop"
kind = "acrel-ddsy1352"
address = "1"
energy_wh = 123450
[[script]]
at_ms = 1
meter = "shop"
knob = "count_jump"
value = 3
amount_fen = 100
"#;

#[tokio::test]
async fn a_site_file_listens_speaks_modbus_tcp_and_plays_its_script() {
    let site = Site::start(SiteConfig::from_toml(SITE).unwrap()).await.unwrap();
    let mut stream = TcpStream::connect(site.listening_on(0).unwrap()).await.unwrap();
    let ask = from_hex("00 09 00 00 00 06 01 03 00 00 00 02").unwrap();
    // Cut in the middle: MBAP is read by length.
    stream.write_all(&ask[..5]).await.unwrap();
    stream.write_all(&ask[5..]).await.unwrap();
    let mut answer = [0u8; 13];
    timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(to_hex(&answer), "00 09 00 00 00 07 01 03 04 00 00 30 39");
    let shop = site.meter("shop").unwrap();
    until(|| shop.snapshot().count == 3).await;
    assert_eq!(shop.snapshot().cumulative_fen, 300);
    assert!(matches!(site.meter("nobody"), Err(SiteError::NoMeter(_))));
}

#[tokio::test]
async fn wrong_site_files_name_what_is_wrong() {
    let bus = "[[buses]]\nlisten = \"127.0.0.1:0\"\n[[buses.meters]]\n";
    let rows = [
        ("[[buses]]\n".to_owned(), "bus 0 has no address"),
        (format!("{bus}address = \"12x\""), "meter 12x has no valid address"),
        (format!("{bus}kind = \"modbus\"\naddress = \"248\""), "meter 248 has no valid address"),
        (format!("{bus}address = \"1\"\npassword = \"0\\u0000\""), "meter 1: password"),
        (format!("{bus}address = \"1\"\nmac = \"AB\""), "meter 1: mac"),
        (format!("{bus}address = \"1\"\ncustomer_no = \"x\""), "meter 1: customer_no"),
    ];
    for (text, why) in rows {
        let error = Site::start(SiteConfig::from_toml(&text).unwrap()).await.unwrap_err();
        assert!(error.to_string().starts_with(why), "{error}");
    }
}

#[tokio::test]
async fn the_control_port_answers_line_by_line_and_ends_endless_lines() {
    let site = Site::start(SiteConfig::from_toml(SITE).unwrap()).await.unwrap();
    let at = "127.0.0.1:0".parse().unwrap();
    let control = Control::start(at, site_answerer(site.oracle())).await.unwrap();
    let stream = TcpStream::connect(control.address()).await.unwrap();
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let questions =
        b"{\"op\":\"sum\"}\n{\"op\":\"knob\",\"meter\":\"shop\",\"knob\":\"dead\"}\nnonsense\n";
    write.write_all(questions).await.unwrap();
    for ok in [true, true, false] {
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let answer: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["ok"], ok, "{line}");
    }
    write.write_all(&vec![b'x'; meter_simulator::control::LINE_MAX + 4_096]).await.unwrap();
    let last = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    assert!(last.contains("too long"), "{last}");
    assert_eq!(serde_json::to_string(&Knob::Dead).unwrap(), "\"dead\"");
}

#[tokio::test]
async fn a_swarm_registers_answers_by_address_and_counts_exact_line_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let swarm = Swarm::start(SwarmConfig {
        dial: listener.local_addr().unwrap(),
        buses: 3,
        meters_per_bus: 2,
        baud: 9_600,
        turnaround_ms: 1,
        prefix: "SWARM".into(),
        sources: 2,
    })
    .unwrap();
    let mut registered = Vec::new();
    let mut streams = Vec::new();
    for _ in 0..3 {
        let (mut stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        let mut text = [0u8; 10];
        timeout(PATIENCE, stream.read_exact(&mut text)).await.unwrap().unwrap();
        registered.push(String::from_utf8_lossy(&text).into_owned());
        streams.push(stream);
    }
    let mut sorted = registered.clone();
    sorted.sort();
    assert_eq!(sorted, ["SWARM00000", "SWARM00001", "SWARM00002"]);
    swarm.reset();
    for (name, stream) in registered.iter().zip(&mut streams) {
        let bus: usize = name[5..].parse().unwrap();
        let address = from_digits::<6>(&swarm::address(bus, 1)).unwrap();
        let ask = Frame { address, control: 0x11, data: vec![0, 0, 1, 0] };
        stream.write_all(&ask.encode(4)).await.unwrap();
        let mut answer = [0u8; 24];
        timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
        let (frame, _) = meter_simulator::dlt645::find(&answer).unwrap();
        assert_eq!((frame.address, frame.control), (address, 0x91));
    }
    until(|| swarm.counters().exchanges == 3).await;
    // Three times 44 characters at 9600 and 1 ms.
    let counters = swarm.counters();
    assert!((154_249..=154_250).contains(&counters.busy_us), "{counters:?}");
    assert_eq!((counters.connected, counters.violations), (3, 0));
    let too_many = SwarmConfig {
        dial: listener.local_addr().unwrap(),
        buses: 20_000,
        meters_per_bus: 1,
        baud: 1,
        turnaround_ms: 0,
        prefix: String::new(),
        sources: 0,
    };
    assert!(Swarm::start(too_many).is_err());
}

#[tokio::test]
async fn the_idle_crowd_registers_beats_and_returns_after_a_storm() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let idle = Idle::start(IdleConfig {
        dial: listener.local_addr().unwrap(),
        count: 5,
        first: 100,
        heartbeat_s: 1,
        heartbeat: "HB".into(),
        prefix: "IDLE".into(),
        sources: 0,
    })
    .unwrap();
    for round in 1..=2u64 {
        let mut streams = Vec::new();
        let mut names = Vec::new();
        for _ in 0..5 {
            let (mut stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
            let mut text = [0u8; 9];
            timeout(PATIENCE, stream.read_exact(&mut text)).await.unwrap().unwrap();
            names.push(String::from_utf8_lossy(&text).into_owned());
            streams.push(stream);
        }
        names.sort();
        assert_eq!(names[4], "IDLE00104");
        let mut beat = [0u8; 2];
        timeout(PATIENCE, streams[0].read_exact(&mut beat)).await.unwrap().unwrap();
        assert_eq!(&beat, b"HB");
        until(|| idle.counters().dialled == 5 * round).await;
        idle.storm();
    }
}

#[tokio::test]
async fn the_command_line_says_what_it_does_not_understand() {
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let usage = run(words("meters --nonsense")).await;
    assert!(matches!(usage, Err(CommandError::Usage(_))));
    let file = run(words("meters --config does-not-exist.toml")).await;
    assert!(matches!(file, Err(CommandError::File { .. })));
    let bounds = run(words("idle --dial 127.0.0.1:1 --count 20001")).await;
    assert!(matches!(bounds, Err(CommandError::Bounds(_))));
    let running = run(words("swarm --dial 127.0.0.1:1 --buses 1"));
    // It runs until interrupted.
    assert!(timeout(Duration::from_millis(50), running).await.is_err());
}
