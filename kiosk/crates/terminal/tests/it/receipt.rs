//! Receipts, read by others: a decoder written from the makers' tables, a public renderer and a
//! public reader of QR codes.

use encoding_rs::GB18030;
use escpost_profiles::{PrinterProfile, compile_profile};
use kiosk_simulator::{
    head::{KNIFE_DOTS, picture},
    letters::Letters,
    paper::{Mark, Paper as Strip},
};
use kiosk_wire::receipt::{Line, Receipt};
use terminal::receipt::{Face, Form, Paper, encode, marked, test_page};

const URL: &str = "https://pay.example.cn/r/7Q2M4K9X1C0V5B8N";

fn text(text: &str) -> Line {
    Line::Text { text: text.to_owned(), centred: false }
}

fn pair(name: &str, value: &str) -> Line {
    Line::Pair { name: name.to_owned(), value: value.to_owned(), strong: false }
}

/// What a paid top-up looks like.
fn sale() -> Receipt {
    Receipt {
        logo: None,
        lines: vec![
            Line::Title { text: "充值凭条".to_owned() },
            Line::Text { text: "和园物业服务有限公司".to_owned(), centred: true },
            Line::Rule,
            pair("订单号", "P01-20261121-000123"),
            pair("渠道交易号", "4200002345202611211234567890"),
            pair("表号", "112233445566"),
            pair("户号", "张*三"),
            Line::Pair { name: "金额".to_owned(), value: "¥50.00".to_owned(), strong: true },
            pair("状态", "已到账"),
            Line::Qr { content: URL.to_owned() },
            Line::Feed { lines: 1 },
            Line::Cut,
        ],
    }
}

fn face() -> Face {
    Face::find().expect("scripts/prepare installs a font with Chinese")
}

fn strip(receipt: &Receipt, paper: Paper) -> Strip {
    Strip::of(&encode(receipt, paper, Form::Native, Some(&face())).bytes, paper.columns())
}

#[test]
fn a_sale_is_read_back_line_by_line_on_both_papers() {
    let narrow = "充值凭条\n和园物业服务有限公司\n--------------------------------\n\
         订单号       P01-20261121-000123\n渠道交易号\n\
         4200002345202611211234567890\n表号                112233445566\n户号                       张*三\n\
         金额     ￥50.00\n状态                      已到账\n";
    let paper = strip(&sale(), Paper::Mm58);
    assert_eq!(paper.problems, Vec::<String>::new());
    let same: Vec<String> = paper.text().lines().map(|l| l.trim_start().to_owned()).collect();
    let want: Vec<String> = narrow.lines().map(|l| l.trim_start().to_owned()).collect();
    assert_eq!(same, want);
    for (paper, width) in [(Paper::Mm58, 32), (Paper::Mm80, 48)] {
        let strip = strip(&sale(), paper);
        assert_eq!(strip.problems, Vec::<String>::new());
        let aligned = |mark: &Mark| match mark {
            Mark::Text { text, scale: 1, align: 0 } if text.contains("表号") => {
                Some(GB18030.encode(text).0.len())
            }
            _ => None,
        };
        assert_eq!(strip.marks.iter().find_map(aligned), Some(width), "the value ends at the edge");
        assert_eq!(strip.marks.last(), Some(&Mark::Cut));
        let code = strip.marks.iter().find(|mark| matches!(mark, Mark::Code { .. })).unwrap();
        let Mark::Code { content, module, correction, align } = code else { unreachable!() };
        assert_eq!((content.as_slice(), *module, *correction, *align), (URL.as_bytes(), 6, 49, 1));
        let job = encode(&sale(), paper, Form::Native, Some(&face()));
        assert_eq!(
            job.bytes,
            encode(&sale(), paper, Form::Native, None).bytes,
            "no rare character"
        );
        let dots = usize::try_from(job.mm).unwrap() * 203 * 10 / 254;
        // The cut, and the code, which has 29 or 33 modules.
        let more = 120 + 29 * 6..=120 + 33 * 6 + 20;
        assert!(more.contains(&(dots - strip.dots)), "{dots} {}", strip.dots);
    }
}

#[test]
fn the_bytes_are_those_of_the_makers_tables_and_of_the_standard() {
    // GB 18030 and the command tables; python-escpos 3.1 gives the same for the four characters.
    let receipt = Receipt::from(vec![text("电费充值 ¥5"), Line::Cut]);
    let bytes = encode(&receipt, Paper::Mm58, Form::Native, None).bytes;
    let want = [
        b"\x1b@\x1b2\x1c&".as_slice(),
        &[0xb5, 0xe7, 0xb7, 0xd1, 0xb3, 0xe4, 0xd6, 0xb5, b' ', 0xa3, 0xa4, b'5', b'\n'],
        b"\x1dVB\x00",
    ]
    .concat();
    assert_eq!(bytes, want);
    let large = Receipt::from(vec![Line::Title { text: "到账".to_owned() }]);
    let bytes = encode(&large, Paper::Mm58, Form::Native, None).bytes;
    let want = b"\x1b@\x1b2\x1c&\x1d!\x11\x1c!\x0c\x1ba\x01\xb5\xbd\xd5\xcb\n\x1d!\x00\x1c!\x00\x1ba\x00\x1dVB\x00";
    assert_eq!(bytes, want);
}

#[test]
fn no_byte_of_a_name_is_ever_a_command() {
    let hostile = [
        "张三\u{1b}p\u{0}\u{19}\u{fa}",
        "\u{10}\u{4}\u{1}\u{1d}V\u{1}\u{1c}.",
        "\u{202e}321\u{202c}\u{200b}\u{feff}\u{2066}x",
        "\u{9b}\u{7f}\u{85}\u{0}",
        "a\r\nb\tc",
        "\u{e5e5}\u{e000}\u{10fffd}",
    ];
    for name in hostile {
        let receipt = Receipt::from(vec![text(name), pair(name, name), Line::Cut]);
        for paper in [Paper::Mm58, Paper::Mm80] {
            let bytes = encode(&receipt, paper, Form::Native, Some(&face())).bytes;
            let body = &bytes[6..bytes.len() - 4];
            let quiet = body.iter().all(|b| *b == b'\n' || (0x20..0x7f).contains(b) || *b > 0x80);
            assert!(quiet, "{name:?}: {body:02x?}");
            assert_eq!(Strip::of(&bytes, paper.columns()).problems, Vec::<String>::new());
        }
    }
    let turned = strip(&Receipt::from(vec![text(hostile[2])]), Paper::Mm58);
    assert_eq!(turned.text(), "321x\n");
}

#[test]
fn no_text_ever_runs_over_the_edge_of_the_paper() {
    let long = [
        "诺".repeat(200),
        "w".repeat(200),
        "阿b".repeat(100),
        format!("{}，。", "很长的名字".repeat(39)),
        "word 字 ".repeat(28),
        "，".repeat(200),
        "a".repeat(31) + "字",
        String::new(),
        " ".repeat(200),
        "𬭎".repeat(200),
    ];
    for one in &long {
        for other in &long {
            let strong = Line::Pair { name: one.clone(), value: other.clone(), strong: true };
            let title = Line::Title { text: one.clone() };
            let lines = vec![title, strong, pair(one, other), text(other)];
            let receipt = Receipt::from(lines);
            for paper in [Paper::Mm58, Paper::Mm80] {
                let bytes = encode(&receipt, paper, Form::Native, None).bytes;
                let strip = Strip::of(&bytes, paper.columns());
                assert_eq!(strip.problems, Vec::<String>::new(), "{one} {other}");
                let letters = |text: &str| text.chars().filter(|c| *c != ' ').count();
                let known = letters(one) * 3 + letters(other) * 3;
                assert_eq!(letters(&strip.text().replace("\n", "")), known, "nothing is lost");
            }
        }
    }
    let longer = strip(&Receipt::from(vec![text(&"长".repeat(5_000))]), Paper::Mm58);
    assert_eq!(longer.text().replace('\n', "").chars().count(), 200);
    assert!(longer.text().ends_with("…\n"));
    let many = Receipt::from(vec![text("行"); 500]);
    assert_eq!(strip(&many, Paper::Mm58).text().lines().count(), 64);
    assert_eq!(strip(&many, Paper::Mm58).marks.last(), Some(&Mark::Cut));
}

#[test]
fn a_character_of_four_bytes_is_drawn_and_never_sent() {
    let face = face();
    assert!(face.has('𬭎') && face.has('㛃'), "the prepared font holds rare names");
    let name = "住户 李𬭎㛃 ￥50.00";
    let receipt = Receipt::from(vec![text("前"), text(name), text("后")]);
    let paper = strip(&receipt, Paper::Mm58);
    assert_eq!(paper.problems, Vec::<String>::new());
    assert_eq!(paper.text(), "前\n后\n");
    let Mark::Picture { stride, data } = &paper.marks[1] else { panic!("{:?}", paper.marks) };
    assert_eq!((*stride, data.len() / stride), (48, 34));
    let black: u32 = data.iter().map(|byte| byte.count_ones()).sum();
    assert!((400..4_000).contains(&black), "{black} dots of a line of text");
    // Without a font, and for a character no font has, the line stays text with a geta mark.
    let bytes = encode(&receipt, Paper::Mm58, Form::Native, None).bytes;
    let plain = Strip::of(&bytes, 32);
    assert_eq!(plain.text(), "前\n住户 李〓〓 ￥50.00\n后\n");
    let unknown = strip(&Receipt::from(vec![text("李\u{3ffff}")]), Paper::Mm58);
    assert_eq!(unknown.text(), "李〓\n");
}

pub fn profile(paper: Paper) -> PrinterProfile {
    let wide = format!("printable_width_dots = {}", paper.dots());
    let profile = include_str!("profile.toml").replace("printable_width_dots = 576", &wide);
    compile_profile(b"{}", &profile).unwrap()
}

#[test]
fn the_public_renderer_reads_the_raster_form_without_a_warning() {
    for (paper, dots) in [(Paper::Mm58, 384), (Paper::Mm80, 576)] {
        let job = encode(&sale(), paper, Form::Raster, Some(&face()));
        let rendered = escpost_render::render(&job.bytes, &profile(paper)).unwrap();
        assert!(rendered.warnings.is_empty() && rendered.device_events.is_empty());
        let sheet = &rendered.sheets[0].surface;
        assert_eq!((sheet.width(), rendered.sheets.len()), (dots, 1));
        let printed = |x: usize, y: usize| sheet.is_printed(x as u32, y as u32);
        assert_eq!(codes(dots as usize, sheet.height() as usize, printed), [URL]);
        // The amount stands in double size at the right edge, the rule crosses the paper.
        let black = |y: u32| (0..dots).filter(|x| sheet.is_printed(*x, y)).count();
        let rule = (0..sheet.height()).map(black).max().unwrap();
        assert!(rule * 3 > dots as usize, "{rule}");
        let mm = sheet.height() * 254 / 2_030;
        assert!(job.mm.abs_diff(mm) < 10, "{} {mm}", job.mm);
    }
}

#[test]
fn the_simulated_paper_has_the_dots_the_public_renderer_has() {
    let letters = Letters::find().unwrap();
    for (paper, margin) in [(Paper::Mm58, 40), (Paper::Mm80, 32)] {
        let job = encode(&sale(), paper, Form::Raster, Some(&face()));
        let rendered = escpost_render::render(&job.bytes, &profile(paper)).unwrap();
        let theirs = &rendered.sheets[0].surface;
        let ours = picture(&Strip::of(&job.bytes, paper.columns()), &letters);
        assert_eq!(ours.width(), paper.dots() + 2 * margin);
        let dots = paper.dots();
        let theirs = |x: usize, y: usize| theirs.is_printed(x as u32, y as u32);
        let first = (0..1_000).find(|y| (0..dots).any(|x| theirs(x, *y))).unwrap();
        let top = (0..1_000).find(|y| (0..dots).any(|x| ours.is_black(margin + x, *y))).unwrap();
        assert!(top >= KNIFE_DOTS, "{top}");
        for y in 0..ours.height() - top {
            let same = |x: usize| ours.is_black(margin + x, top + y) == theirs(x, first + y);
            assert!((0..dots).all(same), "row {y}");
        }
    }
}

#[test]
fn a_picture_lies_in_the_middle_and_a_broken_one_is_left_out() {
    // A square of 16 x 16 black dots, and shapes that lie about themselves.
    let bits = "//////////////////////////////////////////8=".to_owned();
    let picture =
        |width, height, bits: &str| Line::Picture { width, height, bits: bits.to_owned() };
    let bad = [
        picture(16, 17, &bits),
        picture(0, 0, ""),
        picture(16, 16, "?"),
        picture(4_000, 2, "AAAA"),
    ];
    let mut lines = vec![picture(16, 16, &bits)];
    lines.extend(bad);
    let paper = strip(&Receipt::from(lines), Paper::Mm58);
    assert_eq!(paper.problems, Vec::<String>::new());
    let Mark::Picture { stride: 48, data } = &paper.marks[0] else { panic!("{:?}", paper.marks) };
    assert_eq!((data.len(), &data[22..26]), (48 * 16, &[0x00, 0xff, 0xff, 0x00][..]));
    assert_eq!(paper.marks.len(), 2);
}

#[test]
fn a_code_too_fine_for_a_phone_is_printed_as_text() {
    let content = "x".repeat(200);
    let long = strip(&Receipt::from(vec![Line::Qr { content: content.clone() }]), Paper::Mm58);
    let text = long.text().replace('\n', "");
    let drawn = long.marks.iter().any(|m| matches!(m, Mark::Code { module: 4.., .. }));
    assert!(drawn || text == content, "{:?}", long.marks);
    assert_eq!(long.problems, Vec::<String>::new());
    let none = strip(&Receipt::from(vec![Line::Qr { content: String::new() }]), Paper::Mm58);
    assert_eq!(none.marks, [Mark::Cut]);
}

#[test]
fn a_copy_says_which_one_it_is() {
    let again = marked(&marked(&sale(), 2), 2);
    assert!(strip(&again, Paper::Mm80).text().starts_with("充值凭条\n补打第 2 次  COPY 2\n"));
    assert_eq!(again.lines.len(), sale().lines.len() + 1);
    assert_eq!(marked(&sale(), 0), sale());
    let said = Receipt::from(vec![pair("补打次数", "2")]);
    assert_eq!(marked(&said, 2), said);
}

#[test]
fn the_test_page_shows_its_paper_the_moment_and_every_way_to_print() {
    let at = "2026-11-21T02:03:04Z".parse().unwrap();
    for paper in [Paper::Mm58, Paper::Mm80] {
        let strip = strip(&test_page("K-03", paper, at), paper);
        assert_eq!(strip.problems, Vec::<String>::new());
        let text = strip.text();
        let width = format!("{} mm", paper.width_mm());
        let said = ["K-03", &width, "2026-11-21 10:03:04", "GB18030 电费充值", "￥0.00"];
        said.iter().for_each(|said| assert!(text.contains(said), "{said}: {text}"));
        assert!(text.lines().any(|line| line.len() == paper.columns()), "the ruler");
        let pictures = strip.marks.iter().filter_map(|mark| match mark {
            Mark::Picture { stride, data } => Some((*stride, data.as_slice())),
            _ => None,
        });
        let pictures: Vec<_> = pictures.collect();
        let [(_, rare), (stride, bar)] = pictures.as_slice() else { panic!("{}", pictures.len()) };
        assert!(rare.iter().any(|byte| *byte != 0));
        assert_eq!((*stride * 8, bar.len() / stride), (paper.dots(), 24), "from edge to edge");
        assert!(bar[..stride * 12].iter().all(|byte| *byte == 0xff));
        assert!(bar[stride * 12..].iter().all(|byte| *byte == 0xaa));
        let letters = Letters::find().unwrap();
        let drawn = picture(&strip, &letters);
        let read = codes(drawn.width(), drawn.height(), |x, y| drawn.is_black(x, y));
        assert_eq!(read, ["YUFU TEST K-03 2026-11-21 10:03:04"]);
    }
}

/// Every QR code on a picture, as an unrelated reader finds them.
fn codes(width: usize, height: usize, black: impl Fn(usize, usize) -> bool) -> Vec<String> {
    let grey = |x, y| if black(x, y) { 0 } else { 255 };
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
    let grids = picture.detect_grids();
    grids.iter().map(|grid| grid.decode().unwrap().1).collect()
}
