//! Files that survive a power cut: replaced whole or not at all, or grown line by line with a torn
//! last line told from a good one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use crate::hex;

/// The permissions of what only the kiosk reads.
pub const SECRET: u32 = 0o600;
/// The permissions of everything else.
pub const PLAIN: u32 = 0o644;
/// The largest [`Log`] that is read back, in bytes; its owners rewrite it long before.
pub const LOG_MAX: u64 = 16 * 1024 * 1024;

/// Puts these bytes in the place of a file: written beside it, synced, renamed, and the folder
/// synced, so that after a power cut there is the old file or the new one.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let beside = beside(path);
    let mut file = open(OpenOptions::new().create(true).write(true).truncate(true), &beside, mode)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&beside, path)?;
    sync_folder(path)
}

/// Reads a file of at most `max` bytes; `None` where there is none.
pub fn read(path: &Path, max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is too large"));
    }
    Ok(Some(bytes))
}

/// Removes a file that may not be there.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => sync_folder(path),
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}

fn open(options: &mut OpenOptions, path: &Path, mode: u32) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    // Only where a folder can be opened as a file; elsewhere the rename has to do.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// A file that grows by lines, each with a sum over it and synced before [`Log::append`] returns.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    lines: usize,
    bytes: u64,
    torn: bool,
}

impl Log {
    /// Opens it, made where it is missing, and reads the good lines back: a torn or damaged line
    /// is left out, the ones around it are not.
    pub fn open(path: &Path) -> io::Result<(Log, Vec<String>)> {
        let bytes = read(path, LOG_MAX)?.unwrap_or_default();
        let lines: Vec<String> = bytes.split(|b| *b == b'\n').filter_map(good).collect();
        let torn = bytes.last().is_some_and(|last| *last != b'\n');
        let mut file = open(OpenOptions::new().create(true).append(true), path, SECRET)?;
        if torn {
            // The next line must not be glued to the torn one.
            file.write_all(b"\n")?;
            file.sync_data()?;
        }
        sync_folder(path)?;
        let size = file.metadata()?.len();
        let (path, count) = (path.to_owned(), lines.len());
        Ok((Log { path, file, lines: count, bytes: size, torn: false }, lines))
    }

    /// Adds lines; when it returns they are on the disk. What a full disk took only half of is a
    /// torn line, and the next one is not glued to it.
    pub fn append<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
        let whole: Vec<String> = lines.into_iter().map(summed).collect();
        if whole.is_empty() {
            return Ok(());
        }
        let mut text = if self.torn { "\n".to_owned() } else { String::new() };
        text.extend(whole.iter().map(String::as_str));
        self.bytes = self.bytes.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
        self.torn = true;
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()?;
        self.torn = false;
        self.lines += whole.len();
        Ok(())
    }

    /// Puts these lines in the place of all that was there.
    pub fn rewrite<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
        let whole: Vec<String> = lines.into_iter().map(summed).collect();
        let text = whole.concat();
        replace(&self.path, text.as_bytes(), SECRET)?;
        self.file = open(OpenOptions::new().append(true), &self.path, SECRET)?;
        self.lines = whole.len();
        self.bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.torn = false;
        Ok(())
    }

    /// How large it is, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many lines there are, to know when a rewrite is worth it.
    pub fn lines(&self) -> usize {
        self.lines
    }
}

/// Eight digits of the line's SHA-256, a blank, the line.
fn summed(line: &str) -> String {
    format!("{} {line}\n", &hex::sha256(line.as_bytes())[..8])
}

fn good(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?;
    let (sum, text) = line.split_once(' ')?;
    (sum == &hex::sha256(text.as_bytes())[..8]).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_cut_at_any_byte_keeps_every_line_before_the_cut_and_takes_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (mut log, lines) = Log::open(&path).unwrap();
        assert!(lines.is_empty());
        log.append(["one", "two 二", "three"]).unwrap();
        let whole = fs::read(&path).unwrap();
        let ends: Vec<usize> =
            whole.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i).collect();
        for cut in 0..=whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let (mut log, lines) = Log::open(&path).unwrap();
            let kept = ends.iter().filter(|end| **end <= cut).count();
            let whole_lines = ["one", "two 二", "three"];
            assert_eq!(lines, whole_lines[..kept], "cut at {cut}");
            log.append(["four"]).unwrap();
            let (_, lines) = Log::open(&path).unwrap();
            assert_eq!(lines.last().map(String::as_str), Some("four"), "cut at {cut}");
            assert_eq!(lines.len(), kept + 1);
        }
    }

    #[test]
    fn a_line_the_disk_took_half_of_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (mut log, _) = Log::open(&path).unwrap();
        log.append(["one"]).unwrap();
        // As a full disk leaves it: half of the line, and an error.
        log.file.write_all(b"01234567 ha").unwrap();
        log.torn = true;
        log.append(["two"]).unwrap();
        log.append(["three"]).unwrap();
        assert_eq!(Log::open(&path).unwrap().1, ["one", "two", "three"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_and_nothing_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (mut log, _) = Log::open(&path).unwrap();
        log.append(["one"]).unwrap();
        log.file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert!(log.append(["two"]).is_err());
        assert_eq!((log.lines(), log.torn), (1, true));
    }

    #[test]
    fn a_damaged_line_takes_no_other_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (mut log, _) = Log::open(&path).unwrap();
        log.append(["one", "two", "three"]).unwrap();
        let text = fs::read_to_string(&path).unwrap().replace(" two", " tow");
        fs::write(&path, text).unwrap();
        let (mut log, lines) = Log::open(&path).unwrap();
        assert_eq!(lines, ["one", "three"]);
        log.rewrite(["three"]).unwrap();
        log.append(["four"]).unwrap();
        assert_eq!(log.lines(), 2);
        assert_eq!(Log::open(&path).unwrap().1, ["three", "four"]);
    }

    #[test]
    fn a_file_is_replaced_whole_and_a_large_one_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert_eq!(read(&path, 10).unwrap(), None);
        replace(&path, b"old", PLAIN).unwrap();
        // What a power cut left beside it does not matter.
        fs::write(beside(&path), b"half a n").unwrap();
        assert_eq!(read(&path, 10).unwrap().as_deref(), Some(&b"old"[..]));
        replace(&path, b"new", PLAIN).unwrap();
        assert_eq!(read(&path, 3).unwrap().as_deref(), Some(&b"new"[..]));
        assert_eq!(read(&path, 2).unwrap_err().kind(), io::ErrorKind::InvalidData);
        remove(&path).unwrap();
        remove(&path).unwrap();
    }
}
