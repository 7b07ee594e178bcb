//! What a paired kiosk keeps on its disk: who it is, and the question it had open before that.

use std::{
    io,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use kiosk_wire::device::{Identity, PairingCode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{disk, hex};

/// The largest of these files, in bytes.
const FILE_MAX: u64 = 4096;

/// An open question: an operator may have typed the code while the power was away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The request.
    pub pairing_id: Uuid,
    /// Proves that it was this kiosk's.
    pub secret: String,
}

impl Pending {
    /// The question a code opens.
    pub fn of(code: &PairingCode) -> Pending {
        Pending { pairing_id: code.pairing_id, secret: code.secret.clone() }
    }
}

/// What is kept cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The disk.
    #[error("the kiosk's papers cannot be read or written")]
    Disk(#[from] io::Error),
    /// Not what this program writes.
    #[error("the kiosk's papers are damaged: the kiosk has to be paired anew")]
    Damaged,
}

/// The kiosk's papers in one folder.
#[derive(Clone, Debug)]
pub struct Papers {
    folder: PathBuf,
}

impl Papers {
    /// Those of this folder.
    pub fn of(folder: &Path) -> Papers {
        Papers { folder: folder.to_owned() }
    }

    /// Who this kiosk is; `None` before it is paired.
    pub fn identity(&self) -> Result<Option<Identity>, IdentityError> {
        let Some(identity) = self.read::<Identity>("identity.json")? else { return Ok(None) };
        // Everything a server says later is checked with this key: without it there is no trust.
        hex::decode_exact::<32>(&identity.command_key).ok_or(IdentityError::Damaged)?;
        Ok(Some(identity))
    }

    /// Keeps who it is, and forgets the question that led there.
    pub fn keep(&self, identity: &Identity) -> Result<(), IdentityError> {
        hex::decode_exact::<32>(&identity.command_key).ok_or(IdentityError::Damaged)?;
        self.write("identity.json", identity)?;
        Ok(disk::remove(&self.folder.join("pairing.json"))?)
    }

    /// Forgets who it was, so that it can be paired with another server. The key stays.
    pub fn forget(&self) -> Result<(), IdentityError> {
        Ok(disk::remove(&self.folder.join("identity.json"))?)
    }

    /// The question that was open; a damaged one is none.
    pub fn pending(&self) -> Option<Pending> {
        self.read("pairing.json").ok().flatten()
    }

    /// Keeps an open question.
    pub fn keep_pending(&self, pending: &Pending) -> Result<(), IdentityError> {
        self.write("pairing.json", pending)
    }

    /// When the server was last heard, by its own clock: a kiosk whose battery is dead starts from
    /// there.
    pub fn heard_at(&self) -> Option<DateTime<Utc>> {
        self.read("heard.json").ok().flatten()
    }

    /// Keeps that.
    pub fn keep_heard_at(&self, at: DateTime<Utc>) -> Result<(), IdentityError> {
        self.write("heard.json", &at)
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Result<Option<T>, IdentityError> {
        let Some(bytes) = disk::read(&self.folder.join(name), FILE_MAX)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|_| IdentityError::Damaged)
    }

    fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), IdentityError> {
        let bytes = serde_json::to_vec(value).map_err(|_| IdentityError::Damaged)?;
        Ok(disk::replace(&self.folder.join(name), &bytes, disk::SECRET)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(command_key: &str) -> Identity {
        Identity {
            kiosk_id: Uuid::from_u128(7),
            number: "K-03".to_owned(),
            command_key: command_key.to_owned(),
        }
    }

    #[test]
    fn an_identity_is_kept_over_a_restart_and_ends_the_question_it_answers() {
        let folder = tempfile::tempdir().unwrap();
        let papers = Papers::of(folder.path());
        assert_eq!(papers.identity().unwrap(), None);
        let pending = Pending { pairing_id: Uuid::from_u128(1), secret: "s".to_owned() };
        papers.keep_pending(&pending).unwrap();
        assert_eq!(Papers::of(folder.path()).pending(), Some(pending));
        papers.keep(&identity(&"ab".repeat(32))).unwrap();
        assert_eq!(Papers::of(folder.path()).identity().unwrap(), Some(identity(&"ab".repeat(32))));
        assert_eq!(papers.pending(), None);
        papers.forget().unwrap();
        assert_eq!(papers.identity().unwrap(), None);
    }

    #[test]
    fn an_identity_without_a_usable_command_key_is_neither_kept_nor_believed() {
        let folder = tempfile::tempdir().unwrap();
        let papers = Papers::of(folder.path());
        for key in ["", "zz", &"ab".repeat(31)] {
            assert!(papers.keep(&identity(key)).is_err(), "{key}");
            assert_eq!(papers.identity().unwrap(), None);
        }
        for text in ["", "{", "{\"kiosk_id\":\"x\"}"] {
            std::fs::write(folder.path().join("identity.json"), text).unwrap();
            assert!(matches!(papers.identity(), Err(IdentityError::Damaged)), "{text}");
        }
    }
}
