//! What a customer does with a finger, as the page tells it.

use serde::{Deserialize, Serialize};

/// One touch, named by what it means. A touch that does not fit the screen is ignored: the screen
/// may have changed under the finger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "intent", rename_all = "snake_case", deny_unknown_fields)]
pub enum Intent {
    /// The first touch: from adverts to the tiles, and nothing else.
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
    ReadNow,
    /// From the account to the amounts.
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
    AcceptNoPaper,
    /// The other wallet, while nothing is paid.
    OtherWallet,
    /// Give up, while nothing is paid.
    Cancel,
    /// Print a copy.
    Reprint,
    /// One step back, where that is harmless.
    Back,
    /// To the home screen.
    Quit,
    /// I am still here.
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
