//! Finding requests in the bytes that reached the meters.

use crate::config::MeterKind;
use crate::dlt645::Attempt;
use crate::meter::Message;
use crate::{cjt188, dlt645, modbus};

/// Bytes of unfinished requests kept.
pub(crate) const INBOX_MAX: usize = 1_024;

/// Which protocols the meters of a bus understand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Protocols {
    pub dlt645: bool,
    pub cjt188: bool,
    pub modbus: bool,
    pub mbap: bool,
    /// Only Modbus meters: silence, not length, separates frames.
    pub silence_ends: bool,
}

impl Protocols {
    /// The protocols of these meters.
    pub fn of(kinds: &[MeterKind], mbap: bool) -> Self {
        let mut out = Self { mbap, ..Self::default() };
        for kind in kinds {
            match kind {
                MeterKind::Prepaid2007 | MeterKind::Remote2007 | MeterKind::ReadOnly1997 => {
                    out.dlt645 = true;
                }
                MeterKind::Cjt188Water => out.cjt188 = true,
                MeterKind::AcrelDdsy1352 | MeterKind::EastronSdm530y | MeterKind::Modbus => {
                    out.modbus = !mbap;
                }
            }
        }
        out.silence_ends = out.modbus && !out.dlt645 && !out.cjt188;
        out
    }
}

/// The first request in `bytes` and the number of bytes up to its end. DL/T 645 and CJ/T 188
/// skip what stands in front; Modbus does not, as a real slave does not.
pub(crate) fn next_message(bytes: &[u8], protocols: Protocols) -> Option<(Message, usize)> {
    if protocols.mbap {
        return whole(modbus::attempt_mbap(bytes), Message::Modbus, 0);
    }
    if protocols.modbus {
        let found = whole(modbus::attempt_rtu(bytes), Message::Modbus, 0);
        if found.is_some() {
            return found;
        }
    }
    (0..bytes.len()).find_map(|start| {
        let rest = &bytes[start..];
        let of_645 = protocols.dlt645.then(|| dlt645::attempt(rest));
        let of_188 = protocols.cjt188.then(|| cjt188::attempt(rest));
        of_645
            .and_then(|attempt| whole(attempt, Message::Dlt645, start))
            .or_else(|| of_188.and_then(|attempt| whole(attempt, Message::Cjt188, start)))
    })
}

fn whole<F>(attempt: Attempt<F>, wrap: fn(F) -> Message, start: usize) -> Option<(Message, usize)> {
    match attempt {
        Attempt::Whole(frame, used) => Some((wrap(frame), start + used)),
        Attempt::More | Attempt::No => None,
    }
}
