//! The roll, counted: cheap printers have no sensor that tells before the paper ends.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Below this much paper the roll counts as near its end: about ten receipts.
pub const NEAR_END_MM: i64 = 1_500;
/// The longest roll one can say is in, 200 m.
pub const ROLL_MM_MAX: i64 = 200_000;

/// Millimetres left since somebody said how long the new roll is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roll {
    left_mm: Option<i64>,
    file: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    left_mm: i64,
}

impl Roll {
    /// The roll as it was counted before the last start; unknown where the file cannot be read.
    pub fn kept_in(file: Option<&Path>) -> Roll {
        let read = |path: &Path| serde_json::from_slice::<Kept>(&fs::read(path).ok()?).ok();
        let left_mm = file.and_then(read).map(|kept| kept.left_mm);
        Roll { left_mm, file: file.map(Path::to_owned) }
    }

    /// What is left; `None` = nobody has said.
    pub fn left_mm(&self) -> Option<i64> {
        self.left_mm
    }

    /// Whether it ends soon.
    pub fn is_near_end(&self) -> bool {
        self.left_mm.is_some_and(|left| left < NEAR_END_MM)
    }

    /// A new roll.
    pub fn replaced(&mut self, mm: i64) -> io::Result<()> {
        self.left_mm = Some(mm.clamp(0, ROLL_MM_MAX));
        self.keep()
    }

    /// So much was used.
    pub fn used(&mut self, mm: u32) -> io::Result<()> {
        self.left_mm = self.left_mm.map(|left| (left - i64::from(mm)).max(0));
        self.keep()
    }

    /// Beside the file first, then in its place: a power cut leaves the old one or the new one.
    fn keep(&self) -> io::Result<()> {
        let (Some(left_mm), Some(file)) = (self.left_mm, &self.file) else { return Ok(()) };
        let beside = file.with_extension("new");
        fs::write(&beside, serde_json::to_vec(&Kept { left_mm })?)?;
        fs::rename(beside, file)
    }
}
