//! The table of codes, line by line.

use connector::{
    Rejection,
    wechat::{
        code::{Call, Class, classify},
        wants_new_code, wants_new_token,
    },
};

#[test]
fn every_listed_code_has_its_class_and_everything_else_is_unlisted() {
    use Call::*;
    use Class::*;
    for (call, code, want) in [
        (Session, "-1", Theirs),
        (Session, "40029", Declined),
        (Session, "40163", Declined),
        (Session, "40226", Declined),
        (Session, "45011", Theirs),
        (Session, "40013", OurFault),
        (Session, "40125", OurFault),
        (Session, "43101", Unlisted),
        (Phone, "40029", Declined),
        (Phone, "40001", Theirs),
        (Phone, "48001", OurFault),
        (Token, "40001", OurFault),
        (Token, "40164", OurFault),
        (Token, "45009", Theirs),
        (Subscribed, "-1", Pending),
        (Subscribed, "40003", Declined),
        (Subscribed, "40037", OurFault),
        (Subscribed, "41030", OurFault),
        (Subscribed, "43101", Declined),
        (Subscribed, "47003", OurFault),
        (Subscribed, "42001", Theirs),
        (Template, "-1", Pending),
        (Template, "43004", Declined),
        (Template, "40037", OurFault),
        (Shipping, "10060001", Theirs),
        (Shipping, "10060004", Declined),
        (Shipping, "-1", Theirs),
        (Exchange, "40029", Declined),
        (Exchange, "40163", Declined),
        (Exchange, "42003", Declined),
        (Exchange, "41008", OurFault),
        (Exchange, "50002", Declined),
        (Ticket, "40014", Theirs),
        (OrderNotice, "85437", Theirs),
        (OrderNotice, "85438", Declined),
        (OrderNotice, "85433", OurFault),
        (Link, "40212", OurFault),
        (Link, "85400", Theirs),
        (Session, "99999", Unlisted),
        (Session, "", Unlisted),
    ] {
        assert_eq!(classify(call, code), want, "{call:?} {code}");
    }
}

#[test]
fn a_spent_token_and_a_spent_code_are_told_apart() {
    for (code, new_token, new_code) in [
        ("40001", true, false),
        ("40014", true, false),
        ("42001", true, false),
        ("40029", false, true),
        ("40163", false, true),
        ("42003", false, true),
        ("43101", false, false),
    ] {
        let why = Rejection::new(code, "");
        assert_eq!((wants_new_token(&why), wants_new_code(&why)), (new_token, new_code), "{code}");
    }
}
