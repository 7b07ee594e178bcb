//! Between a vend and its meter: exchanges on the bus, told as the saga's events.

use std::time::Duration;

use domain::{
    VendId,
    vend::{
        CountRule, Proof, SendOutcome, VendEvent,
        event::{SERR_AUTHENTICATION, SERR_REPEATED},
    },
};
use gateway::{
    Action, CommandFailure, Item, MeterCommand, Priority,
    command::{Direction, FrameRecord, Refusal},
};
use store::vend::Frame;

use super::Turn;
use crate::house::House;

/// How long a command may wait for its turn on the bus before it is dropped unsent.
const QUEUE_TIME_MAX: Duration = Duration::from_secs(60);

/// The highest purchase count a meter shows: 03330201 is two bytes of BCD (`meters.md` A.6).
const COUNT_MAX: u32 = 9_999;

/// How a meter model proves a purchase. A profile without a readable count gets one attempt.
pub(crate) fn count_rule(house: &House, profile: &str) -> CountRule {
    let profile = house.gateway().profiles().get(profile);
    match profile.is_some_and(|profile| profile.proof.contains(&Item::PurchaseCount)) {
        true => CountRule::Counted { count_max: COUNT_MAX },
        false => CountRule::Uncounted,
    }
}

/// One step of the use register: `XXXXXX.XX` kWh counts in 10 Wh (`meters.md` A.7).
pub(crate) fn quantity_step_milli() -> i64 {
    10
}

/// Reads every register that proves a purchase; `action` says with or without the meter's number.
pub(crate) async fn read_proof(house: &House, turn: &mut Turn, action: Action) -> VendEvent {
    let command = command(house, turn, action, Priority::TopUp);
    match house.gateway().execute(command).await {
        Ok(exchange) => {
            keep(house, turn, &exchange.frames);
            let number = |item| exchange.number(item);
            let quantity = number(Item::ForwardEnergy).or_else(|| number(Item::Volume));
            VendEvent::ProofRead(Proof {
                count: number(Item::PurchaseCount).and_then(|n| u32::try_from(n).ok()),
                last_amount_fen: number(Item::LastPurchaseAmount),
                cumulative_fen: number(Item::CumulativePurchase),
                balance_fen: number(Item::RemainingMoney),
                overdraft_fen: number(Item::Overdraft),
                quantity_milli: quantity,
                identity: number(Item::MeterNumber).and_then(|n| u64::try_from(n).ok()),
            })
        }
        Err(failure) => {
            turn.row.last_error = Some(failure.to_string());
            keep(house, turn, failure.frames());
            VendEvent::ProofUnreadable
        }
    }
}

/// Sends the top-up once and tells what came back. Only bytes that provably never left count as
/// not sent; every other silence is a doubt (I6).
pub(crate) async fn top_up(
    house: &House,
    turn: &mut Turn,
    count: Option<u32>,
    amount_fen: i64,
) -> VendEvent {
    let customer_no = turn.customer_no.clone();
    let action = Action::TopUp { amount_fen, count: count.unwrap_or(0), customer_no };
    let command = command(house, turn, action, Priority::TopUp);
    let outcome = match house.gateway().execute(command).await {
        Ok(exchange) => {
            keep(house, turn, &exchange.frames);
            SendOutcome::Accepted
        }
        Err(failure) => {
            turn.row.last_error = Some(failure.to_string());
            keep(house, turn, failure.frames());
            outcome_of(&failure)
        }
    };
    VendEvent::SendEnded(outcome)
}

fn outcome_of(failure: &CommandFailure) -> SendOutcome {
    match failure {
        CommandFailure::Refused { raw, meaning, .. } => {
            SendOutcome::Refused { serr: error_word(*raw, *meaning) }
        }
        failure if failure.proves_nothing_sent() => SendOutcome::NotSent,
        _ => SendOutcome::NoAnswer,
    }
}

/// A refusal as SERR bits (`meters.md` A.6). Vendors use one byte of their own, so the meaning the
/// profile found counts, and the raw bits only where nothing more is known.
fn error_word(raw: u16, meaning: Refusal) -> u16 {
    match meaning {
        Refusal::RepeatedTopUp => SERR_REPEATED,
        Refusal::Customer => 0x0010,
        Refusal::PurchaseCount => 0x0020,
        Refusal::HoardingLimit => 0x0040,
        Refusal::Suspended => 0x0100,
        Refusal::Password if raw == SERR_AUTHENTICATION => SERR_AUTHENTICATION,
        _ => 0x0001,
    }
}

fn command(house: &House, turn: &Turn, action: Action, priority: Priority) -> MeterCommand {
    MeterCommand {
        meter: turn.meter.id,
        action,
        priority,
        not_after: Some(house.clock().monotonic() + QUEUE_TIME_MAX),
        operator_tag: tag(turn.row.vend_id()),
    }
}

/// The operator code a meter keeps in its event record: the end of the vend's id, so that the
/// meter's own log leads back to it (`meters.md` A.3).
fn tag(id: VendId) -> u32 {
    let bytes = id.0.as_bytes();
    u32::from_be_bytes([bytes[12], bytes[13], bytes[14], bytes[15]])
}

fn keep(house: &House, turn: &mut Turn, frames: &[FrameRecord]) {
    for frame in frames {
        turn.frames.push(Frame {
            project_id: turn.row.project_id,
            id: domain::CommandId::generate(house.clock(), house.rng()).0,
            meter_id: turn.meter.id,
            vend_id: Some(turn.row.id),
            command_id: None,
            at: frame.at,
            direction: match frame.direction {
                Direction::Sent => "tx".to_owned(),
                Direction::Received => "rx".to_owned(),
            },
            bytes: frame.bytes.clone(),
            note: None,
        });
    }
}
