//! Where the journal lies: a file in the kiosk's state directory.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// A place that keeps bytes over a power cut.
pub trait Medium: Send {
    /// Everything that is there; empty where nothing ever was.
    ///
    /// # Errors
    /// The place cannot be read.
    fn read(&mut self) -> io::Result<Vec<u8>>;

    /// Adds bytes at the end and returns once they would survive a power cut. After an error
    /// nothing is known about what is there: only [`Medium::replace`] may follow.
    ///
    /// # Errors
    /// No space, read-only, or broken.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Puts these bytes in the place of everything, at once or not at all.
    ///
    /// # Errors
    /// No space, read-only, or broken; the old bytes are still there.
    fn replace(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// A file.
pub struct FileMedium {
    path: PathBuf,
    file: Option<File>,
}

impl FileMedium {
    /// The file at this path; it and nothing else is made where it is missing.
    pub fn at(path: impl Into<PathBuf>) -> FileMedium {
        FileMedium { path: path.into(), file: None }
    }

    fn sync_directory(&self) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or_else(|| Path::new("."));
        File::open(directory)?.sync_all()
    }

    fn file(&mut self) -> io::Result<&mut File> {
        if self.file.is_none() {
            let made = !self.path.exists();
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&self.path)?;
            file.seek(SeekFrom::End(0))?;
            if made {
                file.sync_all()?;
                self.sync_directory()?;
            }
            self.file = Some(file);
        }
        self.file.as_mut().ok_or_else(|| io::Error::other("the journal is not open"))
    }
}

impl Medium for FileMedium {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match File::open(&self.path) {
            Ok(mut file) => file.read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = self.file()?;
        file.write_all(bytes)?;
        file.sync_data()
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        // The open handle would still write to the file that is being replaced.
        self.file = None;
        fs::rename(&beside, &self.path)?;
        self.sync_directory()
    }
}
