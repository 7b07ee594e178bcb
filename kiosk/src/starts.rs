//! How often this process was begun, kept over restarts: when beginning anew does not help, a still
//! page tells people so, and at last the machine is restarted, rarely.

use std::{fs, io::Write, path::Path};

/// More beginnings than these within [`SPAN_MS`], and a page without WebKit is shown.
pub const STARTS_MAX: usize = 3;
/// More beginnings than these within [`SPAN_MS`], and the machine is restarted.
pub const STARTS_BEFORE_REBOOT_MAX: usize = 5;
/// See [`STARTS_MAX`], in milliseconds.
pub const SPAN_MS: i64 = 1_800_000;
/// Between two restarts of the machine, in milliseconds.
pub const REBOOT_SPAN_MS: i64 = 6 * 3_600_000;
/// Beginnings that are remembered.
const KEPT_MAX: usize = 32;

/// How this process begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With its window.
    Window,
    /// With a still page.
    Still,
    /// With a still page, and asking for a restart of the machine.
    Reboot,
}

/// One beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When, by the wall clock, in milliseconds.
    pub at_ms: i64,
    /// Which start of the machine it was in.
    pub boot: String,
    /// Whether it asked for a restart of the machine.
    pub reboot: bool,
}

/// What is done at a beginning `now` in `boot` after those in `before`.
///
/// Invariant: one start of the machine asks for a restart of it once at most, and within six hours
/// nobody else does, so that a kiosk that cannot be helped does not restart for ever:
/// `a_kiosk_that_cannot_be_helped_restarts_its_machine_once_in_six_hours`.
pub fn decide(before: &[Line], now_ms: i64, boot: &str) -> Start {
    // A clock that jumped back makes a line of the future; it counts for nothing.
    let recent = |line: &&Line| (0..SPAN_MS).contains(&(now_ms - line.at_ms));
    let starts = before.iter().filter(recent).count() + 1;
    let asked = before
        .iter()
        .any(|line| line.reboot && (line.boot == boot || now_ms - line.at_ms < REBOOT_SPAN_MS));
    if starts > STARTS_BEFORE_REBOOT_MAX && !asked {
        Start::Reboot
    } else if starts > STARTS_MAX {
        Start::Still
    } else {
        Start::Window
    }
}

/// The beginnings a file remembers; one that cannot be read remembers none.
pub fn read(path: &Path) -> Vec<Line> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = |line: &str| {
        let mut words = line.split(' ');
        let at_ms = words.next()?.parse().ok()?;
        let boot = words.next()?.to_owned();
        Some(Line { at_ms, boot, reboot: words.next() == Some("reboot") })
    };
    text.lines().filter_map(line).collect()
}

/// Remembers one more.
///
/// # Errors
/// If the file cannot be written; what it held stays then.
pub fn keep(path: &Path, before: &[Line], this: &Line) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = fs::File::create(&beside)?;
    let first = (before.len() + 1).saturating_sub(KEPT_MAX);
    for line in before.iter().skip(first).chain([this]) {
        let word = if line.reboot { " reboot" } else { "" };
        writeln!(file, "{} {}{word}", line.at_ms, line.boot)?;
    }
    file.sync_all()?;
    fs::rename(beside, path)
}

/// The last beginning led to an end that was asked for: it is no sign of trouble.
///
/// # Errors
/// If the file cannot be written.
pub fn forget_last(path: &Path) -> std::io::Result<()> {
    let mut lines = read(path);
    let Some(_forgotten) = lines.pop() else { return Ok(()) };
    match lines.pop() {
        Some(last) => keep(path, &lines, &last),
        None => fs::remove_file(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_was_asked_for_is_no_sign_of_trouble() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("starts");
        forget_last(&path).unwrap();
        keep(&path, &[], &line(1, "b1", false)).unwrap();
        keep(&path, &read(&path), &line(2, "b1", false)).unwrap();
        forget_last(&path).unwrap();
        assert_eq!(read(&path), [line(1, "b1", false)]);
        forget_last(&path).unwrap();
        assert_eq!(read(&path), []);
    }

    fn line(at_ms: i64, boot: &str, reboot: bool) -> Line {
        Line { at_ms, boot: boot.into(), reboot }
    }

    #[test]
    fn a_process_that_keeps_ending_shows_a_still_page_and_then_asks_for_a_restart() {
        let cases = [
            (0, Start::Window),
            (1, Start::Window),
            (2, Start::Window),
            (3, Start::Still),
            (4, Start::Still),
            (5, Start::Reboot),
        ];
        for (starts, want) in cases {
            let before: Vec<Line> = (0..starts).map(|n| line(n * 1_000, "b1", false)).collect();
            assert_eq!(decide(&before, 60_000, "b1"), want, "after {starts}");
            let later = 60_000 + SPAN_MS;
            assert_eq!(decide(&before, later, "b1"), Start::Window, "{starts} long ago");
        }
    }

    #[test]
    fn a_kiosk_that_cannot_be_helped_restarts_its_machine_once_in_six_hours() {
        let mut before: Vec<Line> = (0..6).map(|n| line(n * 1_000, "b1", n == 5)).collect();
        assert_eq!(decide(&before, 10_000, "b1"), Start::Still, "the same start of the machine");
        assert_eq!(decide(&before, 10_000, "b2"), Start::Still, "within six hours");
        let later = REBOOT_SPAN_MS + 6_000;
        before.extend((0..5).map(|n| line(later - n, "b2", false)));
        assert_eq!(decide(&before, later, "b2"), Start::Reboot);
        assert_eq!(decide(&before, later, "b1"), Start::Still, "never twice in one start");
    }

    #[test]
    fn what_was_kept_is_read_back_and_a_torn_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("starts");
        assert_eq!(read(&path), []);
        let mut before = Vec::new();
        for n in 0..40 {
            let this = line(n, "b1", n % 7 == 0);
            keep(&path, &before, &this).unwrap();
            before = read(&path);
        }
        assert_eq!(before.len(), KEPT_MAX);
        assert_eq!(before.last(), Some(&line(39, "b1", false)));
        assert!(before.iter().any(|line| line.reboot));
        fs::write(&path, "17 b1\n18").unwrap();
        assert_eq!(read(&path), [line(17, "b1", false)]);
    }
}
