//! Adverts over a line that breaks, from a server that is wrong, to a page that plays them.

use std::{path::Path, sync::Arc};

use kiosk_wire::{
    channel::{Down, Up},
    content::{Advert, File, Holidays, HomeContent},
    text::Text,
};
use terminal::{
    advert::{Billboard, Broken, FetchEnd, Keeper, Media, QUOTA, Seen, Store, fetch},
    ambient::Manual,
    hex,
    link::{CHUNK_MS, Mouth, Outbox},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    faulty::{Does, soon},
    link::{Bench, bench, start},
};

pub fn png(size: usize, fill: u8) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.resize(size, fill);
    bytes
}

pub fn file(bytes: &[u8], media_type: &str) -> File {
    File {
        sha256: hex::sha256(bytes),
        bytes: bytes.len() as u64,
        media_type: media_type.to_owned(),
    }
}

fn range_of(from: usize, bytes: &[u8]) -> Vec<(String, String)> {
    let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
    vec![("content-range".to_owned(), range)]
}

#[tokio::test]
async fn a_file_comes_in_parts_over_a_broken_line_and_is_what_its_name_says() {
    let mut bench = bench().await;
    let bytes = png(200_000, 7);
    let file = file(&bytes, "image/png");
    let path = format!("/files/{}", file.sha256);
    let store = Store::open(&bench.folder.path().join("files"), QUOTA).unwrap();
    bench.server.once(&path, Does::Cut(200, Vec::new(), bytes.clone(), 70_000));
    let lost = soon(fetch(&bench.link, &store, &file)).await;
    assert!(matches!(lost, Err(FetchEnd::Lost)), "{lost:?}");
    let mut had = store.part_bytes(&file) as usize;
    assert!((1..=70_000).contains(&had), "what came is kept");
    for cut in [40_000, usize::MAX] {
        let rest = bytes[had..].to_vec();
        let after = cut.min(rest.len());
        let headers = range_of(had, &bytes);
        bench.server.once(&path, Does::Cut(206, headers, rest, after));
        let _ = soon(fetch(&bench.link, &store, &file)).await;
        let asked = bench.server.asked_so_far().pop().unwrap();
        assert_eq!(asked.range, Some(format!("bytes={had}-")));
        had = store.part_bytes(&file) as usize;
    }
    assert!(store.has(&file));
    assert_eq!(std::fs::read(store.path(&file.sha256).unwrap()).unwrap(), bytes);
    soon(fetch(&bench.link, &store, &file)).await.unwrap();
    assert!(bench.server.asked_so_far().is_empty(), "what is here is not asked for");
}

#[tokio::test]
async fn a_file_that_stands_still_is_given_up_and_what_came_is_kept() {
    let mut bench = bench().await;
    let bytes = png(100_000, 7);
    let file = file(&bytes, "image/png");
    let path = format!("/files/{}", file.sha256);
    let store = Store::open(&bench.folder.path().join("files"), QUOTA).unwrap();
    bench.server.once(&path, Does::Stall(200, bytes.clone(), 40_000));
    let (link, from) = (Arc::clone(&bench.link), store.clone());
    let of = file.clone();
    let fetching = tokio::spawn(async move { fetch(&link, &from, &of).await });
    let _ = bench.server.next(&path).await;
    while store.part_bytes(&file) < 40_000 {
        tokio::task::yield_now().await;
    }
    bench.clock.pass(CHUNK_MS);
    let end = soon(fetching).await.unwrap();
    assert!(matches!(end, Err(FetchEnd::Lost)), "{end:?}");
    assert_eq!(store.part_bytes(&file), 40_000);
}

/// Fetches one file from a server that does this, and says how it ended and what is left of it.
async fn fetched(file: &File, half: &[u8], does: Does) -> (&'static str, u64) {
    let bench = bench().await;
    let folder = bench.folder.path().join("files");
    let store = Store::open(&folder, 1_000_000).unwrap();
    if !half.is_empty() {
        std::fs::write(folder.join(format!("{}.part", file.sha256)), half).unwrap();
    }
    bench.server.always(&format!("/files/{}", file.sha256), does);
    let end = match soon(fetch(&bench.link, &store, file)).await {
        Ok(()) => "here",
        Err(FetchEnd::Lost) => "lost",
        Err(FetchEnd::Revoked) => "revoked",
        Err(FetchEnd::Full) => "full",
        Err(FetchEnd::Disk(_)) => "disk",
        Err(FetchEnd::Broken(Broken::Missing)) => "missing",
        Err(FetchEnd::Broken(Broken::Size)) => "size",
        Err(FetchEnd::Broken(Broken::Digest)) => "digest",
        Err(FetchEnd::Broken(Broken::Kind)) => "kind",
        Err(FetchEnd::Broken(Broken::Unknown)) => "unknown",
    };
    assert_eq!(store.has(file), end == "here");
    (end, store.part_bytes(file))
}

/// A file, the half of it that is here, what the server does, and how it ends.
type Row<'a> = (&'a File, &'a [u8], Does, (&'static str, u64));

#[tokio::test]
async fn a_wrong_file_is_told_from_a_lost_line() {
    let bytes = png(1_000, 7);
    let good = file(&bytes, "image/png");
    let html = b"<html>".to_vec();
    let whole = || Does::Answer(200, bytes.clone());
    let part = |from: usize| Does::With(206, range_of(from, &bytes), bytes[from..].to_vec());
    let other = png(1_000, 8);
    let long = [bytes.clone(), vec![0; 10]].concat();
    let named = |sha256: &str| File { sha256: sha256.to_owned(), ..good.clone() };
    let huge = File { bytes: 2_000_000, ..good.clone() };
    let jpeg = File { media_type: "image/jpeg".to_owned(), ..good.clone() };
    let table: [Row; 18] = [
        (&good, b"", whole(), ("here", 0)),
        (&good, &bytes[..400], part(400), ("here", 0)),
        (&good, &bytes[..400], whole(), ("here", 0)),
        (&good, &bytes, Does::Hang, ("here", 0)),
        (&good, &long, whole(), ("here", 0)),
        (&good, b"", Does::Answer(200, other.clone()), ("digest", 0)),
        // A half that was bad is not the server's fault: the next try is whole.
        (&good, &other[..400], part(400), ("lost", 0)),
        (&good, &bytes[..400], part(300), ("lost", 0)),
        (&good, &bytes[..400], Does::Answer(416, Vec::new()), ("lost", 0)),
        (&good, &bytes[..400], Does::problem(500, "internal"), ("lost", 400)),
        (&good, &bytes[..400], Does::LoseReply, ("lost", 400)),
        (&good, b"", Does::Answer(200, long.clone()), ("size", 0)),
        (&good, b"", Does::problem(404, "not_found"), ("missing", 0)),
        (&good, b"", Does::Answer(404, html.clone()), ("lost", 0)),
        (&jpeg, b"", whole(), ("kind", 0)),
        (&huge, b"", whole(), ("full", 0)),
        (&named("../../etc/passwd"), b"", whole(), ("unknown", 0)),
        (&file(&html, "text/html"), b"", Does::Answer(200, html.clone()), ("unknown", 0)),
    ];
    for (n, (file, half, does, want)) in table.into_iter().enumerate() {
        let path = format!("row {n}");
        assert_eq!(fetched(file, half, does).await, want, "{path}");
    }
}

fn advert(file: &File) -> Advert {
    Advert {
        file: file.clone(),
        title: Text::new("广告", "Advert"),
        seconds: 8,
        from_day: String::new(),
        until_day: String::new(),
        from_time: String::new(),
        until_time: String::new(),
        weekdays: Vec::new(),
    }
}

pub fn content(version: i64, logo: Option<&File>, adverts: &[&File]) -> HomeContent {
    HomeContent {
        version,
        company: Text::new("和园物业", "Heyuan"),
        logo: logo.cloned(),
        playlist: adverts.iter().map(|file| advert(file)).collect(),
        ..HomeContent::default()
    }
}

struct Kept {
    bench: Bench,
    keeper: Arc<Keeper>,
    mouth: Arc<Mouth>,
    media: Arc<Media>,
    running: tokio::task::JoinHandle<()>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn keep(bench: Bench) -> Kept {
    let folder = bench.folder.path();
    let ambient = Arc::new(bench.clock.clone());
    let store = Store::open(&folder.join("files"), QUOTA).unwrap();
    let mouth = Arc::new(Mouth::new(Outbox::open(folder).unwrap(), ambient.clone()));
    let media = Arc::new(Media::start(&bench.clock, None).await.unwrap());
    let keeper = Keeper::open(
        folder,
        store,
        Arc::clone(&bench.link),
        Arc::clone(&mouth),
        Arc::clone(&media),
        ambient,
    );
    let keeper = Arc::new(keeper.unwrap());
    let running = tokio::spawn(Arc::clone(&keeper).run());
    Kept { bench, keeper, mouth, media, running }
}

/// What was said so far, as it stands on the disk.
fn said(folder: &Path) -> Vec<Up> {
    Outbox::open(folder).unwrap().next(1)
}

impl Kept {
    fn versions(&self, content: i64) {
        self.keeper.hear(&Down::Versions { content, settings: 4, holidays: 2 });
    }

    async fn shows(&self, version: i64) -> HomeContent {
        let mut content = self.keeper.content();
        soon(content.wait_for(|content| content.version == version)).await.unwrap().clone()
    }
}

#[tokio::test]
async fn new_content_comes_with_its_files_and_is_told_when_a_page_shows_it() {
    let bench = bench().await;
    let (logo_bytes, film_bytes) = (png(500, 1), b"\0\0\0\x20ftypisom\0\0\x02\0".to_vec());
    let (logo, film) = (file(&logo_bytes, "image/png"), file(&film_bytes, "video/mp4"));
    let holidays = Holidays { version: 2, years: vec![2026], days: Vec::new() };
    bench.server.always("/holidays", Does::json(&holidays));
    bench.server.always("/content", Does::json(&content(3, Some(&logo), &[&film])));
    bench.server.always(&format!("/files/{}", logo.sha256), Does::Answer(200, logo_bytes.clone()));
    let film_path = format!("/files/{}", film.sha256);
    bench.server.once(&film_path, Does::LoseReply);
    bench.server.always(&film_path, Does::Answer(200, film_bytes));
    let mut kept = keep(bench).await;
    kept.versions(3);
    let _ = kept.bench.server.next(&film_path).await;
    assert_eq!(kept.keeper.content().borrow().version, 0, "not before all of it is here");
    assert_eq!(said(kept.bench.folder.path()), []);
    // The film was lost: it is tried again a moment later, and only that.
    while kept.keeper.content().borrow().version != 3 {
        if kept.bench.clock.next_ms().is_some_and(|wait| (1..=4_000).contains(&wait)) {
            kept.bench.clock.pass(4_000);
        }
        tokio::task::yield_now().await;
    }
    let shown = kept.shows(3).await;
    assert_eq!((shown.logo.as_ref(), shown.playlist.len()), (Some(&logo), 1));
    assert_eq!(kept.keeper.holidays().borrow().version, 2);
    let (status, body) = get(&kept.media.address(&logo.sha256), "GET", &[]).await;
    assert_eq!((status, body), (200, logo_bytes));
    assert_eq!(said(kept.bench.folder.path()), [], "fetched is not shown");
    kept.keeper.confirm(3);
    kept.keeper.confirm(3);
    assert_eq!(said(kept.bench.folder.path()), [Up::Shown { content_version: 3 }]);
    assert_eq!(kept.keeper.shown(), Some(3));
    assert_eq!(kept.mouth.waiting(), 1);
}

#[tokio::test]
async fn a_broken_advert_is_left_out_and_told_and_the_rest_is_shown() {
    let bench = bench().await;
    let bytes = png(500, 1);
    let (good, bad) = (file(&bytes, "image/png"), file(b"another", "image/png"));
    bench.server.always("/holidays", Does::json(&Holidays::default()));
    bench.server.always("/content", Does::json(&content(1, None, &[&bad, &good])));
    bench.server.always(&format!("/files/{}", good.sha256), Does::Answer(200, bytes));
    bench.server.always(&format!("/files/{}", bad.sha256), Does::Answer(200, png(7, 3)));
    let kept = keep(bench).await;
    kept.versions(1);
    let shown = kept.shows(1).await;
    let files: Vec<&File> = shown.playlist.iter().map(|advert| &advert.file).collect();
    assert_eq!(files, [&good]);
    let told = said(kept.bench.folder.path());
    let is = |up: &Up| {
        matches!(up, Up::Fault { name, detail, .. }
            if name == "advert_broken" && *detail == bad.sha256)
    };
    assert!(told.len() == 1 && is(&told[0]), "{told:?}");
    // New content no page shows goes, and what is named no more goes with it.
    kept.keeper.confirm(1);
    kept.bench.server.always("/content", Does::json(&content(2, None, &[])));
    kept.versions(2);
    let _ = kept.shows(2).await;
    kept.keeper.page_failed("crashed");
    let _ = kept.shows(1).await;
    let told = said(kept.bench.folder.path());
    assert!(told.iter().any(|up| matches!(up, Up::NotShown { content_version: 2, .. })));
}

#[tokio::test]
async fn adverts_take_turns_are_counted_while_they_are_seen_and_left_out_when_they_do_not_play() {
    let bench = bench().await;
    let bytes = png(500, 1);
    let film_bytes = b"\0\0\0\x20ftypisom\0\0\x02\0".to_vec();
    let (picture, film) = (file(&bytes, "image/png"), file(&film_bytes, "video/mp4"));
    bench.server.always("/holidays", Does::json(&Holidays::default()));
    bench.server.always("/content", Does::json(&content(1, None, &[&picture, &film])));
    bench.server.always(&format!("/files/{}", picture.sha256), Does::Answer(200, bytes));
    bench.server.always(&format!("/files/{}", film.sha256), Does::Answer(200, film_bytes));
    let kept = keep(bench).await;
    kept.versions(1);
    let _ = kept.shows(1).await;
    kept.keeper.confirm(1);
    let (link, mouth) = (Arc::clone(&kept.bench.link), Arc::clone(&kept.mouth));
    let clock = kept.bench.clock.clone();
    let mut board = Billboard::new(Arc::clone(&kept.keeper), link, mouth, Arc::new(clock.clone()));
    let plays = ["mp4".to_owned()];
    let mut turn = |on_screen, ended| {
        let seen = Seen { on_screen, ended, plays: &plays };
        board.turn(seen).map(|poster| (poster.media, poster.play))
    };
    // Somebody is there: one is ready, none is counted. Then eight seconds each.
    let steps = [
        (0, false, None, Some(("image", 1))),
        (60_000, false, None, Some(("image", 1))),
        (0, true, None, Some(("image", 1))),
        (7_999, true, None, Some(("image", 1))),
        (1, true, None, Some(("video", 2))),
        (3_000, true, Some(1), Some(("video", 2))),
        (1_000, true, Some(2), Some(("image", 3))),
        // A touch, and back.
        (2_000, false, None, Some(("image", 3))),
        (9_000, true, None, Some(("image", 3))),
        (8_000, true, None, Some(("video", 4))),
        // The film ends at once, twice: it is left out.
        (100, true, Some(4), Some(("image", 5))),
        (8_000, true, None, Some(("video", 6))),
        (100, true, Some(6), Some(("image", 7))),
        (8_000, true, None, Some(("image", 8))),
        (300_000, true, None, Some(("image", 9))),
    ];
    for (n, (pass, on_screen, ended, want)) in steps.into_iter().enumerate() {
        clock.pass(pass);
        assert_eq!(turn(on_screen, ended), want, "step {n}");
    }
    let mut told = said(kept.bench.folder.path());
    let Some(Up::Played { plays, .. }) = told.pop() else { panic!("{told:?}") };
    let seen: Vec<(bool, u64)> =
        plays.iter().map(|play| (play.file == film.sha256, play.shown_ms)).collect();
    let pictures = [2_000, 8_000, 8_000, 8_000, 300_000].map(|ms| (false, ms));
    assert_eq!(seen[..2], [(false, 8_000), (true, 4_000)]);
    assert_eq!(seen[2..], pictures);
    let Some(Up::Fault { name, detail, .. }) = told.pop() else { panic!("{told:?}") };
    assert_eq!((name.as_str(), &detail), ("advert_unplayable", &film.sha256));
}

/// One request over a raw connection: its status and body.
pub async fn get(address: &str, method: &str, headers: &[&str]) -> (u16, Vec<u8>) {
    let (_, status, body) = get_all(address, method, headers).await;
    (status, body)
}

async fn get_all(address: &str, method: &str, headers: &[&str]) -> (String, u16, Vec<u8>) {
    let (host, path) = address.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let mut head = format!("{method} /{path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|header| header.starts_with("host:")) {
        head += &format!("host: {host}\r\n");
    }
    for header in headers {
        head += &format!("{header}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    soon(stream.read_to_end(&mut bytes)).await.unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (head, status, bytes[end..].to_vec())
}

#[tokio::test]
async fn only_what_is_on_the_screen_is_served_under_the_token_on_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Manual::at(start(), 1);
    let media = Media::start(&clock, Some("tauri://localhost")).await.unwrap();
    let bytes = png(200_000, 9);
    let (here, secret) = (file(&bytes, "image/png"), file(b"secret", "image/png"));
    for (file, bytes) in [(&here, &bytes[..]), (&secret, b"secret")] {
        std::fs::write(folder.path().join(&file.sha256), bytes).unwrap();
    }
    media.serve([(here.clone(), folder.path().join(&here.sha256))]);
    let address = media.address(&here.sha256);
    assert!(address.starts_with("http://127.0.0.1:"), "{address}");
    assert_eq!(get(&address, "GET", &[]).await, (200, bytes.clone()));
    let (head, status, body) = get_all(&address, "HEAD", &[]).await;
    assert_eq!((status, body.len()), (200, 0));
    for line in [
        "content-length: 200000",
        "content-type: image/png",
        "accept-ranges: bytes",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
        "access-control-allow-origin: tauri://localhost",
    ] {
        assert!(head.contains(line), "{line} in {head}");
    }
    let (head, status, body) = get_all(&address, "GET", &["range: bytes=100-199"]).await;
    assert_eq!((status, body), (206, bytes[100..200].to_vec()));
    assert!(head.contains("content-range: bytes 100-199/200000"), "{head}");
    let (head, status, _) = get_all(&address, "GET", &["range: bytes=200000-"]).await;
    assert!(status == 416 && head.contains("content-range: bytes */200000"), "{head}");
    assert_eq!(get(&address, "GET", &["range: bytes=-5"]).await.1, bytes[199_995..]);
    let token = address.rsplit('/').nth(1).unwrap();
    let refused = [
        (media.address(&secret.sha256), "GET", "", 404),
        (address.replace(token, &"0".repeat(64)), "GET", "", 404),
        (address.replace(token, ""), "GET", "", 404),
        (media.address(&format!("../{}", here.sha256)), "GET", "", 404),
        (media.address("%2e%2e%2fsecret"), "GET", "", 404),
        (address.clone(), "POST", "", 405),
        (address.clone(), "DELETE", "", 405),
        (address.clone(), "GET", "host: evil.example", 403),
        (address.clone(), "GET", "host: localhost:1", 403),
    ];
    for (address, method, header, want) in refused {
        let headers: &[&str] = if header.is_empty() { &[] } else { &[header] };
        let (status, body) = get(&address, method, headers).await;
        assert_eq!((status, body.len()), (want, 0), "{method} {address} {header}");
    }
    // What leaves the screen is gone, and a file that vanished is no panic.
    std::fs::remove_file(folder.path().join(&here.sha256)).unwrap();
    assert_eq!(get(&address, "GET", &[]).await.0, 404);
    media.serve([]);
    assert_eq!(get(&address, "GET", &[]).await.0, 404);
    let other = Media::start(&clock, None).await.unwrap();
    assert!(!other.address("x").contains(token), "another start, another token");
}
