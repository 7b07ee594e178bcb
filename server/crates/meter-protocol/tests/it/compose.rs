//! Named parameters: what is asked for, what is refused and how it is said.

use meter_protocol::compose::{ComposeError, Parameters, compose, kinds};
use meter_protocol::describe::describe;
use meter_protocol::{Protocol, hex};

fn parameters(pairs: &[(&str, &str)]) -> Parameters {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A value that suits every parameter of the name.
fn sample(protocol: Protocol, name: &str) -> &'static str {
    match (protocol, name) {
        (Protocol::Cjt188, "address" | "new") => "33150590056910",
        (_, "address" | "new" | "customer") => "202208310002",
        (Protocol::Dlt645, "di") => "00010000",
        (Protocol::Cjt188, "di") => "901F",
        (_, "di") => "9010",
        (_, "time" | "from" | "valid-until") => "2026-12-31 23:59:59",
        (_, "password" | "new-password") => "000000",
        (_, "action") => "direct-close",
        (_, "order-no") => "1240826202124138",
        (_, "state") => "close",
        (_, "baud") => "9600",
        (_, "di-order") => "low-first",
        (_, "operator" | "mac" | "mac-amount" | "mac-customer" | "mac-count") => "01020304",
        (Protocol::Dlt645, "cipher") => "0102030405060708",
        (_, "random" | "diversifier") => "0102030405060708",
        (_, "control") => "11",
        (_, "function") => "2B",
        (_, "type") => "10",
        (Protocol::Dlt645, "value") | (_, "data" | "values") => "0102",
        _ => "3",
    }
}

#[test]
fn every_kind_is_built_from_its_parameters_and_explained_again() {
    for protocol in Protocol::ALL {
        for kind in kinds(protocol) {
            for names in [kind.required.to_vec(), [kind.required, kind.optional].concat()] {
                let mut given: Parameters = names
                    .iter()
                    .map(|name| ((*name).to_owned(), sample(protocol, name).to_owned()))
                    .collect();
                if kind.name == "relay-cipher" {
                    given.insert("cipher".to_owned(), "00".repeat(16));
                }
                let context = format!("{protocol} {} {names:?}", kind.name);
                let bytes = compose(protocol, kind.name, &given)
                    .map_err(|error| format!("{context}: {error}"));
                let bytes = bytes.unwrap();
                let description = describe(protocol, &bytes, false);
                let raw_function = protocol == Protocol::ModbusRtu && kind.name == "raw";
                assert_eq!(description.is_valid(), !raw_function, "{context}: {description:?}");
            }
            for missing in kind.required {
                let given: Parameters = kind
                    .required
                    .iter()
                    .filter(|name| *name != missing)
                    .map(|name| ((*name).to_owned(), sample(protocol, name).to_owned()))
                    .collect();
                let expected = ComposeError::Missing { name: missing };
                assert_eq!(compose(protocol, kind.name, &given), Err(expected));
            }
        }
    }
}

#[test]
fn a_wrong_parameter_is_named_with_what_is_allowed() {
    let meter = ("address", "202208310002");
    let table = [
        (
            "fly",
            parameters(&[]),
            "\"fly\" is no kind of dlt645-2007 frame; known are read, read-blocks,",
        ),
        (
            "read",
            parameters(&[meter, ("di", "00010000"), ("speed", "1")]),
            "the parameter \"speed\" does not belong to this kind; it takes address, di, preamble",
        ),
        ("read", parameters(&[meter]), "the parameter di is missing"),
        (
            "read",
            parameters(&[meter, ("di", "0001")]),
            "the parameter di cannot be \"0001\": a data identifier is eight hex digits",
        ),
        (
            "read",
            parameters(&[("address", "2022"), ("di", "00010000")]),
            "the parameter address cannot be \"2022\": an address has twelve digits",
        ),
        (
            "read",
            parameters(&[("address", "AAAAAAAAAAAA"), ("di", "00010000")]),
            "address AAAAAAAAAAAA cannot be used for function Read",
        ),
        (
            "read",
            parameters(&[meter, ("di", "00010000"), ("preamble", "5")]),
            "the parameter preamble cannot be \"5\": 0 to 4 are",
        ),
        (
            "order-recharge",
            parameters(&[meter, ("amount-fen", "1.5"), ("order-no", "1240826202124138")]),
            "the parameter amount-fen cannot be \"1.5\": not a number",
        ),
        (
            "order-recharge",
            parameters(&[meter, ("amount-fen", "4294967296"), ("order-no", "1240826202124138")]),
            "the parameter amount-fen cannot be \"4294967296\": out of range",
        ),
        (
            "baud",
            parameters(&[meter, ("baud", "300")]),
            "the parameter baud cannot be \"300\": 600, 1200,",
        ),
        (
            "clear-meter",
            parameters(&[meter, ("level", "2"), ("password", "12345")]),
            "the parameter password cannot be \"******\": a meter password has six digits",
        ),
        (
            "broadcast-time",
            parameters(&[("time", "2026-02-30 00:00:00")]),
            "the parameter time cannot be \"2026-02-30 00:00:00\": the day of the time is out",
        ),
    ];
    for (kind, given, expected) in table {
        let error = compose(Protocol::Dlt645, kind, &given).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_reply_can_be_put_together_for_the_bench() {
    let given = parameters(&[
        ("address", "000000000161"),
        ("control", "91"),
        ("data", "00 00 01 00 26 00 00 00"),
        ("preamble", "0"),
    ]);
    let bytes = compose(Protocol::Dlt645, "raw", &given).unwrap();
    let captured = "68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16";
    assert_eq!(hex::spaced(&bytes), captured);
}
