//! How long the disk takes to keep four kibibytes: F50 and F99 of `docs/performance.md`.

use std::{
    fs::OpenOptions,
    io::{Seek, SeekFrom, Write},
    path::Path,
    time::Duration,
};

use domain::{Clock, SystemClock};

use crate::figure::percentile;

/// Overwritten block, in bytes.
const BLOCK: usize = 4_096;
/// Blocks of the file that is written round and round.
const BLOCKS: u64 = 2_048;

/// Median and 99th percentile of an overwrite with fdatasync.
#[derive(Clone, Copy, Debug)]
pub struct Sync {
    /// Median, in milliseconds.
    pub f50_ms: f64,
    /// 99th percentile, in milliseconds.
    pub f99_ms: f64,
}

/// Overwrites blocks of a file one by one for `length`, each made durable.
pub fn probe(dir: &Path, length: Duration) -> Sync {
    let path = dir.join("sync-probe");
    let options = OpenOptions::new().create(true).truncate(true).write(true).clone();
    let mut file = options.open(&path).expect("a file to probe with");
    let block = [0x5a; BLOCK];
    for _ in 0..BLOCKS {
        file.write_all(&block).expect("room for the probe");
    }
    file.sync_all().expect("a disk that syncs");
    let clock = SystemClock::new();
    let begun = clock.monotonic();
    let mut taken = Vec::new();
    while clock.monotonic() - begun < length {
        let at = taken.len() as u64 % BLOCKS * BLOCK as u64;
        let before = clock.monotonic();
        file.seek(SeekFrom::Start(at)).expect("a file that seeks");
        file.write_all(&block).expect("a file that takes");
        file.sync_data().expect("a disk that syncs");
        taken.push((clock.monotonic() - before).as_secs_f64() * 1_000.0);
    }
    drop(file);
    let _ = std::fs::remove_file(path);
    Sync { f50_ms: percentile(&taken, 50.0), f99_ms: percentile(&taken, 99.0) }
}
