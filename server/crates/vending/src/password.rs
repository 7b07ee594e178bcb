//! Meters' own passwords: a file that the server's user alone may read, as merchants' keys are.
//!
//! One meter a line, `PROJECT METER_NO PASSWORD`; `#` begins a remark. The passwords are in no
//! table, so in no backup and on no page.

use std::{
    collections::HashMap,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use gateway::line::Password;

use crate::house::House;

/// The largest file read, in bytes: about 300,000 meters.
pub const PASSWORD_FILE_MAX: u64 = 8 * 1024 * 1024;

/// A meter as people name it: its project and its number there.
type Name = (i64, String);

/// What is known of meters' passwords.
#[derive(Clone, Debug, Default)]
pub(crate) enum Passwords {
    /// No file is configured: every meter has its factory's.
    #[default]
    None,
    /// A file is configured and could not be read yet.
    Unread,
    /// The file's content.
    Known(Arc<HashMap<Name, Password>>),
}

/// Why the file cannot be used. Names the line, never its content.
#[derive(Debug, thiserror::Error)]
pub enum PasswordFileError {
    /// It cannot be read or written.
    #[error("the file of meter passwords {file} cannot be read or written")]
    File {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is larger than [`PASSWORD_FILE_MAX`].
    #[error("the file of meter passwords is larger than {PASSWORD_FILE_MAX} bytes")]
    TooLarge,
    /// A line is not of the right form.
    #[error("line {line} of the meter passwords is not PROJECT METER_NO and six digits")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// A meter stands there twice.
    #[error("line {line} of the meter passwords names a meter a second time")]
    Twice {
        /// Counted from 1.
        line: usize,
    },
}

/// Reads the text of a password file.
fn parse(text: &str) -> Result<HashMap<Name, Password>, PasswordFileError> {
    let mut known = HashMap::new();
    for (at, row) in text.lines().enumerate() {
        let line = at + 1;
        let row = row.split('#').next().unwrap_or_default();
        let words: Vec<&str> = row.split_whitespace().collect();
        let (name, password) = match words.as_slice() {
            [] => continue,
            [project, number, password] => (name(project, number), password.parse().ok()),
            _ => return Err(PasswordFileError::Line { line }),
        };
        let (Some(name), Some(password)) = (name, password) else {
            return Err(PasswordFileError::Line { line });
        };
        if known.insert(name, password).is_some() {
            return Err(PasswordFileError::Twice { line });
        }
    }
    Ok(known)
}

fn name(project: &str, number: &str) -> Option<Name> {
    Some((project.parse().ok()?, number.to_owned()))
}

fn read(path: &Path) -> Result<String, PasswordFileError> {
    let failed = |source| PasswordFileError::File { file: path.display().to_string(), source };
    if fs::metadata(path).map_err(failed)?.len() > PASSWORD_FILE_MAX {
        return Err(PasswordFileError::TooLarge);
    }
    fs::read_to_string(path).map_err(failed)
}

/// How many meters a file names, if it can be used.
///
/// # Errors
/// [`PasswordFileError`].
pub fn check(path: &Path) -> Result<usize, PasswordFileError> {
    Ok(parse(&read(path)?)?.len())
}

/// Puts a meter's password into the file, or takes it out, without touching the other lines; a
/// missing file is made. Readers see the old file or the new one. Answers whether it was there.
///
/// # Errors
/// [`PasswordFileError`]; the file is then as it was.
pub fn put(
    path: &Path,
    (project, number): (i64, &str),
    password: Option<&str>,
) -> Result<bool, PasswordFileError> {
    let failed = |source| PasswordFileError::File { file: path.display().to_string(), source };
    let text = if path.exists() { read(path)? } else { String::new() };
    parse(&text)?;
    let is_it = |row: &str| {
        let words: Vec<&str> = row.split_whitespace().take(2).collect();
        matches!(words.as_slice(), [p, n] if name(p, n) == Some((project, number.to_owned())))
    };
    let mut rows: Vec<String> =
        text.lines().filter(|row| !is_it(row)).map(ToOwned::to_owned).collect();
    let was_there = rows.len() < text.lines().count();
    rows.extend(password.map(|password| format!("{project} {number} {password}")));
    let text = rows.iter().fold(String::new(), |text, row| text + row + "\n");
    parse(&text)?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&draft, path).map_err(failed)?;
    Ok(was_there)
}

impl Passwords {
    /// What is known before the first look.
    pub(crate) fn before(file: Option<&PathBuf>) -> Self {
        if file.is_some() { Passwords::Unread } else { Passwords::None }
    }

    /// The password a meter is programmed with: its own, the factory's (`None`), or unknown.
    ///
    /// Invariant: where a file is configured that was never readable, every password is unknown,
    /// because a factory's password tried on the wrong meters locks them (H.1 no. 13; test
    /// `a_broken_password_file_never_lets_the_factory_password_out`).
    pub(crate) fn of(&self, project: i64, number: &str) -> Option<Password> {
        match self {
            Passwords::None => None,
            Passwords::Unread => Some(Password::UNKNOWN),
            Passwords::Known(known) => known.get(&(project, number.to_owned())).copied(),
        }
    }
}

impl House {
    /// Reads the passwords anew. What cannot be read leaves those known before in force; the error
    /// is for the log.
    pub(crate) fn read_passwords(&self) -> Result<(), PasswordFileError> {
        let Some(path) = &self.settings().meter_passwords else { return Ok(()) };
        let known = parse(&read(path)?)?;
        self.use_passwords(Passwords::Known(Arc::new(known)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_file_names_meters_line_by_line() {
        let good = "# ours\n\n1 E101 123456\n2 E101 000000 # the shop\n";
        let known = parse(good).expect("a good file");
        assert_eq!(known.len(), 2);
        assert_eq!(known.get(&(1, "E101".to_owned())).copied(), "123456".parse().ok());
        let table = [
            ("1 E101\n", 1),
            ("1 E101 123456\n1 E102 12345\n", 2),
            ("one E101 123456\n", 1),
            ("1 E101 123456 7\n", 1),
            ("1 E101 123456\n\n1 E101 654321\n", 3),
        ];
        for (text, want) in table {
            let error = parse(text).expect_err(text);
            let shown = format!("{error} {error:?}");
            let at = match error {
                PasswordFileError::Line { line } | PasswordFileError::Twice { line } => line,
                other => panic!("{text}: {other}"),
            };
            assert_eq!(at, want, "{text}");
            assert!(!shown.contains("123456") && !shown.contains("654321"), "{shown}");
        }
    }

    #[test]
    fn a_broken_password_file_never_lets_the_factory_password_out() {
        let file = PathBuf::from("passwords");
        let own = "123456".parse().ok();
        let known = parse("1 E101 123456\n").map(Arc::new).expect("a good file");
        let table = [
            (Passwords::before(None), "E101", None),
            (Passwords::before(Some(&file)), "E101", Some(Password::UNKNOWN)),
            (Passwords::before(Some(&file)), "E102", Some(Password::UNKNOWN)),
            (Passwords::Known(Arc::clone(&known)), "E101", own),
            (Passwords::Known(known), "E102", None),
        ];
        for (passwords, number, want) in table {
            assert_eq!(passwords.of(1, number), want, "{number}");
        }
    }

    #[test]
    fn a_password_is_put_changed_and_taken_out_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("passwords");
        let text = || fs::read_to_string(&path).expect("the file");
        assert!(!put(&path, (1, "E101"), Some("123456")).expect("put"));
        assert!(!put(&path, (1, "E102"), Some("222222")).expect("put"));
        assert!(put(&path, (1, "E101"), Some("654321")).expect("changed"));
        assert_eq!(text(), "1 E102 222222\n1 E101 654321\n");
        assert!(put(&path, (1, "E103"), Some("12345")).is_err(), "five digits");
        assert!(put(&path, (1, "E102"), None).expect("out"));
        assert_eq!(text(), "1 E101 654321\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).expect("the file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
