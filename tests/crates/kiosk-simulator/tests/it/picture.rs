//! Pictures of paper, read back by others: letters by another rasteriser, codes by a public reader,
//! the file by its own format.

use kiosk_simulator::{
    head::{KNIFE_DOTS, picture},
    letters::Letters,
    paper::Paper,
    picture::Picture,
    printer::Machine,
};

use crate::reader::Reader;

const URL: &str = "https://pay.example.cn/r/7Q2M4K9X1C0V5B8N";

/// A receipt by the makers' tables, its Chinese by GB 18030: a large title in the middle, two lines,
/// a bold one at the right, a code, a cut.
fn golden() -> Vec<u8> {
    let mut bytes = b"\x1b@\x1b2\x1c&".to_vec();
    // 电费充值
    bytes.extend(b"\x1d!\x11\x1c!\x0c\x1ba\x01\xb5\xe7\xb7\xd1\xb3\xe4\xd6\xb5\n");
    bytes.extend(b"\x1d!\x00\x1c!\x00\x1ba\x00");
    // 订单号 P01-20261121-000123; 表号 112233445566
    bytes.extend(b"\xb6\xa9\xb5\xa5\xba\xc5 P01-20261121-000123\n");
    bytes.extend(b"\xb1\xed\xba\xc5 112233445566\n");
    // ￥50.00 已到账
    bytes.extend(b"\x1ba\x02\x1bE\x01\xa3\xa450.00 \xd2\xd1\xb5\xbd\xd5\xcb\n\x1bE\x00\x1ba\x01");
    bytes.extend(b"\x1d(k\x04\x001A2\x00\x1d(k\x03\x001C\x06\x1d(k\x03\x001E1");
    bytes.extend(b"\x1d(k");
    bytes.extend(u16::try_from(URL.len() + 3).unwrap().to_le_bytes());
    bytes.extend(b"1P0");
    bytes.extend(URL.as_bytes());
    bytes.extend(b"\n\x1d(k\x03\x001Q0\n\x1bd\x02\x1dVB\x00");
    bytes
}

fn drawn(bytes: &[u8], columns: usize) -> Picture {
    let paper = Paper::of(bytes, columns);
    assert_eq!(paper.problems, Vec::<String>::new());
    picture(&paper, &Letters::find().unwrap())
}

/// Every code on a picture.
fn codes(picture: &Picture) -> Vec<String> {
    let grey = |x, y| if picture.is_black(x, y) { 0 } else { 255 };
    let (width, height) = (picture.width(), picture.height());
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
    image.detect_grids().iter().map(|grid| grid.decode().unwrap().1).collect()
}

fn black(picture: &Picture, rows: std::ops::Range<usize>) -> usize {
    rows.map(|y| (0..picture.width()).filter(|x| picture.is_black(*x, y)).count()).sum()
}

#[test]
fn a_receipt_in_the_printers_own_letters_is_read_back_letter_by_letter() {
    let reader = Reader::new();
    for (columns, width, margin) in [(32, 464, 40), (48, 640, 32)] {
        let picture = drawn(&golden(), columns);
        let right = width - margin;
        assert_eq!(picture.width(), width);
        assert_eq!(black(&picture, 0..KNIFE_DOTS), 0, "paper before the head is white");
        let middle = (width - 4 * 48) / 2;
        let mut y = KNIFE_DOTS;
        assert_eq!(reader.line(&picture, (middle, y), middle + 4 * 48, 2), "电费充值");
        y += 48;
        assert_eq!(reader.line(&picture, (margin, y), right, 1), "订单号 P01-20261121-000123");
        y += 34;
        assert_eq!(reader.line(&picture, (margin, y), right, 1), "表号 112233445566");
        y += 34;
        let amount = right - 14 * 12;
        assert_eq!(black(&picture, y..y + 24), black_from(&picture, amount, y), "at the right");
        assert_eq!(codes(&picture), [URL]);
        // A blank line, 29 or 33 modules of six dots, a blank line, two more.
        let rest = picture.height() - (y + 34);
        assert!([29, 33].contains(&((rest - 4 * 34) / 6)), "{rest}");
    }
}

/// Black dots of a row of letters from a column on.
fn black_from(picture: &Picture, left: usize, top: usize) -> usize {
    let dots = (top..top + 24).flat_map(|y| (left..picture.width()).map(move |x| (x, y)));
    dots.filter(|(x, y)| picture.is_black(*x, *y)).count()
}

#[test]
fn each_way_to_set_a_letter_shows_on_the_paper() {
    let line = |set: &[u8]| {
        let all = [b"\x1b@\x1c&", set, b"\xb5\xe7A\n"].concat();
        let picture = drawn(&all, 32);
        (black(&picture, KNIFE_DOTS..picture.height()), picture.height() - KNIFE_DOTS)
    };
    let (plain, high) = line(b"");
    assert_eq!(high, 34);
    let rows: [(&str, &[u8], std::ops::Range<usize>, usize); 7] = [
        ("bold", b"\x1bE\x01", plain * 11 / 10..plain * 2, 34),
        ("underlined", b"\x1b-\x01", plain + 40..plain + 73, 34),
        ("underlined in Chinese only", b"\x1c!\x80", plain + 30..plain + 49, 34),
        ("wide", b"\x1d!\x10\x1c!\x04", plain * 9 / 5..plain * 11 / 5, 34),
        ("high", b"\x1d!\x01\x1c!\x08", plain * 9 / 5..plain * 11 / 5, 48),
        ("both", b"\x1d!\x11\x1c!\x0c", plain * 7 / 2..plain * 9 / 2, 48),
        ("wider lines", b"\x1b3\x50", plain..plain + 1, 80),
    ];
    for (what, set, dots, want) in rows {
        let (black, high) = line(set);
        assert!(dots.contains(&black), "{what}: {black} of {plain}");
        assert_eq!(high, want, "{what}");
    }
}

#[test]
fn dots_and_lines_stop_at_the_edge_of_the_paper() {
    // A band of 80 mm on paper of 58 mm, and a line of 33 columns.
    let band = [b"\x1dv0\x00\x48\x00\x02\x00".as_slice(), &[0xff; 144]].concat();
    let narrow = picture(&Paper::of(&band, 32), &Letters::find().unwrap());
    let row = |y: usize| -> Vec<usize> { (0..464).filter(|x| narrow.is_black(*x, y)).collect() };
    assert_eq!(row(KNIFE_DOTS), (40..424).collect::<Vec<_>>());
    assert_eq!(row(KNIFE_DOTS), row(KNIFE_DOTS + 1));
    assert_eq!(narrow.height(), KNIFE_DOTS + 2);
    let long = [[b'W'; 33].as_slice(), b"\n"].concat();
    let long = picture(&Paper::of(&long, 32), &Letters::find().unwrap());
    assert_eq!(long.height(), KNIFE_DOTS + 2 * 34);
    assert_eq!(Reader::new().line(&long, (40, KNIFE_DOTS + 34), 424, 1), "W");
}

#[test]
fn paper_that_ends_in_the_middle_shows_its_upper_half_and_the_new_roll_the_rest() {
    let letters = Letters::find().unwrap();
    let mut machine = Machine::new(32);
    // The end of the second line: its letters wait in the printer, unfed.
    let end = golden().iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0;
    machine.script.paper_end_after = Some(end);
    for byte in golden() {
        machine.receive(byte);
    }
    assert!(machine.is_paper_out());
    let half = machine.take_paper();
    assert_eq!(half.text(), "电费充值\n");
    assert_eq!(picture(&half, &letters).height(), KNIFE_DOTS + 48);
    machine.put_right();
    let rest = machine.take_paper();
    assert_eq!(rest.text(), "订单号 P01-20261121-000123\n表号 112233445566\n￥50.00 已到账\n");
    let rest = picture(&rest, &letters);
    let line = Reader::new().line(&rest, (40, KNIFE_DOTS), 424, 1);
    assert_eq!(line, "订单号 P01-20261121-000123");
    assert_eq!(codes(&rest), [URL]);
}

#[test]
fn a_strip_is_torn_at_each_cut_and_the_printer_stays_as_it_was_set() {
    let mut paper = Paper::new(32);
    let bytes = b"\x1c&\x1ba\x01A\n\x1dVB\x00B\n\x1dVB\x00C";
    let mut parser = kiosk_simulator::escpos::Parser::default();
    bytes.iter().filter_map(|byte| parser.feed(*byte)).for_each(|command| paper.print(&command));
    let letters = Letters::find().unwrap();
    for want in ["A\n", "B\n"] {
        let torn = paper.torn().unwrap();
        assert_eq!(torn.text(), want);
        let picture = picture(&torn, &letters);
        assert_eq!(black(&picture, 0..picture.height()), black_from(&picture, 226, KNIFE_DOTS));
    }
    assert_eq!(paper.torn().map(|paper| paper.text()), None);
    assert!(paper.marks.is_empty(), "a line that is not fed is not on the paper");
}

#[test]
fn the_file_is_a_grey_png_in_the_true_size_of_the_paper() {
    let picture = drawn(&golden(), 48);
    let file = picture.png().unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut dots = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut dots).unwrap();
    assert_eq!(
        (frame.color_type, frame.bit_depth),
        (png::ColorType::Grayscale, png::BitDepth::Eight)
    );
    let size = (frame.width as usize, frame.height as usize);
    assert_eq!(size, (picture.width(), picture.height()));
    let per_metre = reader.info().pixel_dims.unwrap();
    // 80 mm and 203 dots per inch.
    assert_eq!(size.0 * 1_000 / per_metre.xppu as usize, 80);
    assert_eq!(per_metre.yppu * 254 / 10_000, 202);
    let same =
        |(at, grey): (usize, &u8)| (*grey < 128) == picture.is_black(at % size.0, at / size.0);
    assert!(dots.iter().enumerate().all(same));
}
