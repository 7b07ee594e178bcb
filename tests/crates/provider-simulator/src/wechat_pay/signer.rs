//! Which of WeChat's keys signs (payments.md A4).

use std::sync::Arc;

use crate::config::KeyMode;
use crate::crypto::RsaKey;
use crate::world::State;

/// A key and the serial it goes by.
pub(crate) struct Signer {
    pub(crate) key: Arc<RsaKey>,
    pub(crate) serial: String,
}

fn public(state: &State, mchid: &str) -> Option<Signer> {
    let keys = state.keys.wechat.get(mchid)?;
    Some(Signer { key: keys.public.clone(), serial: keys.public_key_id.clone() })
}

fn platform(state: &State, serial: Option<&str>) -> Option<Signer> {
    let mut newest_first = state.keys.platform.iter().rev();
    let one =
        newest_first.find(|one| serial.is_none_or(|serial| serial == one.certificate.serial))?;
    Some(Signer { key: one.key.clone(), serial: one.certificate.serial.clone() })
}

/// The signer of an answer: the one the request names, else the merchant's default.
pub(crate) fn of_answer(state: &State, mchid: &str, wanted: Option<&str>) -> Option<Signer> {
    let mode = state.key_choice.get(mchid)?.mode;
    let named = match wanted {
        Some(serial) if serial.starts_with("PUB_KEY_ID_") && mode != KeyMode::Certificate => {
            public(state, mchid).filter(|signer| signer.serial == serial)
        }
        Some(serial) if mode != KeyMode::PublicKey => platform(state, Some(serial)),
        _ => None,
    };
    named.or_else(|| match mode {
        KeyMode::PublicKey => public(state, mchid),
        KeyMode::Certificate | KeyMode::Both => platform(state, None),
    })
}

/// The signer of a callback: during the grey switch, chance decides.
pub(crate) fn of_callback(state: &mut State, mchid: &str) -> Option<Signer> {
    let choice = *state.key_choice.get(mchid)?;
    let by_public = match choice.mode {
        KeyMode::Certificate => false,
        KeyMode::PublicKey => true,
        KeyMode::Both => state.chance.strikes(choice.grey_permille),
    };
    if by_public { public(state, mchid) } else { platform(state, None) }
}
