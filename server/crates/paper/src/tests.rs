use super::*;

fn page() -> Page {
    let mut page = Page::new();
    page.text((20.0, 30.0), 16.0, "和园公寓 3-2-1204", Align::Left)
        .text((190.0, 30.0), 12.0, "¥1,915.00", Align::Right)
        .line((20.0, 33.0), (190.0, 33.0), 0.5, 120)
        .code((20.0, 40.0), 40.0, "https://yufu.example/t/K7M2PQ4RT9WX");
    page
}

#[test]
fn a_file_of_chinese_and_a_code_is_small_because_it_holds_only_what_is_used() {
    let face = Face::find().unwrap();
    let file = pdf("二维码", &face, &[page(), page()]).unwrap();
    assert!(file.starts_with(b"%PDF-"), "{:?}", &file[..8]);
    assert!(file.len() < 60_000, "{} bytes", file.len());
    assert!(face.bytes_len() > 1_000_000, "the font itself is large");
}

#[test]
fn text_is_as_wide_as_its_characters_and_is_cut_to_fit() {
    let face = Face::find().unwrap();
    let (one, two) = (face.width("和", 10.0), face.width("和园", 10.0));
    assert!((two - 2.0 * one).abs() < 0.01 && (one - 10.0).abs() < 1.0, "{one} {two}");
    assert_eq!(face.cut("和园", 10.0, 100.0), "和园");
    let cut = face.cut("和园公寓三栋二单元一二零四", 10.0, 60.0);
    assert!(cut.ends_with('…') && face.width(&cut, 10.0) <= 60.0, "{cut}");
}

#[test]
fn a_code_keeps_its_quiet_zone_and_its_finder_patterns() {
    let code = modules("https://yufu.example/t/K7M2PQ4RT9WX").unwrap();
    let inner = code.width - 2 * QUIET_ZONE;
    assert_eq!((inner - 17) % 4, 0, "a size of the standard: {inner}");
    let (first, last) = (QUIET_ZONE, code.width - QUIET_ZONE);
    // The upper edge of the left and the right finder pattern: seven dark modules each.
    assert!(code.runs.contains(&(first, first, 7)));
    assert!(code.runs.contains(&(first, last - 7, 7)));
    assert!(code.runs.iter().all(|(row, column, length)| {
        (first..last).contains(row) && *column >= first && column + length <= last
    }));
    assert_eq!(modules(&"x".repeat(3_000)).err(), Some(PaperError::CodeTooLong));
}

#[test]
fn what_cannot_be_a_font_or_a_file_is_told() {
    let missing = Face::open(std::path::Path::new("/nowhere/font.ttf"), 0);
    assert_eq!(missing.err(), Some(PaperError::BadFont("/nowhere/font.ttf".to_owned())));
    let face = Face::find().unwrap();
    let many = vec![Page::new(); PAGES_MAX + 1];
    assert_eq!(pdf("x", &face, &many).err(), Some(PaperError::TooMany));
}
