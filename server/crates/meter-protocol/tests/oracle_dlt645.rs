//! What PyPI dlt645, an implementation we did not write, says about our DL/T 645 frames.
//!
//! Needs `YUFU_ORACLE_DLT645`: the interpreter and the script, separated by a space, as
//! `tests/oracles/dlt645/README.md` says. Elsewhere it says so and passes, unless
//! `YUFU_ORACLES=required`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "it/support.rs"]
mod support;

use meter_protocol::dlt645::{
    Address, Control, DATA_LEN_CEILING, Di, ErrorByte, Frame, Refusal, Reply, Request, decode,
};
use meter_protocol::{Decoded, Payload, bcd_to_i64, hex};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use support::{Dice, golden};

/// Random frames shown to the oracle; the seed is fixed so that a failure repeats.
const FRAMES: usize = 400;
const SEED: u64 = 0x0645_2007;

/// The running oracle.
struct Oracle {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    fn start() -> Option<Oracle> {
        let Ok(command) = std::env::var("YUFU_ORACLE_DLT645") else {
            let required = std::env::var("YUFU_ORACLES").is_ok_and(|value| value == "required");
            assert!(!required, "YUFU_ORACLES=required, but YUFU_ORACLE_DLT645 is not set");
            eprintln!("SKIPPED: YUFU_ORACLE_DLT645 is not set, the outside oracle was not asked");
            return None;
        };
        let (python, script) = command
            .split_once(' ')
            .unwrap_or_else(|| panic!("not an interpreter and a script: {command}"));
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command}: {error}"));
        let commands = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Some(Oracle { child, commands, answers })
    }

    fn ask(&mut self, command: &str) -> Value {
        writeln!(self.commands, "{command}").unwrap();
        self.commands.flush().unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no answer to {command}"))
    }

    fn finish(self) {
        let Oracle { mut child, commands, .. } = self;
        drop(commands);
        assert!(child.wait().unwrap().success());
    }
}

fn ours(mut line: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    loop {
        match decode(line, DATA_LEN_CEILING) {
            Decoded::NeedMore => return frames,
            Decoded::Skip(count) => line = &line[count..],
            Decoded::Frame { frame, consumed } => {
                frames.push(frame);
                line = &line[consumed..];
            }
        }
    }
}

fn fields(frame: &Frame) -> (String, u64, String) {
    let address = hex::joined(&frame.address.wire()).to_lowercase();
    (address, u64::from(frame.control.0), hex::joined(&frame.data).to_lowercase())
}

fn said(frame: &Value) -> (String, u64, String) {
    let text = |name: &str| frame[name].as_str().unwrap().to_owned();
    (text("address"), frame["control"].as_u64().unwrap(), text("data"))
}

fn random_frame(dice: &mut Dice) -> Frame {
    let mut address = [0; 6];
    address.fill_with(|| dice.byte());
    let data: Vec<u8> = (0..dice.below(256)).map(|_| dice.byte()).collect();
    Frame {
        address: Address::from_wire(address),
        control: Control(dice.byte()),
        data: Payload::try_from(data.as_slice()).unwrap(),
    }
}

fn golden_frames_are_read_and_written_alike(oracle: &mut Oracle) {
    for golden in golden().iter().filter(|frame| frame.protocol.starts_with("dlt645")) {
        let bytes = golden.bytes();
        let answer = oracle.ask(&format!("decode {}", hex::joined(&bytes)));
        let [frame] = answer["frames"].as_array().unwrap().as_slice() else { panic!("{answer}") };
        let own = ours(&bytes);
        assert_eq!(fields(&own[0]), said(frame), "{}", golden.meaning);
        let mut again = Vec::new();
        own[0].encode(u8::try_from(frame["preamble"].as_u64().unwrap()).unwrap(), &mut again);
        assert_eq!(again, bytes, "{}", golden.meaning);
        let its = hex::parse(frame["again"].as_str().unwrap()).unwrap();
        assert_eq!(its, bytes, "{}", golden.meaning);
    }
}

fn random_frames_are_built_alike(oracle: &mut Oracle, dice: &mut Dice) {
    for _ in 0..FRAMES {
        let frame = random_frame(dice);
        let preamble = u8::try_from(dice.below(5)).unwrap();
        let mut own = Vec::new();
        frame.encode(preamble, &mut own);
        let (address, control, data) = fields(&frame);
        let data = if data.is_empty() { "-" } else { data.as_str() };
        let answer = oracle.ask(&format!("build {preamble} {address} {control:x} {data}"));
        let its = hex::parse(answer["frame"].as_str().unwrap()).unwrap();
        assert_eq!(own, its);
    }
}

fn noisy_lines_yield_the_same_frames(oracle: &mut Oracle, dice: &mut Dice) {
    for _ in 0..FRAMES {
        let mut line = Vec::new();
        for _ in 0..1 + dice.below(4) {
            for _ in 0..dice.below(12) {
                line.push([0x68, 0x16, 0xFE, dice.byte()][dice.below(4)]);
            }
            random_frame(dice).encode(4, &mut line);
        }
        if dice.below(3) == 0 {
            let at = dice.below(line.len());
            line[at] ^= 0x20;
        }
        let answer = oracle.ask(&format!("decode {}", hex::joined(&line)));
        let its: Vec<_> = answer["frames"].as_array().unwrap().iter().map(said).collect();
        let own: Vec<_> = ours(&line).iter().map(fields).collect();
        assert_eq!(own, its, "{}", hex::spaced(&line));
    }
}

fn readings_of_its_meter_are_read_as_it_means_them(oracle: &mut Oracle) {
    let meter: Address = "202208310002".parse().unwrap();
    let wire = hex::joined(&meter.wire());
    let table = [
        (0x0001_0000, "123456.78", 12_345_678),
        (0x0000_0000, "-0.05", -5),
        (0x0201_0100, "220.1", 2_201),
        (0x0202_0100, "-11.519", -11_519),
        (0x0203_0000, "-1.2345", -12_345),
        (0x0280_0002, "50.03", 5_003),
    ];
    for (di, value, expected) in table {
        let request = Request::read(meter, Di(di)).unwrap();
        let mut out = Vec::new();
        request.encode(4, &mut out);
        let answer = oracle.ask(&format!("answer {wire} {di:08X} {value} {}", hex::joined(&out)));
        let bytes = hex::parse(answer["reply"].as_str().unwrap()).unwrap();
        let frames = ours(&bytes);
        let reply = Reply::parse(&frames[0], &request);
        let Ok(Reply::Value { value: digits, more: false, .. }) = reply else {
            panic!("{di:08X}: {reply:?}");
        };
        assert_eq!(bcd_to_i64(digits), Ok(Some(expected)), "{di:08X} {value}");
    }
    // What it does not have it refuses, and we read the refusal.
    let request = Request::read(meter, Di(0x0090_0200)).unwrap();
    let mut out = Vec::new();
    request.encode(4, &mut out);
    let answer = oracle.ask(&format!("answer {wire} 00010000 1.00 {}", hex::joined(&out)));
    let frames = ours(&hex::parse(answer["reply"].as_str().unwrap()).unwrap());
    let refused = Ok(Reply::Refused(Refusal::Byte(ErrorByte(ErrorByte::NO_SUCH_DATA))));
    assert_eq!(Reply::parse(&frames[0], &request), refused);
}

#[test]
fn an_unrelated_implementation_agrees_about_our_frames() {
    let Some(mut oracle) = Oracle::start() else { return };
    let mut dice = Dice(SEED);
    golden_frames_are_read_and_written_alike(&mut oracle);
    random_frames_are_built_alike(&mut oracle, &mut dice);
    noisy_lines_yield_the_same_frames(&mut oracle, &mut dice);
    readings_of_its_meter_are_read_as_it_means_them(&mut oracle);
    oracle.finish();
}
