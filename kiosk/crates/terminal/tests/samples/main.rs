//! One sample of everything the terminal says to its page and hears from it. The page's own tests
//! hold their types against these files and draw every one of them; here they are held against the
//! types of the terminal. `YUFU_WRITE_SAMPLES=1` writes them anew.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod meters;
mod orders;
mod screens;

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use terminal::{
    intent::{Errand, Intent, Way},
    view::{Screen, View},
};

/// Where the page keeps its copy.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../web/apps/kiosk/samples")
}

/// Compares a file with what it has to say, or writes it where that is asked for.
fn agrees<T: Serialize>(name: &str, value: &T) -> Result<(), String> {
    let path = folder().join(name);
    let want = serde_json::to_string_pretty(value).unwrap() + "\n";
    if std::env::var_os("YUFU_WRITE_SAMPLES").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &want).unwrap();
    }
    let have = std::fs::read_to_string(&path).unwrap_or_default();
    (have == want).then_some(()).ok_or_else(|| format!("{name} is not what the terminal says"))
}

/// Every screen by its name. A screen nobody lists here does not compile.
fn name_of(screen: &Screen) -> &'static str {
    match screen {
        Screen::Boot => "boot",
        Screen::Unpaired { .. } => "unpaired",
        Screen::OutOfService { .. } => "out_of_service",
        Screen::Home { .. } => "home",
        Screen::Attract { .. } => "attract",
        Screen::Identify { .. } => "identify",
        Screen::Number { .. } => "number",
        Screen::Rooms { .. } => "rooms",
        Screen::Matches { .. } => "matches",
        Screen::Busy { .. } => "busy",
        Screen::Account { .. } => "account",
        Screen::Amount { .. } => "amount",
        Screen::NoPaper { .. } => "no_paper",
        Screen::Pay { .. } => "pay",
        Screen::Confirming { .. } => "confirming",
        Screen::Result { .. } => "result",
        Screen::Card { .. } => "card",
        Screen::Trouble { .. } => "trouble",
        Screen::StillThere => "still_there",
    }
}
const SCREENS: usize = 19;

/// Every intent. One nobody lists here does not compile.
fn intents() -> Vec<Intent> {
    fn listed(intent: &Intent) {
        match intent {
            Intent::Wake
            | Intent::Start { .. }
            | Intent::LookUpBy { .. }
            | Intent::Typed { .. }
            | Intent::Choose { .. }
            | Intent::ReadNow
            | Intent::TopUp
            | Intent::Amount { .. }
            | Intent::Pay { .. }
            | Intent::AcceptNoPaper
            | Intent::OtherWallet
            | Intent::Cancel
            | Intent::Reprint
            | Intent::Back
            | Intent::Quit
            | Intent::More
            | Intent::Language { .. }
            | Intent::Elder { .. }
            | Intent::Low { .. }
            | Intent::Speech { .. } => {}
        }
    }
    let errands = [Errand::TopUp, Errand::Balance, Errand::Card, Errand::Receipt];
    let ways = [Way::Meter, Way::Room, Way::Phone, Way::Card];
    let mut all = vec![
        Intent::Wake,
        Intent::Typed { text: "002103607735".into() },
        Intent::Choose { id: "h7Kq".into() },
        Intent::ReadNow,
        Intent::TopUp,
        Intent::Amount { fen: 10_000 },
        Intent::Pay { wallet: "wechat".into() },
        Intent::AcceptNoPaper,
        Intent::OtherWallet,
        Intent::Cancel,
        Intent::Reprint,
        Intent::Back,
        Intent::Quit,
        Intent::More,
        Intent::Language { to: "en".into() },
        Intent::Elder { on: true },
        Intent::Low { on: true },
        Intent::Speech { on: true },
    ];
    all.extend(errands.map(|errand| Intent::Start { errand }));
    all.extend(ways.map(|way| Intent::LookUpBy { way }));
    all.iter().for_each(listed);
    all
}

#[test]
fn the_page_keeps_a_true_sample_of_every_screen() {
    let views: BTreeMap<String, View> = screens::all().into_iter().collect();
    let names: std::collections::BTreeSet<_> =
        views.values().map(|view| name_of(&view.screen)).collect();
    assert_eq!(names.len(), SCREENS, "without a sample: {names:?}");
    let wrong: Vec<_> = views
        .iter()
        .filter_map(|(name, view)| agrees(&format!("{name}.json"), view).err())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}\nrun with YUFU_WRITE_SAMPLES=1 and look at the page");
    let mut kept: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    kept.sort();
    assert_eq!(kept, views.keys().cloned().collect::<Vec<_>>(), "a sample nobody writes is kept");
}

#[test]
fn the_page_sends_what_the_terminal_reads() {
    let all = intents();
    agrees("intents/all.json", &all).unwrap();
    let text = std::fs::read_to_string(folder().join("intents/all.json")).unwrap();
    let read: Vec<Intent> = from(&text);
    assert_eq!(read, all);
}

/// Every intent the page's bridge can say, and what is none.
#[test]
fn an_intent_with_anything_more_or_less_than_it_says_is_refused() {
    let refused = |value: &Value| serde_json::from_value::<Intent>(value.clone()).is_err();
    for intent in intents() {
        let value = serde_json::to_value(&intent).unwrap();
        assert!(!refused(&value), "{value}");
        let mut more = value.clone();
        more["junk"] = json!(1);
        assert!(refused(&more), "{more}");
        for name in value.as_object().unwrap().keys() {
            let mut less = value.clone();
            less.as_object_mut().unwrap().remove(name);
            assert!(refused(&less), "{less}");
            let mut other = value.clone();
            other[name] = json!([[]]);
            assert!(refused(&other), "{other}");
        }
    }
    for value in [json!({ "intent": "open_door" }), json!({}), json!("wake"), json!(null)] {
        assert!(refused(&value), "{value}");
    }
}

fn from<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}
