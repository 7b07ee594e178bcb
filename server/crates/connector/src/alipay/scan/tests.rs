use proptest::prelude::*;

use super::*;

const METHOD: &str = "alipay.trade.query";

fn check(body: &str, want: Result<&str, ScanError>) {
    let got = scan(body.as_bytes(), METHOD);
    assert_eq!(got.as_ref().map(|root| root.node), want.as_ref().map(|s| s.as_bytes()), "{body}");
}

#[test]
fn the_signed_slice_is_cut_to_the_byte() {
    for (body, node) in [
        (r#"{"alipay_trade_query_response":{"a":1},"sign":"x"}"#, r#"{"a":1}"#),
        // Curly braces and brackets inside strings close nothing.
        (
            r#"{"alipay_trade_query_response":{"subject":"curly } in ] text {"},"sign":"x"}"#,
            r#"{"subject":"curly } in ] text {"}"#,
        ),
        // An escaped quote ends no string, an escaped backslash before a quote does.
        (
            r#"{"alipay_trade_query_response":{"a":"\"}","b":"\\"},"sign":"x"}"#,
            r#"{"a":"\"}","b":"\\"}"#,
        ),
        // A node's text may itself talk about signatures.
        (
            r#"{"alipay_trade_query_response":{"a":",\"sign\":\"y\""},"sign":"x"}"#,
            r#"{"a":",\"sign\":\"y\""}"#,
        ),
        // Escapes, blanks and order stay as they are; blanks around the value are not signed.
        (
            concat!(
                r#"{ "alipay_trade_query_response" :  {"u" : "https:\/\/q", "\u8fbe":[ {}, []]} ,"#,
                "\n\t\"sign\":\"x\" }\r\n",
            ),
            r#"{"u" : "https:\/\/q", "\u8fbe":[ {}, []]}"#,
        ),
        // Encrypted content is a string, signed with its quotes.
        (r#"{"alipay_trade_query_response":"QUJD\/","sign":"x"}"#, r#""QUJD\/""#),
        // The signature may come first, and unknown neighbours are no harm.
        (r#"{"sign":"x","trace":12,"alipay_trade_query_response":{}}"#, "{}"),
    ] {
        check(body, Ok(node));
    }
}

#[test]
fn an_answer_with_two_nodes_is_refused() {
    use ScanError::*;
    for (body, want) in [
        (
            r#"{"alipay_trade_query_response":{"a":1},"alipay_trade_query_response":{"a":2}}"#,
            Repeated,
        ),
        // The same name in other clothes.
        (r#"{"alipay_trade_query_response":{},"alipay_trade\u005fquery_response":{}}"#, Repeated),
        (r#"{"alipay_trade_query_response":{},"error_response":{},"sign":"x"}"#, NotOneNode),
        (r#"{"alipay_trade_refund_response":{},"sign":"x"}"#, NotOneNode),
        (r#"{"alipay_trade_query_response":{},"x_response":{},"sign":"x"}"#, NotOneNode),
        (r#"{"alipay_trade_query_response":{},"sign":"x","sign":"y"}"#, Repeated),
        (r#"{"sign":"x"}"#, NotOneNode),
        (r#"{}"#, NotOneNode),
    ] {
        check(body, Err(want));
    }
}

#[test]
fn what_is_not_one_whole_object_is_refused() {
    use ScanError::*;
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let wide: String = (0..20).map(|n| format!("\"m{n}\":1,")).collect();
    for (body, want) in [
        ("", NotAnObject),
        ("null", NotAnObject),
        ("[]", NotAnObject),
        ("<html>502</html>", NotAnObject),
        ("\u{feff}{}", NotAnObject),
        (r#"{"alipay_trade_query_response":{"a":1"#, NotAnObject),
        (r#"{"alipay_trade_query_response":{"a":"\"#, NotAnObject),
        (r#"{"alipay_trade_query_response":{"a":[1}},"sign":"x"}"#, NotAnObject),
        (r#"{"alipay_trade_query_response":,"sign":"x"}"#, NotAnObject),
        (r#"{"alipay_trade_query_response":{}} {}"#, NotAnObject),
        (r#"{"alipay_trade_query_response":{},}"#, NotAnObject),
        (r#"{"alipay_trade_query_response":{},"sign":7}"#, NotAnObject),
        (deep.as_str(), TooLarge),
        (&format!("{{{wide}\"z\":1}}"), TooLarge),
    ] {
        check(body, Err(want));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_scanner_panic_or_invent(body in proptest::collection::vec(
        prop_oneof![proptest::sample::select(b"{}[]\"\\:,".to_vec()), any::<u8>()],
        0..200,
    )) {
        if let Ok(root) = scan(&body, METHOD) {
            prop_assert!(body.windows(root.node.len()).any(|window| window == root.node));
        }
    }

    #[test]
    fn any_string_inside_the_node_leaves_its_bounds_alone(text in ".*") {
        let node = serde_json::json!({ "subject": text }).to_string();
        let body = format!("{{\"alipay_trade_query_response\":{node},\"sign\":\"x\"}}");
        let root = scan(body.as_bytes(), METHOD).unwrap();
        prop_assert_eq!(root.node, node.as_bytes());
    }
}
