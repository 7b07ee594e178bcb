use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::{item::Item, profile::Profiles};

fn query(profile: &str, address: &str, item: Item) -> (Query, Quirks) {
    let profiles = Profiles::embedded().expect("profiles");
    let profile = profiles.get(profile).expect("a profile");
    let address = build::address(profile.protocol, address).expect("an address");
    let target = Target { profile, address, password: None, serial: 9, operator_tag: 1 };
    let plan = profile.plan(&[item]).expect("a plan");
    let read = &profile.read[usize::from(plan[0])];
    (target.read(read).expect("a query"), profile.quirks.clone())
}

fn unhex(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|b| u8::from_str_radix(b, 16).expect("hex")).collect()
}

fn answer(query: &Query, quirks: &Quirks, bytes: &[u8]) -> (Found, Vec<u8>) {
    let mut value = Vec::new();
    let found = query.look(bytes, quirks, &mut value);
    (found, value)
}

/// The frames are those of `frames.json`, and neighbours of them that differ in one respect.
#[test]
fn only_the_answer_to_the_request_is_an_answer() {
    let (money, quirks) = query("dlt645-2007-prepaid", "202208310002", Item::RemainingMoney);
    let good = "68 02 00 31 08 22 20 68 91 08 33 35 C3 33 AB 89 67 45 24 16";
    let (found, value) = answer(&money, &quirks, &unhex(good));
    let verdict = Verdict::Answer(Answer::Value { more: false });
    assert_eq!(found, Found::Frame { consumed: 20, verdict });
    assert_eq!(value, [0x78, 0x56, 0x34, 0x12]);
    let refused = Answer::Refused { raw: 2, meaning: Refusal::NoSuchItem, locks_password: false };
    let table = [
        // Another meter's answer.
        ("68 03 00 31 08 22 20 68 91 08 33 35 C3 33 AB 89 67 45 25 16", None),
        // Another identifier: 00010000.
        ("68 02 00 31 08 22 20 68 91 08 33 33 34 33 AB 89 67 45 93 16", None),
        // Another function: 83.
        ("68 02 00 31 08 22 20 68 83 04 32 35 34 3A A9 16", None),
        // A request, as an echo of the bus would be.
        ("68 02 00 31 08 22 20 68 11 04 33 35 C3 33 C0 16", None),
        // A refusal.
        ("68 02 00 31 08 22 20 68 D1 01 35 4E 16", Some(refused)),
    ];
    for (hex, want) in table {
        let mut bytes = unhex(hex);
        // The neighbours' checksums are made here, so that only the one respect differs.
        let at = bytes.len() - 2;
        bytes[at] = bytes[..at].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        let (found, value) = answer(&money, &quirks, &bytes);
        let Found::Frame { verdict, .. } = found else { panic!("{hex}: {found:?}") };
        match want {
            Some(want) => assert_eq!(verdict, Verdict::Answer(want)),
            None => assert!(!matches!(verdict, Verdict::Answer(_)), "{hex}: {verdict:?}"),
        }
        assert!(value.is_empty());
    }
}

#[test]
fn a_late_answer_has_the_key_its_request_was_given_up_with() {
    let (money, _) = query("dlt645-2007-prepaid", "202208310002", Item::RemainingMoney);
    let bytes = unhex("68 02 00 31 08 22 20 68 91 08 33 35 C3 33 AB 89 67 45 24 16");
    let found = look_idle(money.key().address, &bytes);
    let verdict = Verdict::Foreign(money.key());
    assert_eq!(found, Found::Frame { consumed: 20, verdict });
    let (old, _) = query("dlt645-1997-read-only", "138000130754", Item::ForwardEnergy);
    let bytes = unhex("68 54 07 13 00 80 13 68 81 06 43 C3 34 33 33 33 2B 16");
    let verdict = Verdict::Foreign(old.key());
    assert_eq!(look_idle(old.key().address, &bytes), Found::Frame { consumed: 18, verdict });
}

static QUERIES: LazyLock<[(Query, Quirks); 4]> = LazyLock::new(|| {
    [
        query("dlt645-2007-prepaid", "202208310002", Item::ForwardEnergy),
        query("dlt645-1997-read-only", "138000130754", Item::ForwardEnergy),
        query("acrel-ddsy1352", "1", Item::ForwardEnergy),
        query("cjt188-valve-water", "78330011223344", Item::Volume),
    ]
});

proptest! {
    #[test]
    fn looking_always_makes_progress_inside_the_buffer(
        bytes in prop::collection::vec(
            prop_oneof![Just(0x68u8), Just(1), Just(3), any::<u8>()],
            0..300,
        )
    ) {
        for (query, quirks) in QUERIES.iter() {
            let (found, _) = answer(query, quirks, &bytes);
            for found in [found, look_idle(query.key().address, &bytes)] {
                match found {
                    Found::NeedMore => {}
                    Found::Skip(len) | Found::Frame { consumed: len, .. } => {
                        prop_assert!(len >= 1 && len <= bytes.len());
                    }
                }
            }
        }
    }
}
