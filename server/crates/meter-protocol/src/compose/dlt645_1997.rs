//! DL/T 645-1997 frames from parameters.

use super::{ComposeError, Kind, Reader, refused};
use crate::Payload;
use crate::dlt645::{Address, Control, Frame};
use crate::dlt645_1997::{Command, Request};

pub(super) const KINDS: &[Kind] = &[
    Kind { name: "read", required: &["address", "di"], optional: &["preamble"] },
    Kind { name: "read-follow-up", required: &["address", "di"], optional: &["preamble"] },
    Kind { name: "read-again", required: &["address"], optional: &["preamble"] },
    Kind { name: "broadcast-time", required: &["time"], optional: &["address", "preamble"] },
    Kind { name: "write-address", required: &["address", "new"], optional: &["preamble"] },
    Kind { name: "raw", required: &["address", "control"], optional: &["data", "preamble"] },
];

pub(super) fn build(kind: &str, from: &Reader<'_>) -> Result<Vec<u8>, ComposeError> {
    let mut out = Vec::new();
    let command = match kind {
        "raw" => {
            let data = from.bytes_or_none("data")?;
            let [control] = from.array("control")?;
            let data = Payload::try_from(data.as_slice()).map_err(refused)?;
            let frame = Frame { address: from.parsed("address")?, control: Control(control), data };
            frame.encode(from.preamble()?, &mut out);
            return Ok(out);
        }
        "read" => Command::Read(from.parsed("di")?),
        "read-follow-up" => Command::ReadFollowUp(from.parsed("di")?),
        "read-again" => Command::ReadAgain,
        "broadcast-time" => Command::BroadcastTime(from.time("time")?),
        _ => Command::WriteAddress(from.parsed("new")?),
    };
    let address = match (command, from.given("address")) {
        (Command::BroadcastTime(_), None) => Address::BROADCAST,
        _ => from.parsed("address")?,
    };
    Request::new(address, command).map_err(refused)?.encode(from.preamble()?, &mut out);
    Ok(out)
}
