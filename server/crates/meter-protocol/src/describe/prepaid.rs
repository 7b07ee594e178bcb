//! The 03H layouts, told apart by identifier and length.

use super::{Field, value};
use crate::dlt645::{
    Address, AuthEnd, CustomerNo, Di, Operator, OrderNo, Prepaid, WalletReceipt, WalletStatus,
};
use crate::{Scaled, hex};

/// The bytes after the identifier of a request.
pub(super) fn request(di: Di, rest: &[u8]) -> Vec<Field> {
    let Some((operator, body)) = rest.split_first_chunk::<4>() else {
        return vec![value::raw(rest)];
    };
    let operator = Operator(u32::from_le_bytes(*operator));
    let mut fields = vec![Field::new("operator", operator)];
    fields.extend(match (di, body.len()) {
        (Prepaid::RECHARGE | Prepaid::OPEN, 22) => fee_control(body),
        (Prepaid::RECHARGE | Prepaid::REFUND, 26) => order_family(body),
        (Prepaid::WALLET_INITIALISE, 16) => wallet_initialise(body),
        (Prepaid::AUTHENTICATE, 24) => authenticate(body),
        (_, 0) => Vec::new(),
        _ => vec![value::raw(body)],
    });
    fields
}

/// The bytes after the identifier of an 83.
pub(super) fn reply(di: Di, rest: &[u8]) -> Vec<Field> {
    if di == Prepaid::STATUS
        && let Some(status) = WalletStatus::read(rest)
    {
        return vec![
            fen("remaining", status.remaining_fen),
            mac("mac_remaining", &status.mac_remaining),
            Field::new("purchase_count", status.purchase_count),
            mac("mac_count", &status.mac_count),
            Field::new("customer", status.customer),
            mac("key", &status.key),
        ];
    }
    if di == Prepaid::AUTH_END
        && let Some(end) = AuthEnd::read(rest)
    {
        return vec![
            Field::new("customer", end.customer),
            fen("remaining", end.remaining_fen),
            Field::new("purchase_count", end.purchase_count),
            mac("key", &end.key),
        ];
    }
    if let (Prepaid::AUTHENTICATE, Some((random, esam))) = (di, rest.split_first_chunk::<4>()) {
        return vec![mac("random", random), mac("esam", esam)];
    }
    match WalletReceipt::read(rest) {
        _ if rest.is_empty() => vec![Field::new("result", "accepted").meaning("not yet proven")],
        Some(receipt) => vec![
            Field::new("result", "accepted").meaning("not yet proven"),
            fen("balance", receipt.balance_fen),
            Field::new("purchase_count", receipt.purchase_count),
            Field::new("customer", receipt.customer),
        ],
        None => vec![value::raw(rest)],
    }
}

fn fen(name: &'static str, fen: u32) -> Field {
    Field::new(name, Scaled { units: i64::from(fen), decimals: 2 }).meaning("yuan")
}

fn mac(name: &'static str, bytes: &[u8]) -> Field {
    Field::new(name, hex::spaced(bytes))
}

fn binary(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn six(bytes: &[u8]) -> [u8; 6] {
    bytes.try_into().unwrap_or_default()
}

fn fee_control(body: &[u8]) -> Vec<Field> {
    vec![
        Field::new("layout", "fee control"),
        fen("amount", binary(&body[..4])),
        Field::new("purchase_count", binary(&body[4..8])),
        mac("mac_amount", &body[8..12]),
        Field::new("customer", CustomerNo::from_wire(six(&body[12..18]))),
        mac("mac_customer", &body[18..]),
    ]
}

fn order_family(body: &[u8]) -> Vec<Field> {
    let order = OrderNo::from_wire(body[4..12].try_into().unwrap_or_default());
    vec![
        Field::new("layout", "order-number family"),
        fen("amount", binary(&body[..4])),
        Field::new("order_no", order),
        mac("mac_amount", &body[12..16]),
        Field::new("meter", Address::from_wire(six(&body[16..22]))),
        mac("mac_meter", &body[22..]),
    ]
}

fn wallet_initialise(body: &[u8]) -> Vec<Field> {
    vec![
        fen("amount", binary(&body[..4])),
        mac("mac_amount", &body[4..8]),
        Field::new("purchase_count", binary(&body[8..12])),
        mac("mac_count", &body[12..]),
    ]
}

fn authenticate(body: &[u8]) -> Vec<Field> {
    vec![mac("cipher", &body[..8]), mac("random", &body[8..16]), mac("diversifier", &body[16..])]
}
