use chrono::{DateTime, Utc};
use domain::{LandlordId, MeterId};

use super::*;
use crate::{hold::HoldChange, transaction::Key};

const ID: &str = "0193a1b2-0000-7000-8000-000000000001";
const OTHER: &str = "0193a1b2-0000-7000-8000-000000000002";

fn now() -> Occurrence {
    let at = DateTime::<Utc>::UNIX_EPOCH;
    Occurrence { key: Key::new("event").unwrap(), at }
}

fn purse(id: &str, purpose: Purpose) -> Purse {
    Purse { account: id.parse().unwrap(), purpose }
}

#[test]
fn each_event_moves_money_between_its_own_two_accounts() {
    let power = purse(ID, Purpose::Electricity);
    let water = purse(ID, Purpose::Water);
    let merchant: MerchantId = ID.parse().unwrap();
    let operator: OperatorId = ID.parse().unwrap();
    let landlord: LandlordId = ID.parse().unwrap();
    let till = Till::Cash(operator);
    let a = Money::from_fen(5000);
    let table: &[Row] = &[
        (payment_received(now(), merchant, power, a), "payment_received", "provider", "purse"),
        (
            payment_received_duplicate(now(), merchant, a),
            "payment_received_duplicate",
            "provider",
            "unmatched",
        ),
        (
            payment_received_unmatched(now(), merchant, a),
            "payment_received_unmatched",
            "provider",
            "unmatched",
        ),
        (unmatched_resolved(now(), power, a), "unmatched_resolved", "unmatched", "purse"),
        (unmatched_returned(now(), a), "unmatched_returned", "unmatched", "refund_due"),
        (counter_sale_cash(now(), operator, power, a), "counter_sale_cash", "cash", "purse"),
        (counter_sale_bank(now(), merchant, power, a), "counter_sale_bank", "bank", "purse"),
        (counter_sale_pos(now(), merchant, power, a), "counter_sale_pos", "bank", "purse"),
        (counter_sale_reversed(now(), till, power, a), "counter_sale_reversed", "purse", "cash"),
        (cash_banked(now(), operator, merchant, a), "cash_banked", "bank", "cash"),
        (consumption_billed(now(), water, a), "consumption_billed", "purse", "revenue:water"),
        (consumption_credited(now(), water, a), "consumption_credited", "revenue:water", "purse"),
        (refund_started(now(), power, a), "refund_started", "purse", "refund_due"),
        (refund_done(now(), merchant, a), "refund_done", "refund_due", "provider"),
        (refund_paid_at_counter(now(), till, a), "refund_paid_at_counter", "refund_due", "cash"),
        (refund_failed_back(now(), power, a), "refund_failed_back", "refund_due", "purse"),
        (provider_fee(now(), merchant, a), "provider_fee", "provider_fee", "provider"),
        (provider_settled(now(), merchant, a), "provider_settled", "bank", "provider"),
        (
            settlement_landlord(now(), Purpose::Gas, landlord, a),
            "settlement_landlord",
            "revenue:gas",
            "landlord",
        ),
        (settlement_paid(now(), landlord, merchant, a), "settlement_paid", "landlord", "bank"),
        (account_closed(now(), &[(power, a)]), "account_closed", "purse", "refund_due"),
        (arrears_written_off(now(), power, a), "arrears_written_off", "revenue:electr", "purse"),
    ];
    check(table, a);
}

type Row = (Booked, &'static str, &'static str, &'static str);

fn check(table: &[Row], amount: Money) {
    for (booked, template, debit, credit) in table {
        let transaction = booked.as_ref().unwrap();
        let [posting] = transaction.postings.as_slice() else { panic!("{template}") };
        assert_eq!(transaction.template.as_str(), *template);
        assert!(posting.debit().to_string().starts_with(debit), "{template}: {posting:?}");
        assert!(posting.credit().to_string().starts_with(credit), "{template}: {posting:?}");
        assert_eq!(posting.amount(), amount);
    }
}

#[test]
fn what_a_meter_holds_is_bought_used_found_and_returned() {
    let power = purse(ID, Purpose::Electricity);
    let meter: MeterId = ID.parse().unwrap();
    let a = Money::from_fen(5000);
    let table: &[Row] = &[
        (
            vend_applied(now(), ID.parse().unwrap(), power, meter, a),
            "vend_applied",
            "purse",
            "on_meter",
        ),
        (
            card_written(now(), ID.parse().unwrap(), power, meter, a),
            "card_written",
            "purse",
            "on_card",
        ),
        (
            meter_consumption(now(), meter, Purpose::Water, a),
            "meter_consumption",
            "on_meter",
            "revenue:water",
        ),
        (
            meter_value_found(now(), meter, Purpose::Water, a),
            "meter_value_found",
            "revenue:water",
            "on_meter",
        ),
        (meter_value_returned(now(), meter, power, a), "meter_value_returned", "on_meter", "purse"),
    ];
    check(table, a);
}

#[test]
fn events_about_holds_say_which_hold_and_until_when() {
    let (hold, power, a) =
        (ID.parse().unwrap(), purse(ID, Purpose::Electricity), Money::from_fen(1));
    let end = DateTime::UNIX_EPOCH;
    let account = power.into();
    let table = [
        (
            vend_held(now(), hold, power, a).unwrap(),
            "vend_held",
            HoldChange::Place { id: hold, account, amount: a, expires_at: None },
        ),
        (
            card_held(now(), hold, power, a).unwrap(),
            "card_held",
            HoldChange::Place { id: hold, account, amount: a, expires_at: None },
        ),
        (
            amount_held(now(), hold, power, a, end).unwrap(),
            "amount_held",
            HoldChange::Place { id: hold, account, amount: a, expires_at: Some(end) },
        ),
        (vend_voided(now(), hold), "vend_voided", HoldChange::Void { id: hold }),
        (hold_released(now(), hold), "hold_released", HoldChange::Void { id: hold }),
        (hold_expired(now(), hold), "hold_expired", HoldChange::Expire { id: hold }),
    ];
    for (transaction, template, change) in table {
        assert_eq!(transaction.template.as_str(), template);
        assert_eq!((transaction.postings.len(), transaction.hold), (0, Some(change)));
    }
}

#[test]
fn nothing_is_booked_for_nothing_or_across_purposes() {
    let (power, water) = (purse(ID, Purpose::Electricity), purse(OTHER, Purpose::Water));
    let hold = ID.parse().unwrap();
    let (a, none) = (Money::from_fen(1), Money::ZERO);
    let refused = Err(PostingError::NotPositive);
    assert_eq!(consumption_billed(now(), power, none), refused);
    assert_eq!(vend_held(now(), hold, power, none), refused);
    assert_eq!(account_closed(now(), &[(power, none), (water, Money::from_fen(-1))]), refused);
    let across = purse_transferred(now(), power, water, a);
    assert_eq!(across, Err(TransferError::OtherPurpose));
    let same = purse_transferred(now(), power, power, a);
    assert_eq!(same, Err(TransferError::Posting(PostingError::SameAccount)));
    let to = purse(OTHER, Purpose::Electricity);
    assert!(purse_transferred(now(), power, to, a).is_ok());
}

#[test]
fn every_template_is_read_back_from_its_name() {
    for template in Template::ALL {
        assert_eq!(template.to_string().parse(), Ok(*template));
    }
    assert_eq!("refund".parse::<Template>(), Err(TemplateError));
}
