//! The greeting: the kiosk signs the server's nonce, the server signs the kiosk's.

use kiosk_wire::device::{Challenge, Hello, Identity, Welcome};
use uuid::Uuid;

use super::key::{DeviceKey, is_signed};
use crate::{ambient::Ambient, hex};

/// One greeting under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// What is sent.
    pub hello: Hello,
    command_key: String,
}

/// Whoever answered does not hold the server's command key, or answers another greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server has not proven itself")]
pub struct Unproven;

impl Greeting {
    /// Answers a challenge. A nonce of ours is drawn each time, so that no old welcome fits.
    pub fn answer(
        challenge: &Challenge,
        identity: &Identity,
        boot_id: Uuid,
        version: &str,
        key: &DeviceKey,
        ambient: &dyn Ambient,
    ) -> Result<Greeting, Unproven> {
        // What is signed is a nonce and never a text somebody else chose.
        hex::decode_exact::<32>(&challenge.server_nonce).ok_or(Unproven)?;
        let mut nonce = [0; 32];
        ambient.random(&mut nonce);
        let mut hello = Hello {
            kiosk_id: identity.kiosk_id,
            boot_id,
            device_nonce: hex::encode(&nonce),
            server_nonce: challenge.server_nonce.clone(),
            version: version.to_owned(),
            signature: String::new(),
        };
        hello.signature = key.sign(&hello.to_sign());
        Ok(Greeting { hello, command_key: identity.command_key.clone() })
    }

    /// Whether this welcome answers this greeting and comes from the server the kiosk was paired
    /// with.
    ///
    /// Invariant: nothing of a welcome is used before this has said yes
    /// (`a_welcome_is_believed_only_with_the_servers_signature_over_this_very_greeting`).
    pub fn accept(&self, welcome: Welcome) -> Result<Welcome, Unproven> {
        let signed = welcome.to_sign(&self.hello);
        if is_signed(&self.command_key, &signed, &welcome.signature) {
            Ok(welcome)
        } else {
            Err(Unproven)
        }
    }
}

#[cfg(test)]
mod tests {
    use kiosk_wire::device::Settings;

    use super::*;
    use crate::ambient::Manual;

    fn key(seed: u64) -> DeviceKey {
        let folder = tempfile::tempdir().unwrap();
        DeviceKey::open(folder.path(), &chance(seed)).unwrap()
    }

    fn chance(seed: u64) -> Manual {
        Manual::at("2026-11-21T06:00:00Z".parse().unwrap(), seed)
    }

    fn welcome(greeting: &Greeting, server: &DeviceKey) -> Welcome {
        let mut welcome = Welcome {
            token: "t0ken".to_owned(),
            expires_in_ms: 900_000,
            server_time: "2026-11-21T06:00:00.5Z".parse().unwrap(),
            settings: Settings {
                version: 1,
                site: "和园".to_owned(),
                number: "K-03".to_owned(),
                printer_required: false,
                paper_mm: 80,
                wallets: vec!["wechat".to_owned()],
                cards: false,
                dark_from: String::new(),
                dark_until: String::new(),
            },
            signature: String::new(),
        };
        welcome.signature = server.sign(&welcome.to_sign(&greeting.hello));
        welcome
    }

    #[test]
    fn a_welcome_is_believed_only_with_the_servers_signature_over_this_very_greeting() {
        let (device, server, stranger) = (key(1), key(2), key(3));
        let identity = Identity {
            kiosk_id: Uuid::from_u128(7),
            number: "K-03".to_owned(),
            command_key: server.public_hex(),
        };
        let challenge = Challenge { server_nonce: "11".repeat(32) };
        let boot = Uuid::from_u128(8);
        let greet = |seed| {
            let chance = chance(seed);
            Greeting::answer(&challenge, &identity, boot, "0.1.0", &device, &chance).unwrap()
        };
        let greeting = greet(4);
        let hello = &greeting.hello;
        assert!(is_signed(&device.public_hex(), &hello.to_sign(), &hello.signature));
        let good = welcome(&greeting, &server);
        assert_eq!(greeting.accept(good.clone()), Ok(good.clone()));
        let forged = [
            welcome(&greeting, &stranger),
            Welcome { token: "another".to_owned(), ..good.clone() },
            Welcome { server_time: good.server_time + chrono::TimeDelta::hours(1), ..good.clone() },
            Welcome { signature: String::new(), ..good.clone() },
            welcome(&greet(5), &server),
        ];
        for welcome in forged {
            assert_eq!(greeting.accept(welcome.clone()), Err(Unproven), "{welcome:?}");
        }
        assert_ne!(greet(4).hello.device_nonce, greet(6).hello.device_nonce);
    }

    #[test]
    fn a_challenge_that_is_no_nonce_is_not_signed() {
        let identity = Identity {
            kiosk_id: Uuid::from_u128(7),
            number: "K-03".to_owned(),
            command_key: key(2).public_hex(),
        };
        for nonce in ["", "11", "kiosk-command-v1", &"1g".repeat(32)] {
            let challenge = Challenge { server_nonce: nonce.to_owned() };
            let boot = Uuid::from_u128(8);
            let answer =
                Greeting::answer(&challenge, &identity, boot, "0.1.0", &key(1), &chance(4));
            assert_eq!(answer, Err(Unproven), "{nonce}");
        }
    }
}
