//! Meters as the server tells of them.

use chrono::{DateTime, Utc};
use kiosk_wire::{
    account::{AccountView, Aged, Amounts, Match, Quote, ReadOutcome, RoomNode},
    text::Text,
};

/// 14:32:08 on a Friday at the site, as on the drawings.
pub fn now() -> DateTime<Utc> {
    at("2026-11-20T06:32:08Z")
}

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn aged(value: i64, seconds: u64, live: bool) -> Option<Aged> {
    let then = now() - chrono::TimeDelta::seconds(i64::try_from(seconds).unwrap());
    Some(Aged { value, at: then, age_ms: seconds * 1000, live })
}

pub fn matched(number: &str, place: &str, purpose: &str) -> Match {
    Match {
        handle: format!("h{number}"),
        place: place.into(),
        purpose: purpose.into(),
        meter_tail: number[number.len() - 4..].into(),
        meter_number: None,
        holder: Some("王*芳".into()),
    }
}

pub fn amounts() -> Amounts {
    Amounts {
        usual_fen: vec![2_000, 5_000, 10_000, 20_000, 50_000],
        min_fen: 100,
        max_fen: 200_000,
    }
}

/// A room with light, read just now.
pub fn lit() -> AccountView {
    AccountView {
        matched: Match {
            meter_number: Some("002103602268".into()),
            ..matched("002103602268", "3 号楼 1 单元 0602", "electricity")
        },
        money_model: "meter".into(),
        balance_fen: aged(1_240, 2, true),
        register: aged(1_204_310, 2, true),
        used_today: aged(4_120, 2, true),
        used_month: aged(180_360, 2, true),
        price_e4: Some(6_600),
        supply: "on".into(),
        supply_text: Text::new("余额偏低，约可用 2 天", "Low balance, about 2 days left"),
        restore_fen: None,
        amounts: amounts(),
        closed: None,
        read: Some(ReadOutcome::Fresh),
    }
}

/// The same room in the dark, for want of money.
pub fn cut() -> AccountView {
    AccountView {
        balance_fen: aged(-564, 2, true),
        supply: "off".into(),
        supply_text: Text::new("余额用完，14:05 自动断电", "Out of balance, switched off at 14:05"),
        restore_fen: Some(2_564),
        ..lit()
    }
}

/// Its meter does not answer.
pub fn silent() -> AccountView {
    AccountView {
        balance_fen: aged(1_240, 7_200 * 3, false),
        register: aged(1_204_310, 7_200 * 3, false),
        used_today: None,
        used_month: aged(176_240, 7_200 * 3, false),
        supply: "offline".into(),
        supply_text: Text::new("上次是供电中", "It was on when last heard"),
        read: Some(ReadOutcome::Offline),
        ..lit()
    }
}

/// Nothing is known of it yet.
pub fn unread() -> AccountView {
    AccountView {
        balance_fen: None,
        register: None,
        used_today: None,
        used_month: None,
        price_e4: None,
        supply: "unknown".into(),
        supply_text: Text::default(),
        read: Some(ReadOutcome::Silent),
        ..lit()
    }
}

pub fn water() -> AccountView {
    AccountView {
        matched: matched("000081504408", "3 号楼 1 单元 0602", "water"),
        money_model: "platform".into(),
        balance_fen: aged(5_830, 1_500, false),
        register: aged(412_380, 1_500, false),
        used_today: aged(126, 1_500, false),
        used_month: aged(6_420, 1_500, false),
        price_e4: Some(41_500),
        supply: "moving".into(),
        supply_text: Text::default(),
        read: None,
        ..lit()
    }
}

pub fn quote() -> Quote {
    Quote {
        amount_fen: 10_000,
        fee_fen: 0,
        quantity: Some(147_000),
        balance_after_fen: Some(11_240),
        restores: None,
    }
}

pub fn nodes(labels: impl IntoIterator<Item = String>, room: bool) -> Vec<RoomNode> {
    let node = |(at, label)| RoomNode { id: format!("n{at}"), label, room };
    labels.into_iter().enumerate().map(node).collect()
}
