use domain::{Money, OrderState};

use super::*;

#[test]
fn every_code_is_single_and_has_words_in_both_languages() {
    let mut seen = std::collections::HashSet::new();
    for code in Code::ALL {
        let row = code.row();
        assert!(seen.insert(row.code), "{} stands twice", row.code);
        assert!((400..600).contains(&row.status), "{}", row.code);
        let legal = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
        assert!(row.code.chars().all(legal), "{}", row.code);
        for zh in [row.zh, row.do_zh] {
            assert!(!zh.is_ascii(), "{}: {zh}", row.code);
        }
        for en in [row.en, row.do_en] {
            assert!(en.is_ascii() && !en.is_empty(), "{}: {en}", row.code);
        }
    }
}

#[test]
fn a_refusal_has_the_same_code_in_the_house_and_in_the_api() {
    let zero = Money::ZERO;
    let refusals = [
        Refusal::NotFound { what: "meter" },
        Refusal::ClientIdReused { field: "amount_fen" },
        Refusal::ClientIdMalformed,
        Refusal::AmountOutOfRange { min: zero, max: zero },
        Refusal::AccountClosed,
        Refusal::AccountOpen,
        Refusal::MeterUnassigned,
        Refusal::MeterQuarantined,
        Refusal::HoldsMoney,
        Refusal::AlreadyReplaced { field: "old.count" },
        Refusal::NoTariff,
        Refusal::ChannelNotOffered,
        Refusal::PayerMissing,
        Refusal::WrongState { state: OrderState::Closed },
        Refusal::DeliveryInDoubt,
        Refusal::NotResendable { why: "x" },
        Refusal::ReasonMissing,
        Refusal::SwitchRefused { why: "x" },
        Refusal::ProviderUnreachable,
        Refusal::ProviderRefused { code: "X".to_owned() },
        Refusal::MeterSilent,
        Refusal::GatewayOffline,
        Refusal::NotSupported,
        Refusal::Malformed { field: "id" },
        Refusal::SafeMode,
    ];
    for refusal in refusals {
        assert_eq!(Code::of(&refusal).as_str(), refusal.code());
    }
}

#[test]
fn accept_language_chooses_which_language_comes_first() {
    use Language::{Chinese, English};
    let table = [
        (None, Chinese),
        (Some(""), Chinese),
        (Some("zh-CN,zh;q=0.9,en;q=0.8"), Chinese),
        (Some("en-GB,en;q=0.9,zh;q=0.8"), English),
        (Some("en;q=0.5, zh-Hans;q=0.7"), Chinese),
        (Some("fr"), Chinese),
        (Some("en;q=0"), Chinese),
        (Some("EN"), English),
        (Some("en;q=nonsense"), Chinese),
    ];
    for (accept, want) in table {
        assert_eq!(Language::of(accept), want, "{accept:?}");
    }
    let body = Problem::new(Code::LoginRequired).body(English, "t");
    assert_eq!(body.title, "Please sign in / 请先登录");
}

#[test]
fn what_serde_says_names_the_field_and_what_is_wrong_with_it() {
    let table = [
        ("unknown field `price`, expected one of `a`, `b` at line 1", "price", "unknown"),
        ("missing field `amount_fen` at line 1 column 2", "amount_fen", "missing"),
        ("duplicate field `amount_fen` at line 1 column 9", "amount_fen", "repeated"),
        ("invalid type: string \"x\", expected i64 at line 1", "body", "wrong_type"),
        ("expected value at line 1 column 1", "body", "malformed"),
    ];
    for (message, field, code) in table {
        let body = Problem::unreadable("body", message).body(Language::Chinese, "t");
        assert_eq!((body.status, body.code.as_str()), (400, "malformed"));
        assert_eq!((body.errors[0].field.as_str(), body.errors[0].code.as_str()), (field, code));
    }
}

#[test]
fn a_database_that_is_gone_is_the_servers_fault_and_names_no_reason_to_strangers() {
    let problem = Problem::from(StoreError::Unreachable("10.0.0.7 refused".to_owned()));
    assert_eq!(problem.status().as_u16(), 503);
    let text = serde_json::to_string(&problem.body(Language::English, "t")).unwrap();
    assert!(!text.contains("10.0.0.7"), "{text}");
}
