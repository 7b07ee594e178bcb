//! What only root may do is asked for over a socket that only this user may open: one line out, one
//! line in.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// Where systemd listens for it.
pub const SOCKET: &str = "/run/kiosk-root.socket";
/// How long root may take; a release has a minute to come up, and a minute to go back.
const PATIENCE: Duration = Duration::from_secs(180);
/// The longest answer that is read, in bytes.
const ANSWER_MAX: u64 = 4_096;

/// What may be asked for: the words `kiosk-root` knows.
#[derive(Debug, Serialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Action {
    /// Start the machine anew.
    Reboot,
    /// Switch it off.
    PowerOff,
    /// Put a signed release in place.
    Apply {
        /// SHA-256 of its archive.
        release: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Done,
    Refused(String),
}

/// Asks, and waits until it is done.
///
/// # Errors
/// If nobody listens, or it is refused.
pub fn ask(socket: &Path, action: &Action) -> Result<()> {
    let mut line = UnixStream::connect(socket).context("root does not listen")?;
    line.set_read_timeout(Some(PATIENCE))?;
    serde_json::to_writer(&line, action)?;
    line.write_all(b"\n")?;
    let mut said = String::new();
    BufReader::new(line).take(ANSWER_MAX).read_line(&mut said)?;
    match serde_json::from_str(&said).context("root's answer cannot be read")? {
        Answer::Done => Ok(()),
        Answer::Refused(why) => bail!("root refuses: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::net::UnixListener, thread};

    #[test]
    fn what_root_says_is_what_is_heard() {
        let cases = [
            ("\"done\"\n", ""),
            ("{\"refused\":\"not now\"}\n", "root refuses: not now"),
            ("", "root's answer cannot be read"),
        ];
        for (answer, want) in cases {
            let folder = tempfile::tempdir().unwrap();
            let socket = folder.path().join("root");
            let listener = UnixListener::bind(&socket).unwrap();
            let root = thread::spawn(move || {
                let (mut line, _) = listener.accept().unwrap();
                let mut asked = String::new();
                BufReader::new(line.try_clone().unwrap()).read_line(&mut asked).unwrap();
                line.write_all(answer.as_bytes()).unwrap();
                asked
            });
            let said = ask(&socket, &Action::Reboot).err().map(|fault| fault.to_string());
            assert_eq!(said.unwrap_or_default(), want);
            assert_eq!(root.join().unwrap(), "{\"act\":\"reboot\"}\n");
        }
        let nobody = ask(Path::new("nowhere"), &Action::Reboot).unwrap_err();
        assert_eq!(nobody.to_string(), "root does not listen");
    }
}
