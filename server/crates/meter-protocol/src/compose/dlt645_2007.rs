//! DL/T 645-2007 frames from parameters.

use super::{ComposeError, Kind, Reader, refused};
use crate::Payload;
use crate::dlt645::{
    Address, Authenticate, Baud, Command, Control, FeeControl, Frame, FreezeMoment, Operator,
    OrderFamily, Password, Prepaid, Relay, RelayAction, RelayAuthority, Request, WalletInitialise,
};

const fn kind(
    name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
) -> Kind {
    Kind { name, required, optional }
}

const AUDITED: &[&str] = &["operator", "preamble"];
const PURCHASE: &[&str] = &["operator", "mac-amount", "mac-customer", "preamble"];

pub(super) const KINDS: &[Kind] = &[
    kind("read", &["address", "di"], &["preamble"]),
    kind("read-blocks", &["address", "di", "blocks"], &["from", "preamble"]),
    kind("read-follow-up", &["address", "di", "sequence"], &["preamble"]),
    kind("read-address", &[], &["preamble"]),
    kind("write-address", &["new"], &["preamble"]),
    kind("write", &["address", "di", "level", "password", "value"], AUDITED),
    kind("broadcast-time", &["time"], &["address", "preamble"]),
    kind("freeze", &[], &["address", "month", "day", "hour", "minute", "preamble"]),
    kind("baud", &["address", "baud"], &["preamble"]),
    kind(
        "change-password",
        &["address", "di", "level", "password", "new-level", "new-password"],
        &["preamble"],
    ),
    kind("clear-demand", &["address", "level", "password"], AUDITED),
    kind("clear-meter", &["address", "level", "password"], AUDITED),
    kind("clear-events", &["address", "level", "password", "di"], AUDITED),
    kind(
        "relay",
        &["address", "level", "password", "action", "valid-until"],
        &["delay-five-minutes", "operator", "preamble"],
    ),
    kind("relay-cipher", &["address", "cipher", "mac"], AUDITED),
    kind("output", &["address", "byte"], &["preamble"]),
    kind("open", &["address", "amount-fen", "purchase-count", "customer"], PURCHASE),
    kind("recharge", &["address", "amount-fen", "purchase-count", "customer"], PURCHASE),
    kind("order-recharge", &["address", "amount-fen", "order-no"], &["preamble"]),
    kind("order-refund", &["address", "amount-fen", "order-no"], &["preamble"]),
    kind("wallet-initialise", &["address", "amount-fen", "mac-amount", "mac-count"], AUDITED),
    kind("wallet-status", &["address"], AUDITED),
    kind("authenticate", &["address", "cipher", "random", "diversifier"], AUDITED),
    kind("auth-end", &["address"], AUDITED),
    kind("raw", &["address", "control"], &["data", "preamble"]),
];

pub(super) fn build(kind: &str, from: &Reader<'_>) -> Result<Vec<u8>, ComposeError> {
    let mut out = Vec::new();
    if kind == "raw" {
        raw(from)?.encode(from.preamble()?, &mut out);
        return Ok(out);
    }
    let (default, command) = match kind {
        "open" | "recharge" | "order-recharge" | "order-refund" | "wallet-initialise"
        | "wallet-status" | "authenticate" | "auth-end" => {
            (None, Command::Prepaid(prepaid(kind, from)?))
        }
        "relay" | "relay-cipher" => (None, Command::Relay(relay(kind, from)?)),
        "read-address" => (Some(Address::WILDCARD), Command::ReadAddress),
        "write-address" => (Some(Address::WILDCARD), Command::WriteAddress(from.parsed("new")?)),
        "broadcast-time" => (Some(Address::BROADCAST), Command::BroadcastTime(from.time("time")?)),
        "freeze" => (Some(Address::BROADCAST), Command::Freeze(freeze(from)?)),
        _ => (None, plain(kind, from)?),
    };
    let address = match (default, from.given("address")) {
        (Some(address), None) => address,
        _ => from.parsed("address")?,
    };
    let request = Request::new(address, command).map_err(refused)?;
    request.encode(from.preamble()?, &mut out);
    Ok(out)
}

fn raw(from: &Reader<'_>) -> Result<Frame, ComposeError> {
    let data = from.bytes_or_none("data")?;
    let [control] = from.array("control")?;
    Ok(Frame {
        address: from.parsed("address")?,
        control: Control(control),
        data: Payload::try_from(data.as_slice()).map_err(refused)?,
    })
}

fn operator(from: &Reader<'_>) -> Result<Operator, ComposeError> {
    from.given("operator").map_or(Ok(Operator(0)), |_| {
        from.array("operator").map(|bytes| Operator(u32::from_be_bytes(bytes)))
    })
}

fn password(
    from: &Reader<'_>,
    level: &'static str,
    number: &'static str,
) -> Result<Password, ComposeError> {
    let digits = from.text(number)?;
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ComposeError::Value {
            name: number,
            value: "******".to_owned(),
            reason: "a meter password has six digits".to_owned(),
        });
    }
    // Leading zeros are digits here, so the value is decimal whatever it looks like.
    let value = digits.parse().map_err(refused)?;
    Password::new(from.number(level)?, value).map_err(refused)
}

fn plain(kind: &str, from: &Reader<'_>) -> Result<Command, ComposeError> {
    let authority = || password(from, "level", "password");
    Ok(match kind {
        "read" => Command::Read(from.parsed("di")?),
        "read-blocks" => Command::ReadBlocks {
            di: from.parsed("di")?,
            blocks: from.number("blocks")?,
            from: from.given("from").map(|_| from.time("from")).transpose()?,
        },
        "read-follow-up" => {
            Command::ReadFollowUp { di: from.parsed("di")?, sequence: from.number("sequence")? }
        }
        "write" => Command::Write {
            di: from.parsed("di")?,
            password: authority()?,
            operator: operator(from)?,
            value: from.bytes("value")?,
        },
        "baud" => Command::Baud(baud(from)?),
        "change-password" => Command::ChangePassword {
            di: from.parsed("di")?,
            authority: authority()?,
            replacement: password(from, "new-level", "new-password")?,
        },
        "clear-demand" => {
            Command::ClearDemand { password: authority()?, operator: operator(from)? }
        }
        "clear-meter" => Command::ClearMeter { password: authority()?, operator: operator(from)? },
        "clear-events" => Command::ClearEvents {
            password: authority()?,
            operator: operator(from)?,
            di: from.parsed("di")?,
        },
        "output" => Command::Output(from.number("byte")?),
        other => return Err(refused(format!("{other} cannot be built"))),
    })
}

fn baud(from: &Reader<'_>) -> Result<Baud, ComposeError> {
    Ok(match from.number("baud")? {
        600_u32 => Baud::B600,
        1200 => Baud::B1200,
        2400 => Baud::B2400,
        4800 => Baud::B4800,
        9600 => Baud::B9600,
        19200 => Baud::B19200,
        other => {
            let reason = "600, 1200, 2400, 4800, 9600 and 19200 are";
            return Err(Reader::bad("baud", &other.to_string(), reason));
        }
    })
}

fn freeze(from: &Reader<'_>) -> Result<FreezeMoment, ComposeError> {
    Ok(FreezeMoment {
        month: from.optional_number("month")?,
        day: from.optional_number("day")?,
        hour: from.optional_number("hour")?,
        minute: from.optional_number("minute")?,
    })
}

fn relay(kind: &str, from: &Reader<'_>) -> Result<Relay, ComposeError> {
    let authority = if kind == "relay-cipher" {
        RelayAuthority::Cipher { cipher: from.array("cipher")?, mac: from.array("mac")? }
    } else {
        let name = from.text("action")?;
        let action = RelayAction::ALL.into_iter().find(|action| action.name() == name);
        let names = || RelayAction::ALL.map(RelayAction::name).join(", ");
        RelayAuthority::Plain {
            password: password(from, "level", "password")?,
            action: action
                .ok_or_else(|| Reader::bad("action", name, format!("known are {}", names())))?,
            delay_five_minutes: from.number_or("delay-five-minutes", 0)?,
            valid_until: from.time("valid-until")?,
        }
    };
    Ok(Relay { operator: operator(from)?, authority })
}

fn prepaid(kind: &str, from: &Reader<'_>) -> Result<Prepaid, ComposeError> {
    let order = || -> Result<OrderFamily, ComposeError> {
        Ok(OrderFamily {
            amount_fen: from.number("amount-fen")?,
            order_no: from.parsed("order-no")?,
        })
    };
    Ok(match kind {
        "open" => Prepaid::Open(fee_control(from)?),
        "recharge" => Prepaid::Recharge(fee_control(from)?),
        "order-recharge" => Prepaid::OrderRecharge(order()?),
        "order-refund" => Prepaid::OrderRefund(order()?),
        "wallet-initialise" => Prepaid::WalletInitialise(WalletInitialise {
            operator: operator(from)?,
            amount_fen: from.number("amount-fen")?,
            mac_amount: from.array("mac-amount")?,
            mac_count: from.array("mac-count")?,
        }),
        "authenticate" => Prepaid::Authenticate(Authenticate {
            operator: operator(from)?,
            cipher: from.array("cipher")?,
            random: from.array("random")?,
            diversifier: from.array("diversifier")?,
        }),
        "auth-end" => Prepaid::AuthEnd(operator(from)?),
        _ => Prepaid::Status(operator(from)?),
    })
}

fn fee_control(from: &Reader<'_>) -> Result<FeeControl, ComposeError> {
    Ok(FeeControl {
        operator: operator(from)?,
        amount_fen: from.number("amount-fen")?,
        purchase_count: from.number("purchase-count")?,
        mac_amount: from.mac("mac-amount")?,
        customer: from.parsed("customer")?,
        mac_customer: from.mac("mac-customer")?,
    })
}
