//! The folder receipts are laid into, as pictures.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    head::picture,
    letters::Letters,
    paper::{Mark, Paper},
};

/// The most receipts that are named at once; the files stay.
pub const NAMED_MAX: usize = 20;

/// A receipt that lies in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// The file's name: `receipt-3.png`, or `half-1.png` for what was torn off without a cut.
    pub name: String,
    /// What a maker would call an error.
    pub problems: Vec<String>,
}

/// The folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    letters: Letters,
    laid: Mutex<Laid>,
}

#[derive(Debug, Default)]
struct Laid {
    receipts: usize,
    halves: usize,
    newest: Vec<Slip>,
}

impl Folder {
    /// Opens it, made where it is missing. Receipts of an earlier run are removed, so that
    /// `receipt-1.png` is always the first one of this run.
    ///
    /// # Errors
    /// Where the folder cannot be used or the machine has no font with Chinese.
    pub fn open(path: &Path) -> io::Result<Folder> {
        fs::create_dir_all(path)?;
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if is_slip(&entry.file_name().to_string_lossy()) {
                fs::remove_file(entry.path())?;
            }
        }
        let letters = Letters::find()?;
        Ok(Folder { path: path.to_owned(), letters, laid: Mutex::default() })
    }

    /// Lays a paper into the folder, beside its name first; says the name. Paper with nothing on
    /// it is thrown away.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn lay(&self, paper: &Paper) -> io::Result<Option<String>> {
        if paper.marks.is_empty() {
            return Ok(None);
        }
        let file = self.drawn(paper)?;
        let mut laid = self.laid();
        let name = if paper.marks.last() == Some(&Mark::Cut) {
            laid.receipts += 1;
            format!("receipt-{}.png", laid.receipts)
        } else {
            laid.halves += 1;
            format!("half-{}.png", laid.halves)
        };
        let beside = self.path.join(format!(".{name}.new"));
        fs::write(&beside, file)?;
        fs::rename(beside, self.path.join(&name))?;
        laid.newest.insert(0, Slip { name: name.clone(), problems: paper.problems.clone() });
        laid.newest.truncate(NAMED_MAX);
        Ok(Some(name))
    }

    /// A paper as a file.
    ///
    /// # Errors
    /// Where it has no dot.
    pub fn drawn(&self, paper: &Paper) -> io::Result<Vec<u8>> {
        picture(paper, &self.letters).png()
    }

    /// What lies in it, the newest first.
    pub fn newest(&self) -> Vec<Slip> {
        self.laid().newest.clone()
    }

    /// The file of a receipt that is named here.
    ///
    /// # Errors
    /// Where there is none of that name.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        if !is_slip(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        fs::read(self.path.join(name))
    }

    fn laid(&self) -> MutexGuard<'_, Laid> {
        self.laid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a name is one this folder gives.
fn is_slip(name: &str) -> bool {
    let number = name.strip_prefix("receipt-").or_else(|| name.strip_prefix("half-"));
    let number = number.and_then(|rest| rest.strip_suffix(".png"));
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
}
