//! What a customer does with a finger, as the page tells it.

use serde::{Deserialize, Deserializer, Serialize};

/// One touch, named by what it means. A touch that does not fit the screen is ignored: the screen
/// may have changed under the finger.
///
/// Invariant: whatever says more than its intent needs is refused
/// (`an_intent_with_anything_more_or_less_than_it_says_is_refused`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "intent", rename_all = "snake_case", deny_unknown_fields)]
pub enum Intent {
    /// The first touch: from adverts to the tiles, and nothing else.
    #[serde(deserialize_with = "alone")]
    Wake,
    /// A tile of the home screen.
    Start {
        /// Which.
        errand: Errand,
    },
    /// How to look up: `meter`, `room`, `phone` or `card`.
    LookUpBy {
        /// Which.
        way: Way,
    },
    /// A number was typed and confirmed: a meter's, a phone's, the last four digits, a code, an
    /// order's; what it is the screen says.
    Typed {
        /// Digits, or an order number.
        text: String,
    },
    /// An entry of the cascade, or a match.
    Choose {
        /// Its id or handle as the view gave it.
        id: String,
    },
    /// Read the meter again.
    #[serde(deserialize_with = "alone")]
    ReadNow,
    /// From the account to the amounts.
    #[serde(deserialize_with = "alone")]
    TopUp,
    /// An amount.
    Amount {
        /// In fen.
        fen: i64,
    },
    /// A wallet: ends the choice of the amount and asks for the code.
    Pay {
        /// `wechat` or `alipay`.
        wallet: String,
    },
    /// Go on although no receipt can be printed.
    #[serde(deserialize_with = "alone")]
    AcceptNoPaper,
    /// The other wallet, while nothing is paid.
    #[serde(deserialize_with = "alone")]
    OtherWallet,
    /// Give up, while nothing is paid.
    #[serde(deserialize_with = "alone")]
    Cancel,
    /// Print a copy.
    #[serde(deserialize_with = "alone")]
    Reprint,
    /// One step back, where that is harmless.
    #[serde(deserialize_with = "alone")]
    Back,
    /// To the home screen.
    #[serde(deserialize_with = "alone")]
    Quit,
    /// I am still here.
    #[serde(deserialize_with = "alone")]
    More,
    /// English, or back.
    Language {
        /// `zh` or `en`.
        to: String,
    },
    /// Large type (关怀版), or back.
    Elder {
        /// On or off.
        on: bool,
    },
    /// Controls in the lower half (矮屏), or back.
    Low {
        /// On or off.
        on: bool,
    },
    /// Speech prompts, or silence.
    Speech {
        /// On or off.
        on: bool,
    },
}

/// Why somebody came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Errand {
    /// 充值缴费.
    TopUp,
    /// 余额查询.
    Balance,
    /// 刷卡充值.
    Card,
    /// 补打凭条.
    Receipt,
}

/// How to look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The number on the meter.
    Meter,
    /// 楼栋 → 单元 → 房号.
    Room,
    /// A phone number and a code.
    Phone,
    /// A card on the reader.
    Card,
}

/// Without this a unit variant takes any field: `deny_unknown_fields` does not reach it where the
/// tag lies inside.
fn alone<'de, D: Deserializer<'de>>(intent: D) -> Result<(), D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    Nothing::deserialize(intent).map(|Nothing {}| ())
}
