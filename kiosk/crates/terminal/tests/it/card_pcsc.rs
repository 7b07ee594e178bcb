//! The same through the real service: pcscd and the virtual reader of vsmartcard. The service runs
//! in a room of its own (a mount namespace), so that it neither finds nor disturbs another one.
//!
//! `YUFU_TEST_READER=required` makes a missing service a failure; without it a machine that has
//! none says so and the test ends.

use std::{
    env,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use kiosk_simulator::{
    card::{Card, Tear},
    vpcd,
};
use kiosk_wire::card::VoucherOutcome;
use terminal::card::{Desk, PcscReader, Seen, YufuM1};

use crate::card::{card, keys, uid, valid, voucher};

/// How the library of pcscd is told where the service listens.
const SOCKET: &str = "PCSCLITE_CSOCK_NAME";
/// How the inner run is told where the virtual reader listens.
const READER: &str = "YUFU_TEST_VPCD";
/// The driver of the virtual reader.
const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
const NAME: &str = "card_pcsc::a_card_on_a_real_reader_survives_being_torn_off";

/// The service, ended with the test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether the machine has the service and the virtual reader.
fn is_there() -> bool {
    let service = Command::new("pcscd").arg("--version").output();
    let there = service.is_ok() && Path::new(DRIVER).exists();
    let required = env::var("YUFU_TEST_READER").is_ok_and(|word| word == "required");
    assert!(there || !required, "pcscd or vsmartcard-vpcd is missing: scripts/prepare test");
    there
}

/// Starts pcscd with one virtual reader on a free port.
fn service(folder: &Path) -> (Service, u16) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let conf = folder.join("reader.conf");
    let reader = format!(
        "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x{port:04X}\n\
         LIBPATH {DRIVER}\nCHANNELID 0x{port:04X}\n"
    );
    std::fs::write(&conf, reader).unwrap();
    let inside = "mkdir -p /run/pcscd && mount -t tmpfs none /run/pcscd && exec pcscd -f -d -c $0";
    // Where a plain folder was made the root, `/` is no mount that could be made private first.
    let script = "if [ \"$(id -u)\" = 0 ]; then room=-m; else room=-rm; fi; \
                  unshare $room true 2>/dev/null || room=\"$room --propagation unchanged\"; \
                  mkdir -p /run/pcscd; exec unshare $room sh -c \"$1\" \"$0\"";
    let mut child = Command::new("sh")
        .args(["-c", script])
        .arg(&conf)
        .arg(inside)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let service = Service(child);
    let mut said = String::new();
    let ready = lines.by_ref().map_while(Result::ok).any(|line| {
        said.push_str(&line);
        line.contains("daemon ready")
    });
    assert!(ready, "{said}");
    // It goes on talking; somebody has to listen, or it stops.
    thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    (service, port)
}

#[test]
fn a_card_on_a_real_reader_survives_being_torn_off() {
    if let Ok(reader) = env::var(READER) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(torn_off(reader.parse().unwrap()));
        return;
    }
    if !is_there() {
        eprintln!("not run: pcscd or vsmartcard-vpcd is missing, scripts/prepare test installs it");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (service, port) = service(folder.path());
    // The service's own view of the file system, as others may look into it.
    let room = PathBuf::from(format!("/proc/{}", service.0.id())).join("root");
    let socket = room.join("run/pcscd/pcscd.comm");
    let ended = Command::new(env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(SOCKET, socket)
        .env(READER, format!("127.0.0.1:{port}"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.contains("1 passed"), "{said}");
}

async fn torn_off(reader: SocketAddr) {
    let named = PcscReader::new(Some("Virtual PCD".to_owned()));
    let desk = Desk::start(Box::new(named), Box::new(YufuM1)).unwrap();
    // A whole purchase, from laying the card down to reading it again.
    let whole = card(5, 6);
    let laid = vpcd::lay(reader, &whole).unwrap();
    assert_eq!(desk.wait(None).await, Seen::Laid { uid: uid() });
    let Seen::Read(lookup) = desk.read(uid(), keys()).await else { panic!("it can be read") };
    assert_eq!(lookup.blocks.len(), 6);
    assert_eq!(write(&desk).await, VoucherOutcome::Written);
    assert_eq!(valid(&whole), [7, 6]);
    drop(laid);

    let bytes = [0, 7, 16, 31, 40, 47].map(|at| Tear { after_bytes: Some(at), ..Tear::default() });
    let commands = [9, 11, 12, 13].map(|at| Tear {
        after_commands: Some(at),
        reply_lost: at % 2 == 0,
        ..Tear::default()
    });
    for tear in bytes.into_iter().chain(commands) {
        let card = card(5, 6);
        card.lock().unwrap().tear = tear.clone();
        tear_and_mend(&desk, reader, &card, &tear).await;
    }
}

async fn tear_and_mend(desk: &Desk, reader: SocketAddr, card: &Arc<Mutex<Card>>, tear: &Tear) {
    let laid = vpcd::lay(reader, card).unwrap();
    assert_eq!(desk.wait(None).await, Seen::Laid { uid: uid() }, "{tear:?}");
    let outcome = write(desk).await;
    let left = valid(card);
    assert!(left.contains(&6), "{left:?} {tear:?}");
    assert_eq!(outcome == VoucherOutcome::Written, left.contains(&7) && card_is_there(card));
    drop(laid);
    card.lock().unwrap().lay();
    let _laid = vpcd::lay(reader, card).unwrap();
    assert_eq!(desk.wait(None).await, Seen::Laid { uid: uid() }, "{tear:?}");
    assert_eq!(write(desk).await, VoucherOutcome::Written, "{tear:?}");
    assert_eq!(valid(card), [7, 6], "{tear:?}");
}

fn card_is_there(card: &Mutex<Card>) -> bool {
    card.lock().unwrap().is_there()
}

async fn write(desk: &Desk) -> VoucherOutcome {
    match desk.write(uid(), keys(), voucher(7, 0)).await {
        Seen::Wrote(report) => report.outcome,
        other => panic!("{other:?}"),
    }
}
