use std::io::{Cursor, Write};

use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;

fn sheet(zip: &[u8], unpacked_max: u64) -> Result<Vec<u8>, BillError> {
    let read = |text: &mut dyn Read| {
        let mut bytes = Vec::new();
        text.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    super::sheet(Cursor::new(zip), "业务明细.csv", unpacked_max, read).map(|(bytes, _)| bytes)
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn exactly_one_detail_sheet_is_taken() {
    let both: &[(&str, &[u8])] = &[("1_业务明细.csv", b"x"), ("1_业务明细(汇总).csv", b"y")];
    assert_eq!(sheet(&archive(both), 10), Ok(b"x".to_vec()));
    assert_eq!(sheet(&archive(&both[1..]), 10), Err(BillError::NoSheet));
    assert_eq!(sheet(&archive(&[]), 10), Err(BillError::NoSheet));
    let two: &[(&str, &[u8])] = &[("1_业务明细.csv", b"x"), ("2_业务明细.csv", b"y")];
    assert_eq!(sheet(&archive(two), 10), Err(BillError::NoSheet));
}

#[test]
fn a_name_that_leaves_its_folder_refuses_the_archive() {
    for name in [
        "../业务明细.csv",
        "a/业务明细.csv",
        "/业务明细.csv",
        "a\\业务明细.csv",
        "C:业务明细.csv",
        "..",
    ] {
        let entries: &[(&str, &[u8])] = &[("1_业务明细.csv", b"x"), (name, b"y")];
        assert_eq!(sheet(&archive(entries), 10), Err(BillError::ForgedName), "{name}");
    }
}

#[test]
fn a_zip_bomb_is_stopped_at_the_bound() {
    let zeros = vec![b'0'; 1 << 20];
    let bomb = archive(&[("1_业务明细.csv", &zeros)]);
    assert!(bomb.len() < 4096);
    assert_eq!(sheet(&bomb, (1 << 20) - 1), Err(BillError::TooLarge));
    assert_eq!(sheet(&bomb, 1 << 20).map(|bytes| bytes.len()), Ok(1 << 20));
    let names: Vec<String> = (0..17).map(|n| format!("{n}_业务明细.csv")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    assert_eq!(sheet(&archive(&many), 10), Err(BillError::TooLarge));
}

#[test]
fn a_changed_byte_of_the_content_fails_its_checksum() {
    let content = b"the very bytes".repeat(20);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file("1_业务明细.csv", stored).unwrap();
    writer.write_all(&content).unwrap();
    let mut zip = writer.finish().unwrap().into_inner();
    let at = zip.windows(8).position(|window| window == b"the very").unwrap();
    zip[at] ^= 1;
    assert_eq!(sheet(&zip, 1 << 20), Err(BillError::Damaged));
}
