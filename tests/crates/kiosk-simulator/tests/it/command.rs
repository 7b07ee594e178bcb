//! `simulator printer` from outside: bytes in, files and a page out.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
};

use kiosk_simulator::command::{Args, Running, start};

/// A short receipt: 到账, a cut; then the question whether it was printed.
const SHORT: &[u8] = b"\x1b@\x1c&\xb5\xbd\xd5\xcb\n\x1dVB\x00\x1dr\x01";

async fn running(folder: &Path, width: u16) -> Running {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let args = Args {
        listen: any,
        papers: folder.join("papers"),
        ready: Some(folder.join("printer.ready")),
        width,
        page: Some(any),
    };
    start(&args).await.unwrap()
}

fn connected(running: &Running) -> TcpStream {
    TcpStream::connect(running.printer.address().unwrap()).unwrap()
}

/// Sends bytes and waits for one byte of an answer; none where the printer hangs up.
fn asked(stream: &mut TcpStream, bytes: &[u8]) -> Option<u8> {
    let _ = stream.write_all(bytes);
    let mut answer = [0];
    stream.read_exact(&mut answer).ok().map(|()| answer[0])
}

/// One request to the page: its head and its body.
async fn page(running: &Running, request: String) -> (String, Vec<u8>) {
    let address = running.page.unwrap();
    let asking = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    });
    let answer = asking.await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    (String::from_utf8(answer[..end].to_vec()).unwrap(), answer[end + 4..].to_vec())
}

async fn get(running: &Running, path: &str) -> (String, Vec<u8>) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: printer\r\nConnection: close\r\n\r\n");
    page(running, request).await
}

async fn press(running: &Running, word: &str) -> String {
    let form = format!("do={word}");
    let length = form.len();
    let head = "POST /printer HTTP/1.1\r\nHost: printer\r\nConnection: close\r\n";
    page(running, format!("{head}Content-Length: {length}\r\n\r\n{form}")).await.0
}

async fn text(running: &Running, path: &str) -> String {
    String::from_utf8(get(running, path).await.1).unwrap()
}

#[tokio::test]
async fn a_receipt_lies_in_its_folder_before_the_printer_says_that_it_was_printed() {
    let folder = tempfile::tempdir().unwrap();
    let papers = folder.path().join("papers");
    fs::create_dir(&papers).unwrap();
    fs::write(papers.join("receipt-7.png"), "of an earlier run").unwrap();
    fs::write(papers.join("kept.txt"), "of somebody else").unwrap();
    let running = running(folder.path(), 58).await;
    assert!(!papers.join("receipt-7.png").exists() && papers.join("kept.txt").exists());
    let ready = fs::read_to_string(folder.path().join("printer.ready")).unwrap();
    let (printer, page) = (running.printer.address().unwrap(), running.page.unwrap());
    assert_eq!(ready, format!("printer={printer}\npage=http://{page}/\n"));
    let mut stream = connected(&running);
    for number in 1..=3 {
        assert_eq!(asked(&mut stream, SHORT), Some(0));
        let file = fs::read(papers.join(format!("receipt-{number}.png"))).unwrap();
        assert_eq!(&file[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!(u32::from_be_bytes(file[16..20].try_into().unwrap()), 464, "58 mm");
    }
    let beside = |entry: fs::DirEntry| entry.file_name().to_string_lossy().ends_with(".new");
    assert!(!fs::read_dir(&papers).unwrap().any(|entry| beside(entry.unwrap())));
}

#[tokio::test]
async fn the_page_shows_the_newest_paper_first_and_what_still_hangs_out() {
    let folder = tempfile::tempdir().unwrap();
    let running = running(folder.path(), 80).await;
    let mut stream = connected(&running);
    asked(&mut stream, SHORT);
    asked(&mut stream, SHORT);
    asked(&mut stream, b"\xb5\xbd\n\x1bp\x00\x19\xfa\x1dr\x01");
    let whole = text(&running, "/").await;
    assert!(whole.contains("凭条打印机") && whole.contains("lang=\"zh-CN\""));
    assert!(whole.contains(&text(&running, "/paper").await));
    let order = ["正常 Well", "/hanging.png", "/receipt-2.png", "/receipt-1.png"];
    let at = order.map(|part| whole.find(part).unwrap_or_else(|| panic!("{part}: {whole}")));
    assert!(at.is_sorted(), "{at:?}");
    for path in ["/receipt-1.png", "/hanging.png", "/page.css", "/page.js"] {
        let (head, body) = get(&running, path).await;
        assert!(head.starts_with("HTTP/1.1 200") && !body.is_empty(), "{path}: {head}");
        assert!(head.contains("default-src 'self'"), "{head}");
    }
    for path in ["/receipt-9.png", "/../printer.ready", "/kept.txt", "/receipt-.png"] {
        assert!(get(&running, path).await.0.starts_with("HTTP/1.1 404"), "{path}");
    }
    asked(&mut stream, b"\x1dVB\x00\x1dr\x01");
    assert!(text(&running, "/paper").await.contains("the drawer was opened"));
}

#[tokio::test]
async fn every_button_does_to_the_printer_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let running = running(folder.path(), 80).await;
    // The answers to DLE EOT 2 and 4 by the makers' tables.
    let rows = [
        ("near_end", "纸将尽 Paper low", Some(0x12), Some(0x1e)),
        ("paper_out", "缺纸 Paper out", Some(0x32), Some(0x7e)),
        ("cover_open", "上盖打开 Cover open", Some(0x16), Some(0x12)),
        ("off", "断线 Offline", None, None),
    ];
    for (word, state, cause, roll) in rows {
        let mut before = connected(&running);
        assert_eq!(asked(&mut before, b"\x10\x04\x02"), Some(0x12), "{word}: well before");
        assert!(press(&running, word).await.starts_with("HTTP/1.1 303"), "{word}");
        assert!(text(&running, "/paper").await.contains(state), "{word}");
        assert_eq!(asked(&mut before, b"\x10\x04\x02"), cause, "{word}");
        let mut after = connected(&running);
        assert_eq!(asked(&mut after, b"\x10\x04\x02"), cause, "{word}");
        assert_eq!(asked(&mut after, b"\x10\x04\x04"), roll, "{word}");
        press(&running, "well").await;
        assert!(text(&running, "/paper").await.contains("正常 Well"), "{word}");
    }
    assert!(press(&running, "explode").await.starts_with("HTTP/1.1 400"));
    assert!(press(&running, &"x".repeat(10_000)).await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn a_roll_that_ends_in_the_middle_leaves_half_a_receipt_and_a_stuck_knife_an_uncut_one() {
    let folder = tempfile::tempdir().unwrap();
    let papers = folder.path().join("papers");
    let running = running(folder.path(), 58).await;
    let mut stream = connected(&running);
    press(&running, "ends_in_the_middle").await;
    let long =
        [b"\x1b@\x1c&".as_slice(), &b"\xb5\xbd\xd5\xcb\n".repeat(60), b"\x1dVB\x00"].concat();
    // The status is answered at once, whatever waits in memory.
    let end = [&long, b"\x10\x04\x02".as_slice()].concat();
    assert_eq!(asked(&mut stream, &end), Some(0x32));
    assert!(!papers.join("receipt-1.png").exists());
    press(&running, "well").await;
    assert!(papers.join("half-1.png").exists(), "the old roll is taken out");
    assert!(papers.join("receipt-1.png").exists(), "the rest was still in the memory");
    press(&running, "jam").await;
    let end = [SHORT, b"\x10\x04\x02".as_slice()].concat();
    assert_eq!(asked(&mut stream, &end), Some(0x52));
    assert!(!papers.join("receipt-2.png").exists());
    assert!(text(&running, "/paper").await.contains("卡刀"));
    press(&running, "well").await;
    assert!(papers.join("receipt-2.png").exists() && !papers.join("half-2.png").exists());
}
