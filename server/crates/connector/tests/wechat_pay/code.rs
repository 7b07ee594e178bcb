//! The table of codes, line by line.

use connector::wechat_pay::code::{Call, Class, canonical, classify};

#[test]
fn every_listed_code_has_its_class_and_everything_else_is_unlisted() {
    use Call::*;
    use Class::*;
    let table = [
        (Place, 400, "PARAM_ERROR", OurFault),
        (Place, 400, "INVALID_REQUEST", OurFault),
        (Place, 401, "SIGN_ERROR", OurFault),
        (Place, 403, "NO_AUTH", OurFault),
        (Place, 400, "MCH_NOT_EXISTS", OurFault),
        (Place, 400, "APPID_MCHID_NOT_MATCH", OurFault),
        (Place, 400, "OPENID_MISMATCH", OurFault),
        (Place, 403, "RULE_LIMIT", Declined),
        (Place, 403, "RULELIMIT", Declined),
        (Place, 403, "TRADE_ERROR", Declined),
        (Place, 403, "ACCOUNT_ERROR", Declined),
        (Place, 403, "REQUEST_BLOCKED", Declined),
        (Place, 400, "ORDER_CLOSED", Declined),
        (Place, 400, "ORDERCLOSED", Declined),
        (Place, 400, "ORDER_PAID", Pending),
        (Place, 403, "ORDERPAID", Pending),
        (Place, 403, "OUT_TRADE_NO_USED", Pending),
        (Place, 429, "FREQUENCY_LIMITED", Theirs),
        (Place, 429, "RATELIMIT_EXCEEDED", Theirs),
        (Place, 429, "FREQUENCY_LIMIT_EXCEED", Theirs),
        (Place, 500, "SYSTEM_ERROR", Pending),
        (Place, 500, "SYSTEMERROR", Pending),
        (Place, 500, "BANK_ERROR", Unlisted),
        (Place, 503, "PARAM_ERROR", Unlisted),
        (Place, 404, "ORDER_NOT_EXIST", Unlisted),
        (Query, 404, "ORDER_NOT_EXIST", NotFound),
        (Query, 404, "ORDERNOTEXIST", NotFound),
        (Query, 400, "USERPAYING", Pending),
        (Query, 429, "FREQUENCY_LIMITED", Theirs),
        (Query, 502, "ORDER_NOT_EXIST", Unlisted),
        (Close, 400, "ORDER_PAID", Pending),
        (Close, 400, "ORDER_CLOSED", Pending),
        (Close, 400, "USER_PAYING", Pending),
        (Close, 404, "ORDER_NOT_EXIST", NotFound),
        (Refund, 403, "NOT_ENOUGH", Theirs),
        (Refund, 403, "NOTENOUGH", Theirs),
        (Refund, 403, "USER_ACCOUNT_ABNORMAL", Declined),
        (Refund, 400, "TRADE_OVERDUE", Declined),
        (Refund, 403, "RULE_LIMIT", Declined),
        (Refund, 403, "REQUEST_BLOCKED", Declined),
        (Refund, 400, "REFUND_FEE_MISMATCH", OurFault),
        (Refund, 429, "FREQUENCY_LIMITED", Pending),
        (Refund, 404, "RESOURCE_NOT_EXISTS", NotFound),
        (QueryRefund, 404, "RESOURCE_NOT_EXIST", NotFound),
        (Certificates, 404, "RESOURCE_NOT_EXISTS", OurFault),
        (Bill, 400, "NO_STATEMENT_EXIST", Declined),
        (Bill, 400, "STATEMENT_CREATING", Theirs),
        (Place, 400, "NO_STATEMENT_EXIST", Unlisted),
        (Query, 403, "NOT_ENOUGH", Unlisted),
        (Place, 400, "", Unlisted),
        (Place, 400, "param_error", Unlisted),
    ];
    for (call, status, code, want) in table {
        assert_eq!(classify(call, status, code), want, "{call:?} {status} {code}");
    }
}

#[test]
fn an_older_spelling_is_the_same_code() {
    assert_eq!(canonical("ORDERNOTEXIST"), "ORDER_NOT_EXIST");
    assert_eq!(canonical("ORDER_NOT_EXIST"), "ORDER_NOT_EXIST");
    assert_eq!(canonical("SOMETHING_NEW"), "SOMETHING_NEW");
}
