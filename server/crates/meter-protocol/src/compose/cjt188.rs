//! CJ/T 188 frames from parameters.

use super::{ComposeError, Kind, Reader, refused};
use crate::Payload;
use crate::cjt188::{Address, Command, DiOrder, Dialect, Frame, MeterType, Request};
use crate::dlt645::Control;

const OPTIONAL: &[&str] = &["type", "serial", "di-order", "preamble"];

pub(super) const KINDS: &[Kind] = &[
    Kind { name: "read", required: &["address", "di"], optional: OPTIONAL },
    Kind {
        name: "read-address",
        required: &[],
        optional: &["address", "type", "serial", "di-order", "preamble"],
    },
    Kind { name: "valve", required: &["address", "state"], optional: OPTIONAL },
    Kind { name: "purchase", required: &["address", "sequence", "amount-fen"], optional: OPTIONAL },
    Kind { name: "set-time", required: &["address", "time"], optional: OPTIONAL },
    Kind { name: "write-address", required: &["address", "new"], optional: OPTIONAL },
    Kind {
        name: "set-base-reading",
        required: &["address", "value"],
        optional: &["unit", "type", "serial", "di-order", "preamble"],
    },
    Kind {
        name: "raw",
        required: &["address", "control"],
        optional: &["data", "type", "preamble"],
    },
];

pub(super) fn build(kind: &str, from: &Reader<'_>) -> Result<Vec<u8>, ComposeError> {
    let mut out = Vec::new();
    let meter_type = if from.given("type").is_some() {
        let [byte] = from.array("type")?;
        MeterType(byte)
    } else if kind == "read-address" && from.given("address").is_none() {
        MeterType::ANY
    } else {
        MeterType::COLD_WATER
    };
    let command = match kind {
        "raw" => {
            let data = from.bytes_or_none("data")?;
            let [control] = from.array("control")?;
            let data = Payload::try_from(data.as_slice()).map_err(refused)?;
            let address = from.parsed("address")?;
            let frame = Frame { meter_type, address, control: Control(control), data };
            frame.encode(from.preamble()?, &mut out);
            return Ok(out);
        }
        "read" => Command::Read(from.parsed("di")?),
        "read-address" => Command::ReadAddress,
        "valve" => match from.text("state")? {
            "open" => Command::Valve { open: true },
            "close" => Command::Valve { open: false },
            other => return Err(Reader::bad("state", other, "open and close are")),
        },
        "purchase" => Command::Purchase {
            sequence: from.number("sequence")?,
            amount_fen: from.number("amount-fen")?,
        },
        "set-time" => Command::SetTime(from.time("time")?),
        "write-address" => Command::WriteAddress(from.parsed("new")?),
        _ => Command::SetBaseReading {
            value: from.number("value")?,
            unit: from.number_or("unit", 0)?,
        },
    };
    let address = match (command, from.given("address")) {
        (Command::ReadAddress, None) => Address::WILDCARD,
        _ => from.parsed("address")?,
    };
    let request =
        Request::new(meter_type, address, command, from.number_or("serial", 0)?, dialect(from)?);
    request.map_err(refused)?.encode(from.preamble()?, &mut out);
    Ok(out)
}

fn dialect(from: &Reader<'_>) -> Result<Dialect, ComposeError> {
    let order = match from.given("di-order") {
        None | Some("high-first") => DiOrder::HighFirst,
        Some("low-first") => DiOrder::LowFirst,
        Some(other) => {
            return Err(Reader::bad("di-order", other, "high-first and low-first are"));
        }
    };
    Ok(Dialect { read_order: order, write_order: order, ..Dialect::default() })
}
