//! Our bytes against those of python-escpos, which shares nothing with us. Needs
//! `YUFU_ORACLE_ESCPOS`: the interpreter and the script, separated by a space, as
//! `tests/oracles/escpos/README.md` says.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use kiosk_wire::{
    card_format::{hex, unhex},
    receipt::{Line, Receipt},
};
use terminal::receipt::{
    Form, Paper, encode,
    words::{gb18030, printer_knows},
};

/// The running oracle.
struct Oracle {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    fn start() -> Option<Oracle> {
        let Ok(command) = std::env::var("YUFU_ORACLE_ESCPOS") else {
            let required = std::env::var("YUFU_ORACLES").is_ok_and(|value| value == "required");
            assert!(!required, "YUFU_ORACLES=required, but YUFU_ORACLE_ESCPOS is not set");
            eprintln!("SKIPPED: YUFU_ORACLE_ESCPOS is not set, the outside oracle was not asked");
            return None;
        };
        let (python, script) = command.split_once(' ').expect("an interpreter and a script");
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

    fn ask(&mut self, command: &str) -> Vec<u8> {
        writeln!(self.commands, "{command}").unwrap();
        self.commands.flush().unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        unhex(line.trim()).unwrap_or_else(|| panic!("no answer to {command}"))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bytes(line: Line) -> Vec<u8> {
    let receipt = Receipt::from(vec![line]);
    encode(&receipt, Paper::Mm58, Form::Native, None).bytes
}

fn holds(all: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && all.windows(part.len()).any(|window| window == part)
}

#[test]
fn every_character_a_printer_knows_has_the_bytes_others_give_it() {
    let Some(mut oracle) = Oracle::start() else { return };
    let ranges = ['\u{20}'..='\u{7e}', '\u{4e00}'..='\u{9fa5}', '\u{3400}'..='\u{4db5}'];
    let marks = "·—…‘’“”、。〈〉《》「」『』〒〓【】！（），．：；？￥€①②③℃№→↑←↓".chars();
    let all: Vec<char> = ranges.into_iter().flatten().chain(marks).collect();
    let known: Vec<char> = all.into_iter().filter(|c| printer_knows(*c)).collect();
    assert!(known.len() > 20_900, "{} characters", known.len());
    for chunk in known.chunks(500) {
        let text: String = chunk.iter().collect();
        let theirs = oracle.ask(&format!("text {}", hex(text.as_bytes())));
        assert_eq!(gb18030(&text).as_ref(), theirs, "{text}");
    }
    let theirs = oracle.ask(&format!("text {}", hex("电费充值".as_bytes())));
    let line = Line::Text { text: "电费充值".to_owned(), centred: false };
    assert!(holds(&bytes(line), &theirs));
}

#[test]
fn codes_sizes_and_pictures_are_asked_for_as_others_do() {
    let Some(mut oracle) = Oracle::start() else { return };
    let content = "https://pay.example.cn/r/7Q2M4K9X1C0V5B8N";
    let theirs = oracle.ask(&format!("qr 6 {}", hex(content.as_bytes())));
    // Ours has a line feed before it prints, for the quiet zone.
    let (store, print) = theirs.split_at(theirs.len() - 8);
    let ours = bytes(Line::Qr { content: content.to_owned() });
    assert!(holds(&ours, store) && holds(&ours, print), "{theirs:02x?} {ours:02x?}");

    let large = oracle.ask("large");
    let ours = bytes(Line::Title { text: "A".to_owned() });
    assert!(holds(&ours, &large[..3]) && holds(&ours, &large[3..]), "{large:02x?} {ours:02x?}");

    // As wide as the paper, so that nothing is added at its sides.
    let picture: Vec<u8> = (0..48 * 5).map(|at| (at * 37 % 251) as u8).collect();
    let theirs = oracle.ask(&format!("raster 384 {}", hex(&picture)));
    let bits = STANDARD.encode(&picture);
    assert!(holds(&bytes(Line::Picture { width: 384, height: 5, bits }), &theirs));
}
