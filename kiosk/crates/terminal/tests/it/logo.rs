//! Logos: dots as Pillow has them, on paper as a public renderer sees it, and files that lie.

use std::{
    fs,
    io::{Cursor, Write},
    sync::Arc,
};

use image::{ImageFormat, Luma};
use kiosk_simulator::{
    paper::{Mark, Paper as Strip},
    printer::Machine,
    socket::Printer,
};
use kiosk_wire::receipt::{Line, PrintOutcome, Receipt};
use terminal::{
    advert::{QUOTA, Store},
    hex,
    printer::{Place, Press, PressSettings},
    receipt::{
        Form, Logos, Paper, Sheet, StoredLogos,
        bitmap::Bitmap,
        encode, encode_sheet,
        logo::{Grey, LOGO_BYTES_MAX, LOGO_HEIGHT_MAX, dithered, printable},
    },
};

use crate::receipt::profile;

const PNG: &[u8] = include_bytes!("../samples/logos/logo.png");
const JPEG: &[u8] = include_bytes!("../samples/logos/logo.jpg");
const SHADES: &[u8] = include_bytes!("../samples/logos/shades.png");

fn black(bitmap: &Bitmap) -> usize {
    bitmap.rows(0, bitmap.height()).iter().map(|byte| byte.count_ones() as usize).sum()
}

fn receipt(logo: Option<&[u8]>) -> Receipt {
    let lines = vec![Line::Title { text: "和园公寓".to_owned() }, Line::Cut];
    Receipt { lines, logo: logo.map(hex::sha256) }
}

/// A store with these files, however they are.
fn store(folder: &std::path::Path, files: &[&[u8]]) -> Store {
    let store = Store::open(folder, QUOTA).unwrap();
    for bytes in files {
        fs::write(store.path(&hex::sha256(bytes)).unwrap(), bytes).unwrap();
    }
    store
}

#[test]
fn grey_becomes_the_dots_an_unrelated_program_makes_of_it() {
    // Pillow 13.0, convert("1"), of the same file.
    let theirs = "ffdaa400faaa9121ef6a4807faaa910fada9003fd55448fdb52101ffd54807ea";
    let ours = printable(SHADES, Paper::Mm58).unwrap();
    assert_eq!((ours.width(), ours.height()), (32, 8), "what is small is not made larger");
    assert_eq!(hex::encode(ours.rows(0, 8)), theirs);
    // As much black as the grey is dark, whatever the shade.
    for shade in (0..=255).step_by(5) {
        let grey = Grey { width: 100, height: 100, dots: vec![shade; 10_000] };
        let wanted = (255 - usize::from(shade)) * 10_000 / 255;
        assert!(black(&dithered(&grey)).abs_diff(wanted) < 150, "{shade}");
    }
}

#[test]
fn a_logo_takes_two_thirds_of_the_paper_and_keeps_its_proportions() {
    // Pillow: resize((width, height), BOX).convert("1") of the same 900 by 300 pixels.
    for (paper, size, theirs) in
        [(Paper::Mm58, (256, 85), 6_707), (Paper::Mm80, (384, 128), 15_180)]
    {
        let [png, jpeg] = [PNG, JPEG].map(|file| printable(file, paper).unwrap());
        for logo in [&png, &jpeg] {
            assert_eq!((logo.width(), logo.height()), size);
            let dots = black(logo);
            // Pillow weighs green a little less.
            assert!(dots.abs_diff(theirs) * 100 < theirs * 4, "{dots} of {theirs}");
        }
    }
    let tall = image::GrayImage::from_pixel(300, 900, Luma([0]));
    let mut file = Cursor::new(Vec::new());
    tall.write_to(&mut file, ImageFormat::Png).unwrap();
    let tall = printable(file.get_ref(), Paper::Mm80).unwrap();
    assert_eq!((tall.width(), tall.height()), (66, LOGO_HEIGHT_MAX));
    assert_eq!(black(&tall), 66 * LOGO_HEIGHT_MAX, "what is black stays black");
}

/// A chunk of a PNG (PNG 5.3).
fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let named = [kind.as_slice(), body].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&length, named.as_slice(), &crc32fast::hash(&named).to_be_bytes()].concat()
}

/// A grey PNG that says it has this size.
fn png_of(width: u32, height: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let head = chunk(b"IHDR", &[size.as_slice(), &[8, 0, 0, 0, 0]].concat());
    [b"\x89PNG\r\n\x1a\n".as_slice(), &head, &chunks.concat(), &chunk(b"IEND", &[])].concat()
}

/// So many zeroes as a zlib stream (RFC 1950), a thousandth of their size.
fn squeezed(zeroes: usize) -> Vec<u8> {
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(&vec![0; zeroes]).unwrap();
    out.finish().unwrap()
}

#[test]
fn a_logo_that_is_broken_or_a_bomb_costs_the_logo_only() {
    let bomb = squeezed(16 * 1024 * 1024);
    let whole = squeezed(11 * 10);
    let note = [b"a\0\0".as_slice(), &bomb].concat();
    let jpeg_head = |width: u16, height: u16| {
        let [wide, high] = [width.to_be_bytes(), height.to_be_bytes()];
        // SOI and SOF0 (ITU-T T.81, B.2.2) of one component.
        let frame = [b"\xff\xd8\xff\xc0\0\x0b\x08".as_slice(), &high, &wide, &[1, 1, 0x11, 0]];
        frame.concat()
    };
    let rows = [
        ("nothing", Vec::new(), None),
        ("a page", b"<html></html>".to_vec(), None),
        ("a film", b"\0\0\0\x20ftypisom\0\0\x02\0".to_vec(), None),
        ("half a picture", PNG[..PNG.len() / 2].to_vec(), None),
        ("a well one", png_of(10, 10, &[chunk(b"IDAT", &whole)]), Some((10, 10))),
        ("60,000 wide", png_of(60_000, 60_000, &[chunk(b"IDAT", &bomb)]), None),
        ("16 million pixels", png_of(4_096, 4_096, &[chunk(b"IDAT", &bomb)]), None),
        ("no pixel", png_of(0, 10, &[chunk(b"IDAT", &whole)]), None),
        ("more pixels than said", png_of(10, 10, &[chunk(b"IDAT", &bomb)]), Some((10, 10))),
        ("a JPEG of 4 thousand million", jpeg_head(65_500, 65_500), None),
        ("a JPEG of nothing", jpeg_head(10, 10), None),
        ("too long", [PNG, &vec![0; LOGO_BYTES_MAX as usize]].concat(), None),
    ];
    for (what, file, want) in rows {
        let size = printable(&file, Paper::Mm58).map(|logo| (logo.width(), logo.height()));
        assert_eq!(size, want, "{what}");
    }
    // A note that is squeezed is left out or keeps the picture from being read, and no more.
    let noted = png_of(10, 10, &[chunk(b"zTXt", &note), chunk(b"IDAT", &whole)]);
    assert!(printable(&noted, Paper::Mm58).is_none_or(|logo| logo.width() == 10));
    // Whatever byte is wrong: no panic, nothing beyond the paper.
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let small = image::GrayImage::from_fn(30, 10, |x, y| Luma([(x * 8 + y * 13) as u8]));
        let mut file = Cursor::new(Vec::new());
        small.write_to(&mut file, format).unwrap();
        let file = file.into_inner();
        assert!(printable(&file, Paper::Mm58).is_some());
        for at in 0..file.len() {
            let mut wrong = file.clone();
            wrong[at] ^= 0x5a;
            for bytes in [wrong.as_slice(), &file[..at]] {
                let fits = |logo: Bitmap| logo.width() <= 256 && logo.height() <= LOGO_HEIGHT_MAX;
                assert!(printable(bytes, Paper::Mm58).is_none_or(fits), "{at}");
            }
        }
    }
}

#[test]
fn a_logo_stands_above_the_head_in_both_forms() {
    let face = terminal::receipt::Face::find();
    for paper in [Paper::Mm58, Paper::Mm80] {
        let logo = printable(PNG, paper).unwrap();
        let wide = logo.centred(paper.dots());
        let mut sheet = Sheet::lay_out(&receipt(None), paper, face.as_ref());
        let without = sheet.mm();
        sheet.put_above(logo.clone());
        let native = encode_sheet(&sheet, Form::Native, face.as_ref());
        assert!(native.mm > without, "its paper is counted");
        let strip = Strip::of(&native.bytes, paper.columns());
        assert_eq!(strip.problems, Vec::<String>::new());
        let data = wide.rows(0, wide.height()).to_vec();
        assert_eq!(strip.marks[0], Mark::Picture { stride: paper.dots() / 8, data });
        assert_eq!(strip.text(), "和园公寓\n");
        // The public renderer, dot by dot.
        let raster = encode_sheet(&sheet, Form::Raster, face.as_ref());
        let rendered = escpost_render::render(&raster.bytes, &profile(paper)).unwrap();
        assert!(rendered.warnings.is_empty(), "{:?}", rendered.warnings);
        let surface = &rendered.sheets[0].surface;
        let printed = |x: usize, y: usize| surface.is_printed(x as u32, y as u32);
        let row = |dots: &dyn Fn(usize) -> bool| (0..paper.dots()).any(dots);
        let first = (0..1_000).find(|y| row(&|x| printed(x, *y))).unwrap();
        let own = (0..wide.height()).find(|y| row(&|x| wide.is_black(x, *y))).unwrap();
        for y in own..wide.height() {
            let same = |x: usize| wide.is_black(x, y) == printed(x, first + y - own);
            assert!((0..paper.dots()).all(same), "row {y}");
        }
    }
}

#[test]
fn a_logo_is_looked_for_again_until_it_is_there_and_then_kept() {
    let folder = tempfile::tempdir().unwrap();
    let broken = b"\x89PNG\r\n\x1a\nand no more".as_slice();
    let files = store(folder.path(), &[broken]);
    let logos = StoredLogos::new(files.clone());
    let name = hex::sha256(PNG);
    assert_eq!(logos.bitmap("../../etc/passwd", Paper::Mm58), None);
    assert_eq!(logos.bitmap(&hex::sha256(broken), Paper::Mm58), None);
    assert_eq!(logos.bitmap(&name, Paper::Mm58), None);
    fs::write(files.path(&name).unwrap(), PNG).unwrap();
    let found = logos.bitmap(&name, Paper::Mm58);
    assert_eq!(found, printable(PNG, Paper::Mm58));
    fs::remove_file(files.path(&name).unwrap()).unwrap();
    assert_eq!(logos.bitmap(&name, Paper::Mm58), found);
    assert_eq!(logos.bitmap(&name, Paper::Mm80), None, "another paper is another picture");
}

#[tokio::test]
async fn a_receipt_is_printed_with_its_logo_or_without_one_that_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let broken = PNG[..200].to_vec();
    let logos = Arc::new(StoredLogos::new(store(folder.path(), &[PNG, &broken])));
    for form in [Form::Native, Form::Raster] {
        let printer = Printer::on_network(32).unwrap();
        let place = Place::Network { address: printer.address().unwrap() };
        let settings =
            PressSettings { place, form, logos: Some(logos.clone()), ..PressSettings::default() };
        let press = Press::start(settings).unwrap();
        let face = terminal::receipt::Face::find();
        let bare = encode(&receipt(None), Paper::Mm58, form, face.as_ref()).bytes;
        let rows: [(&str, Option<&[u8]>, bool); 4] = [
            ("here", Some(PNG), true),
            ("broken", Some(&broken), false),
            ("missing", Some(JPEG), false),
            ("none", None, false),
        ];
        for (what, logo, drawn) in rows {
            let (outcome, mm) = press.print(&receipt(logo), 58).await;
            assert_eq!(outcome, PrintOutcome::Printed, "{what}");
            assert_eq!(mm > 30, drawn, "{what}: {mm} mm");
            let (paper, received) = printer.with(|machine: &mut Machine| {
                (machine.take_paper(), std::mem::take(&mut machine.received))
            });
            assert_eq!(paper.problems, Vec::<String>::new(), "{what}");
            let plain = received.windows(bare.len()).any(|bytes| bytes == bare);
            assert_eq!(plain, !drawn, "{what}: the lines alone");
            let Mark::Picture { data, .. } = &paper.marks[0] else {
                assert!(!drawn, "{what}");
                continue;
            };
            let logo = printable(PNG, Paper::Mm58).unwrap().centred(384);
            assert_eq!(data.starts_with(logo.rows(0, logo.height())), drawn, "{what}");
        }
    }
}
