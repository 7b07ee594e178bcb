//! Handles: the words a kiosk names a meter by. Each is sealed, good for one kiosk and a quarter of
//! an hour, so that there is no table of them and nothing to read in one.

use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};
use chrono::{DateTime, TimeDelta, Utc};
use domain::MeterId;
use kiosk_wire::card_format::{hex, unhex};
use uuid::Uuid;

use crate::{
    desk::Desk,
    failure::{Failure, Result},
    greeting::Caller,
};

/// How long a handle is good for.
pub const LIFE: TimeDelta = TimeDelta::minutes(15);
/// Meter, end of its time, and whether its number was typed.
const PLAIN_BYTES: usize = 16 + 8 + 1;

/// What a handle names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The meter.
    pub meter: MeterId,
    /// True where whoever asks has typed its whole number.
    pub typed: bool,
}

/// Seals a handle for one kiosk.
pub fn seal(desk: &Desk, caller: &Caller, named: Named) -> Result<String> {
    let mut nonce = [0; NONCE_LEN];
    desk.rng().fill(&mut nonce);
    let until = (desk.now() + LIFE).timestamp_micros();
    let mut plain = Vec::with_capacity(PLAIN_BYTES);
    plain.extend_from_slice(named.meter.0.as_bytes());
    plain.extend_from_slice(&until.to_be_bytes());
    plain.push(u8::from(named.typed));
    let whose = Aad::from(*caller.kiosk.id.as_bytes());
    let sealed = desk.keys.handle().seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        whose,
        &mut plain,
    );
    sealed.map_err(|error| Failure::internal(&error))?;
    Ok(hex(&nonce) + &hex(&plain))
}

/// Opens a handle. Another kiosk's, an old one and no handle at all look alike.
///
/// Invariant: a handle is good at the kiosk it was made for and nowhere else; proved by
/// `a_handle_of_another_kiosk_or_another_hour_names_nothing`.
pub fn open(desk: &Desk, caller: &Caller, handle: &str) -> Result<Named> {
    let missing = || Failure::NotFound("meter");
    let mut bytes = unhex(handle).filter(|bytes| bytes.len() > NONCE_LEN).ok_or_else(missing)?;
    let sealed = bytes.split_off(NONCE_LEN);
    opened(desk, caller.kiosk.id, &bytes, sealed, desk.now()).ok_or_else(missing)
}

fn opened(
    desk: &Desk,
    kiosk: Uuid,
    nonce: &[u8],
    mut sealed: Vec<u8>,
    now: DateTime<Utc>,
) -> Option<Named> {
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let whose = Aad::from(*kiosk.as_bytes());
    let plain: &[u8] = desk.keys.handle().open_in_place(nonce, whose, &mut sealed).ok()?;
    let (meter, rest) = plain.split_at_checked(16)?;
    let (until, typed) = rest.split_at_checked(8)?;
    let until = i64::from_be_bytes(until.try_into().ok()?);
    (until > now.timestamp_micros())
        .then_some(Named { meter: MeterId(Uuid::from_slice(meter).ok()?), typed: typed == [1] })
}
