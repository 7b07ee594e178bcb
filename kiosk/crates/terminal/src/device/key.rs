//! The kiosk's own Ed25519 key (RFC 8032): made at the first start, never shown.

use std::{fmt, io, path::Path};

use aws_lc_rs::{
    digest,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use zeroize::Zeroizing;

use crate::{ambient::Ambient, disk, hex};

/// The file it stands in.
const FILE: &str = "device.key";
/// Its bytes: the seed of RFC 8032.
const SEED_BYTES: usize = 32;

/// The kiosk's key.
pub struct DeviceKey {
    pair: Ed25519KeyPair,
    public: [u8; 32],
}

/// There is no key the kiosk may use.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The disk.
    #[error("the kiosk's key cannot be read or written")]
    Disk(#[from] io::Error),
    /// Not 32 bytes. A second key is never made by itself: it would be a second kiosk.
    #[error("the file of the kiosk's key is damaged: the kiosk has to be paired anew")]
    Damaged,
    /// Others on this machine could have read it.
    #[error("the file of the kiosk's key can be read by others: the kiosk has to be paired anew")]
    Exposed,
}

impl DeviceKey {
    /// The key of this folder, made where there is none yet.
    pub fn open(folder: &Path, ambient: &dyn Ambient) -> Result<DeviceKey, KeyError> {
        let path = folder.join(FILE);
        let most = u64::try_from(SEED_BYTES).unwrap_or(u64::MAX);
        let seed = match disk::read(&path, most) {
            Ok(Some(seed)) => {
                alone(&path)?;
                Zeroizing::new(seed)
            }
            Ok(None) => {
                let mut seed = Zeroizing::new(vec![0; SEED_BYTES]);
                ambient.random(&mut seed);
                disk::replace(&path, &seed, disk::SECRET)?;
                seed
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(KeyError::Damaged);
            }
            Err(error) => return Err(error.into()),
        };
        DeviceKey::from_seed(&seed)
    }

    fn from_seed(seed: &[u8]) -> Result<DeviceKey, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Damaged)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Damaged)?;
        Ok(DeviceKey { pair, public })
    }

    /// The public half, 32 bytes in hexadecimal.
    pub fn public_hex(&self) -> String {
        hex::encode(&self.public)
    }

    /// Six digits by which an operator sees that it is this kiosk and no other that they take up.
    pub fn fingerprint(&self) -> String {
        let mut of = [0; 32];
        of.copy_from_slice(digest::digest(&digest::SHA256, &self.public).as_ref());
        kiosk_wire::device::fingerprint(&of)
    }

    /// Signs; 64 bytes in hexadecimal.
    pub fn sign(&self, message: &[u8]) -> String {
        hex::encode(self.pair.sign(message).as_ref())
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DeviceKey").field(&self.fingerprint()).finish()
    }
}

/// Whether a signature in hexadecimal over these bytes is of this public key in hexadecimal. What
/// cannot be read is no signature.
pub fn is_signed(public_hex: &str, message: &[u8], signature_hex: &str) -> bool {
    let (Some(key), Some(signature)) =
        (hex::decode_exact::<32>(public_hex), hex::decode_exact::<64>(signature_hex))
    else {
        return false;
    };
    UnparsedPublicKey::new(&ED25519, key).verify(message, &signature).is_ok()
}

#[cfg(unix)]
fn alone(path: &Path) -> Result<(), KeyError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyError::Exposed) }
}

#[cfg(not(unix))]
fn alone(_: &Path) -> Result<(), KeyError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::Manual;

    fn ambient(seed: u64) -> Manual {
        Manual::at("2026-11-21T06:00:00Z".parse().unwrap(), seed)
    }

    #[test]
    fn it_signs_as_the_examples_of_rfc_8032_do() {
        // RFC 8032 section 7.1, tests 1 and 2: seed, public key, message, signature.
        let table = [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac\
                 c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e\
                 458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
        ];
        for (seed, public, message, signature) in table {
            let key = DeviceKey::from_seed(&hex::decode(seed).unwrap()).unwrap();
            let message = hex::decode(message).unwrap();
            assert_eq!(key.public_hex(), public);
            assert_eq!(key.sign(&message), signature);
            assert!(is_signed(public, &message, signature));
            assert!(!is_signed(public, b"another", signature));
            assert!(!is_signed(public, &message, &signature[2..]));
            assert!(!is_signed(&public[2..], &message, signature));
        }
    }

    #[test]
    fn it_is_made_once_readable_by_nobody_else_and_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let key = DeviceKey::open(folder.path(), &ambient(1)).unwrap();
        let again = DeviceKey::open(folder.path(), &ambient(2)).unwrap();
        assert_eq!(key.public_hex(), again.public_hex());
        let path = folder.path().join(FILE);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let seed = hex::encode(&std::fs::read(&path).unwrap());
        assert!(!format!("{key:?}").contains(&seed));
        assert_eq!(key.fingerprint().len(), 6);
        assert!(key.fingerprint().bytes().all(|b| b.is_ascii_digit()));
        let other = tempfile::tempdir().unwrap();
        let other = DeviceKey::open(other.path(), &ambient(2)).unwrap();
        assert_ne!(key.public_hex(), other.public_hex());
    }

    #[test]
    fn a_damaged_or_exposed_key_is_told_and_never_replaced_by_a_second_one() {
        for bytes in [&b""[..], b"short", &[7; 33]] {
            let folder = tempfile::tempdir().unwrap();
            disk::replace(&folder.path().join(FILE), bytes, disk::SECRET).unwrap();
            let error = DeviceKey::open(folder.path(), &ambient(1)).unwrap_err();
            assert!(matches!(error, KeyError::Damaged), "{error:?}");
            assert_eq!(std::fs::read(folder.path().join(FILE)).unwrap(), bytes);
        }
        #[cfg(unix)]
        {
            let folder = tempfile::tempdir().unwrap();
            disk::replace(&folder.path().join(FILE), &[7; 32], 0o644).unwrap();
            let error = DeviceKey::open(folder.path(), &ambient(1)).unwrap_err();
            assert!(matches!(error, KeyError::Exposed), "{error:?}");
        }
    }
}
