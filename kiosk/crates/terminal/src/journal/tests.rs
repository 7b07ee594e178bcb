use std::{
    io,
    sync::{Arc, Mutex},
};

use kiosk_wire::{card::VoucherOutcome, order::OrderState, receipt::PrintOutcome};
use uuid::Uuid;

use super::*;

/// A disk in memory that can be made full and can lose the end of a write.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<Platter>>);

#[derive(Default)]
struct Platter {
    bytes: Vec<u8>,
    full: bool,
    tear: Option<usize>,
}

impl Medium for Disk {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.0.lock().unwrap().bytes.clone())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        if let Some(kept) = platter.tear.take() {
            platter.bytes.extend_from_slice(&bytes[..kept.min(bytes.len())]);
            return Err(io::ErrorKind::StorageFull.into());
        }
        if platter.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        platter.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        if platter.full {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        platter.bytes = bytes.to_vec();
        Ok(())
    }
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// One sale with everything in it.
fn whole() -> Vec<Line> {
    let (client, session, order, print) = (id(1), id(2), id(3), id(4));
    vec![
        Line::Ordering { client, session, card: Some("04a1b2c3".to_owned()) },
        Line::Placed { client, order },
        Line::Shown { client },
        Line::Closing { client },
        Line::Paid { client, state: OrderState::AwaitingCard },
        Line::Writing { client, voucher: id(5), uid: "04a1b2c3".to_owned(), seq: 7, copy: 1 },
        Line::Wrote { client, voucher: id(5), outcome: VoucherOutcome::Written },
        Line::PrintAsked { order, print, automatic: true },
        Line::PrintSent { print },
        Line::Printed { print, outcome: PrintOutcome::Printed, paper_mm: 140 },
    ]
}

#[test]
fn what_was_written_is_read_after_a_restart_and_what_is_done_is_not() {
    let disk = Disk::default();
    let mut journal = Journal::open(Box::new(disk.clone()));
    let mut seen = Open::default();
    for line in whole() {
        journal.append(&line).unwrap();
        seen.apply(&line);
        let again = Journal::open(Box::new(disk.clone()));
        assert_eq!(again.open_ones(), &seen, "after {line:?}");
        // Opening writes the journal anew: go on with that one.
        journal = again;
    }
    journal.append(&Line::Done { client: id(1) }).unwrap();
    journal.append(&Line::PrintTold { print: id(4) }).unwrap();
    assert_eq!(Journal::open(Box::new(disk)).open_ones(), &Open::default());
}

#[test]
fn a_torn_last_line_is_ignored_wherever_it_was_torn() {
    let last = Line::Shown { client: id(1) };
    let whole_last = encode(&last).unwrap();
    for kept in 0..whole_last.len() {
        let disk = Disk::default();
        let mut journal = Journal::open(Box::new(disk.clone()));
        journal.append(&whole()[0]).unwrap();
        disk.0.lock().unwrap().tear = Some(kept);
        assert!(journal.append(&last).is_err());
        let mut again = Journal::open(Box::new(disk.clone()));
        assert_eq!(again.open_ones().sales.len(), 1, "torn after {kept} bytes");
        assert!(!again.open_ones().sales[0].shown, "torn after {kept} bytes");
        assert_eq!(again.skipped(), 0);
        // The next line does not stick to the torn one.
        again.append(&last).unwrap();
        assert!(Journal::open(Box::new(disk)).open_ones().sales[0].shown);
    }
}

#[test]
fn a_line_that_was_changed_on_the_disk_is_skipped_and_counted() {
    let disk = Disk::default();
    let mut journal = Journal::open(Box::new(disk.clone()));
    for line in whole() {
        journal.append(&line).unwrap();
    }
    let ends: Vec<usize> = {
        let platter = disk.0.lock().unwrap();
        (0..platter.bytes.len()).filter(|at| platter.bytes[*at] == b'\n').collect()
    };
    // In the third line, which says that the code was shown.
    disk.0.lock().unwrap().bytes[ends[1] + 20] ^= 0x01;
    let again = Journal::open(Box::new(disk));
    assert_eq!(again.skipped(), 1);
    assert!(!again.open_ones().sales[0].shown);
    assert_eq!(again.open_ones().sales[0].step(), "card_written");
}

#[test]
fn a_full_disk_is_told_and_mended_when_there_is_room_again() {
    let disk = Disk::default();
    let mut journal = Journal::open(Box::new(disk.clone()));
    assert!(journal.is_writable());
    disk.0.lock().unwrap().full = true;
    assert!(journal.append(&whole()[0]).is_err());
    assert!(!journal.is_writable());
    assert!(journal.append(&whole()[1]).is_err(), "nothing is written after a failure");
    assert!(journal.mend().is_err());
    disk.0.lock().unwrap().full = false;
    journal.mend().unwrap();
    assert!(journal.is_writable());
    journal.append(&whole()[1]).unwrap();
    let again = Journal::open(Box::new(disk));
    assert_eq!(again.open_ones().sales[0].order, Some(id(3)), "what failed is remembered");
}

#[test]
fn a_journal_stays_small_and_keeps_what_is_open() {
    let disk = Disk::default();
    let mut journal = Journal::open(Box::new(disk.clone()));
    journal.append(&whole()[0]).unwrap();
    let mut most = 0;
    for n in 100..4_000u128 {
        let client = id(n);
        journal.append(&Line::Ordering { client, session: id(9), card: None }).unwrap();
        journal.append(&Line::Done { client }).unwrap();
        most = most.max(disk.0.lock().unwrap().bytes.len());
    }
    assert!(most <= JOURNAL_BYTES_MAX, "{most} bytes");
    let again = Journal::open(Box::new(disk));
    assert_eq!(again.open_ones().sales.len(), 1);
    assert_eq!(again.open_ones().sales[0].client, id(1));
}

#[test]
fn a_file_keeps_its_lines_and_a_directory_that_is_gone_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let mut journal = Journal::open(Box::new(FileMedium::at(&path)));
    for line in whole() {
        journal.append(&line).unwrap();
    }
    drop(journal);
    // A power cut in the middle of a line.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend_from_slice(b"0badcafe {\"step\":\"do");
    std::fs::write(&path, bytes).unwrap();
    let mut journal = Journal::open(Box::new(FileMedium::at(&path)));
    assert_eq!(journal.open_ones().sales.len(), 1);
    journal.append(&Line::Done { client: id(1) }).unwrap();
    drop(journal);
    let journal = Journal::open(Box::new(FileMedium::at(&path)));
    assert!(journal.open_ones().sales.is_empty());
    assert!(journal.is_writable());
    let nowhere = directory.path().join("gone").join("journal");
    assert!(!Journal::open(Box::new(FileMedium::at(nowhere))).is_writable());
}

#[test]
fn no_line_of_the_journal_says_who_it_was_for() {
    let open: Open = whole().iter().fold(Open::default(), |mut open, line| {
        open.apply(line);
        open
    });
    assert_eq!(open.lines().len(), whole().len());
    for line in whole() {
        let json = serde_json::to_value(&line).unwrap();
        for (name, value) in json.as_object().unwrap() {
            let allowed = [
                "step",
                "client",
                "session",
                "card",
                "order",
                "state",
                "print",
                "automatic",
                "outcome",
                "paper_mm",
                "voucher",
                "uid",
                "seq",
                "copy",
            ];
            assert!(allowed.contains(&name.as_str()), "{name}: {value}");
        }
    }
}
