//! Printing over real wires to a printer that fails where it is told to.

use kiosk_simulator::{
    printer::{Machine, Script, receipts},
    socket::Printer,
};
use kiosk_wire::receipt::{Line, PrintOutcome, Receipt};
use terminal::{
    printer::{Place, Press, PressSettings},
    receipt::{Form, Paper, encode},
};

fn receipt(mark: &str) -> Receipt {
    let pair = |name: &str, value: &str| Line::Pair {
        name: name.to_owned(),
        value: value.to_owned(),
        strong: false,
    };
    Receipt {
        logo: None,
        lines: vec![
            Line::Title { text: "充值凭条".to_owned() },
            pair("订单号", mark),
            pair("金额", "￥50.00"),
            Line::Qr { content: format!("https://pay.example.cn/r/{mark}") },
            Line::Cut,
        ],
    }
}

fn network(printer: &Printer) -> Press {
    started(Place::Network { address: printer.address().unwrap() })
}

fn serial(printer: &Printer) -> Press {
    let path = printer.path().unwrap().to_str().unwrap().to_owned();
    started(Place::Serial { path, baud: 115_200 })
}

fn started(place: Place) -> Press {
    Press::start(PressSettings { place, ..PressSettings::default() }).unwrap()
}

fn job(mark: &str) -> Vec<u8> {
    encode(&receipt(mark), Paper::Mm58, Form::Native, None).bytes
}

/// Whether one stream of bytes is somewhere in another.
fn holds(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn a_receipt_arrives_byte_for_byte_on_every_kind_of_wire() {
    let (tcp, pty) = (Printer::on_network(32).unwrap(), Printer::on_terminal(32).unwrap());
    let device = Printer::on_terminal(32).unwrap();
    let by_device = started(Place::Device { path: device.path().unwrap().to_owned() });
    for (printer, press) in [(&tcp, network(&tcp)), (&pty, serial(&pty)), (&device, by_device)] {
        assert_eq!(press.status().await.state, "ready");
        let (outcome, mm) = press.print(&receipt("N-1"), 58).await;
        assert_eq!(outcome, PrintOutcome::Printed);
        assert!((50..90).contains(&mm), "{mm} mm");
        let (paper, received) = printer.with(|m| (m.take_paper(), m.received.clone()));
        assert_eq!((receipts(&paper), paper.problems.clone()), (1, Vec::new()));
        assert!(paper.text().contains("N-1"));
        assert!(holds(&received, &job("N-1")), "the same bytes, in one piece");
    }
}

#[tokio::test]
async fn how_it_ended_is_what_the_printer_says_and_nothing_else() {
    let length = job("N-1").len();
    let base = Script::default;
    let rows = [
        ("well", base(), PrintOutcome::Printed),
        ("near its end", Script { near_end: true, ..base() }, PrintOutcome::Printed),
        ("foreign status", Script { automatic_status: true, ..base() }, PrintOutcome::Printed),
        ("paper", Script { paper_end_after: Some(60), ..base() }, PrintOutcome::PaperOut),
        ("cover", Script { cover_open_after: Some(60), ..base() }, PrintOutcome::Failed),
        ("knife", Script { jams_at_cut: true, ..base() }, PrintOutcome::Failed),
        ("mute", Script { silent: true, ..base() }, PrintOutcome::Unknown),
        ("mute later", Script { silent_after: Some(80), ..base() }, PrintOutcome::Unknown),
        ("garbage", Script { garbage: true, ..base() }, PrintOutcome::Unknown),
        ("no fence", Script { no_fence: true, ..base() }, PrintOutcome::Unknown),
        ("hangs up", Script { closes_after: Some(length / 2), ..base() }, PrintOutcome::Unknown),
        ("stalls", Script { stalls_after: Some(100), ..base() }, PrintOutcome::Unknown),
    ];
    let mut prints = tokio::task::JoinSet::new();
    for (what, script, want) in rows {
        prints.spawn(async move {
            let printer = Printer::on_network(32).unwrap();
            printer.with(|machine| machine.script = script);
            let (outcome, _) = network(&printer).print(&receipt("N-1"), 58).await;
            assert_eq!(outcome, want, "{what}");
            let whole = printer.with(|machine| receipts(&machine.paper)) == 1;
            assert!(whole || outcome != PrintOutcome::Printed, "{what}");
        });
    }
    while let Some(ended) = prints.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test]
async fn what_cannot_print_is_not_sent_anything() {
    let change: [(fn(&mut Machine), _, _); 2] = [
        (Machine::run_out, "paper_out", PrintOutcome::PaperOut),
        (Machine::open_cover, "cover_open", PrintOutcome::Failed),
    ];
    for (change, state, want) in change {
        let printer = Printer::on_network(32).unwrap();
        printer.with(change);
        let press = network(&printer);
        assert_eq!(press.status().await.state, state);
        assert_eq!(press.print(&receipt("N-1"), 58).await, (want, 0));
        assert!(!printer.with(|machine| holds(&machine.received, b"\x1b@")));
        printer.put_right();
        assert_eq!(press.status().await.state, "ready");
    }
    // A port nobody listens on, a path that is not there, no printer at all.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let rows = [
        (Place::Network { address: gone }, "offline"),
        (Place::Serial { path: "/dev/nowhere".to_owned(), baud: 9_600 }, "offline"),
        (Place::Device { path: "/dev/nowhere".into() }, "offline"),
        (Place::None, "none"),
    ];
    for (place, state) in rows {
        let press = started(place);
        assert_eq!(press.status().await.state, state);
        assert_eq!(press.print(&receipt("N-1"), 58).await, (PrintOutcome::Failed, 0));
    }
}

#[tokio::test]
async fn wherever_the_paper_ends_the_next_receipt_is_whole_and_alone() {
    let mut prints = tokio::task::JoinSet::new();
    for after in (0..job("FIRST").len()).step_by(9) {
        prints.spawn(async move {
            let printer = Printer::on_network(32).unwrap();
            printer.with(|machine| machine.script.paper_end_after = Some(after));
            let press = network(&printer);
            let (outcome, _) = press.print(&receipt("FIRST"), 58).await;
            assert_eq!(outcome, PrintOutcome::PaperOut, "after {after} bytes");
            assert_eq!(press.status().await.state, "paper_out");
            printer.with(Machine::take_paper);
            printer.put_right();
            let (outcome, _) = press.print(&receipt("SECOND"), 58).await;
            assert_eq!(outcome, PrintOutcome::Printed, "after {after} bytes");
            let paper = printer.with(Machine::take_paper);
            assert_eq!((receipts(&paper), paper.problems.clone()), (1, Vec::new()), "{after}");
            assert!(paper.text().contains("SECOND") && !paper.text().contains("FIRST"), "{after}");
        });
    }
    while let Some(ended) = prints.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test]
async fn a_line_that_broke_is_picked_up_and_a_half_picture_leaves_nothing_behind() {
    let printer = Printer::on_network(32).unwrap();
    let place = Place::Network { address: printer.address().unwrap() };
    let settings = PressSettings { place, form: Form::Raster, ..PressSettings::default() };
    let press = Press::start(settings).unwrap();
    assert_eq!(press.status().await.state, "ready");
    printer.with(|machine| machine.script.closes_after = Some(machine.received.len() + 3_000));
    let (outcome, _) = press.print(&receipt("FIRST"), 58).await;
    assert_eq!(outcome, PrintOutcome::Unknown);
    printer.with(|machine| machine.script = Script::default());
    let (outcome, _) = press.print(&receipt("SECOND"), 58).await;
    assert_eq!(outcome, PrintOutcome::Printed);
    let paper = printer.with(Machine::take_paper);
    assert_eq!((receipts(&paper), paper.problems), (1, Vec::new()));
}

#[tokio::test]
async fn questions_never_come_between_the_rows_of_a_picture() {
    let printer = Printer::on_terminal(32).unwrap();
    let place =
        Place::Serial { path: printer.path().unwrap().to_str().unwrap().to_owned(), baud: 115_200 };
    let settings = PressSettings { place, form: Form::Raster, ..PressSettings::default() };
    let press = Press::start(settings).unwrap();
    let asking = press.clone();
    let questions = tokio::spawn(async move {
        for _ in 0..200 {
            asking.status().await;
            tokio::task::yield_now().await;
        }
    });
    let (outcome, _) = press.print(&receipt("N-1"), 58).await;
    questions.await.unwrap();
    assert_eq!(outcome, PrintOutcome::Printed);
    let paper = printer.with(Machine::take_paper);
    assert_eq!((receipts(&paper), paper.problems), (1, Vec::new()));
    let face = terminal::receipt::Face::find();
    let bytes = encode(&receipt("N-1"), Paper::Mm58, Form::Raster, face.as_ref()).bytes;
    assert!(printer.with(|machine| holds(&machine.received, &bytes)), "in one piece");
}

#[tokio::test]
async fn a_printer_that_takes_no_more_does_not_hold_the_thread() {
    let printer = Printer::on_terminal(32).unwrap();
    let path = printer.path().unwrap().to_str().unwrap().to_owned();
    let place = Place::Serial { path, baud: 115_200 };
    let settings = PressSettings { place, form: Form::Raster, ..PressSettings::default() };
    let press = Press::start(settings).unwrap();
    assert_eq!(press.status().await.state, "ready");
    printer.with(|machine| machine.script.stalls_after = Some(machine.received.len() + 2_000));
    // More than the kernel keeps of what a terminal does not take.
    let line = Line::Text { text: "充值".repeat(8), centred: false };
    let (outcome, mm) = press.print(&Receipt::from(vec![line; 60]), 58).await;
    assert_eq!(outcome, PrintOutcome::Unknown);
    assert!((1..200).contains(&mm), "only what was accepted is counted as used: {mm}");
}

#[tokio::test]
async fn the_roll_is_counted_and_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roll.json");
    let printer = Printer::on_network(32).unwrap();
    let place = Place::Network { address: printer.address().unwrap() };
    let settings = PressSettings { place, roll_file: Some(file), ..PressSettings::default() };
    let press = Press::start(settings.clone()).unwrap();
    assert_eq!(press.status().await.paper_mm, None);
    press.new_roll(1_540);
    assert_eq!(press.status().await.paper_mm, Some(1_540));
    let (_, mm) = press.print(&receipt("N-1"), 58).await;
    let left = 1_540 - i64::from(mm);
    let now = press.status().await;
    assert_eq!((now.paper_mm, now.state.as_str()), (Some(left), "near_end"), "no sensor said so");
    let again = Press::start(settings).unwrap();
    assert_eq!(again.status().await.paper_mm, Some(left));
}

#[tokio::test]
async fn a_file_takes_everything_and_is_never_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paper.bin");
    let press = started(Place::File { path: path.clone() });
    assert_eq!(press.status().await.state, "unknown");
    assert_eq!(press.print(&receipt("N-1"), 58).await.0, PrintOutcome::Unknown);
    assert!(holds(&std::fs::read(path).unwrap(), &job("N-1")));
}
