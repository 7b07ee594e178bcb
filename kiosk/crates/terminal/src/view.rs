//! What the page draws, whole, each time: it is the answer to the page's beat of every second and
//! to every intent. A page that was just started needs nothing else.

use chrono::{DateTime, Utc};
use kiosk_wire::{
    account::{AccountView, Amounts, Match, Quote, RoomNode},
    content::HomeContent,
    order::OrderView,
    text::Text,
};
use serde::Serialize;

use crate::intent::{Errand, Way};

/// Everything on the screen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct View {
    /// Grows with every change; the page draws only what is newer.
    pub seq: u64,
    /// The server's time as the kiosk knows it.
    pub now: DateTime<Utc>,
    /// The head: who runs it and how it is.
    pub head: Head,
    /// How it is to be shown.
    pub mode: Mode,
    /// What is asked or told.
    pub screen: Screen,
    /// The seconds left on this screen; `None` where no time runs.
    pub countdown: Option<Countdown>,
    /// Which of 返回 and 退出 do something now.
    pub can: Can,
}

/// Who runs it and how it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Head {
    /// The company.
    pub company: Text,
    /// Where the logo lies, an address of the kiosk itself.
    pub logo: Option<String>,
    /// Whether the server answers.
    pub online: bool,
    /// `ready`, `near_end`, `paper_out`, `cover_open`, `cutter`, `offline`, `unknown` or `none`.
    pub printer: String,
    /// `K-03`.
    pub number: String,
    /// Whom to call.
    pub phone: String,
    /// When somebody answers.
    pub hours: Text,
    /// Whether an operator is looking at this screen from afar.
    pub watched: bool,
    /// Whether this is a demo: 演示数据，支付为沙箱.
    pub demo: bool,
}

/// How it is shown: kept for one customer's session only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mode {
    /// `zh` or `en`.
    pub language: String,
    /// 关怀版.
    pub elder: bool,
    /// 矮屏.
    pub low: bool,
    /// Speech prompts.
    pub speech: bool,
    /// The screen is dark by schedule.
    pub dark: bool,
}

/// The ring with seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Countdown {
    /// Left.
    pub left_ms: u64,
    /// When it began.
    pub whole_ms: u64,
    /// Whether 继续操作 is offered.
    pub warn: bool,
}

/// Which buttons of the frame do something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Can {
    /// 返回.
    pub back: bool,
    /// 退出.
    pub quit: bool,
}

/// What is asked or told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "screen", rename_all = "snake_case")]
pub enum Screen {
    /// Starting.
    Boot,
    /// Waits for an operator to type this code.
    Unpaired {
        /// Eight characters.
        code: Option<String>,
        /// Six digits of the key's fingerprint.
        fingerprint: String,
        /// The address an operator opens, as a QR code.
        qr: Option<String>,
    },
    /// Cannot be used: why, what became of a customer's money, where else to go.
    OutOfService {
        /// Its stable name: `locked`, `revoked`, `disk`, `clock`, `printer`, `card_pending`.
        reason: String,
        /// Why, for people.
        text: Text,
        /// Where the next kiosk stands.
        nearest: Option<Text>,
    },
    /// The tiles.
    Home {
        /// The content.
        content: Box<HomeContent>,
        /// The day.
        day: Day,
        /// Why nothing can be paid now; `None` = it can.
        closed: Option<Text>,
        /// What a customer was not told before the power went, without any name: 上次写卡未完成.
        unfinished: Option<Text>,
        /// The tiles that are there.
        errands: Vec<Errand>,
        /// The pictures of the content whose time it is, in the order of the playlist; none before
        /// the kiosk can serve them.
        pictures: Vec<Picture>,
    },
    /// Pictures and films until somebody touches.
    Attract {
        /// What is shown: an address of the kiosk itself.
        url: String,
        /// `image` or `video`.
        media: String,
        /// Read beside it.
        title: Text,
        /// This showing; told back with the end.
        play: u64,
    },
    /// How do you want to look up?
    Identify {
        /// Why they came.
        errand: Errand,
        /// The ways there are.
        ways: Vec<Way>,
    },
    /// A number is asked for.
    Number {
        /// `meter`, `phone`, `code`, `last_four` or `order`.
        what: String,
        /// The most characters.
        max: u8,
        /// `138****1234`, the room …: what it belongs to.
        about: Option<Text>,
        /// What was wrong with the one before.
        wrong: Option<Text>,
    },
    /// One step of the cascade.
    Rooms {
        /// What was chosen so far.
        path: Vec<String>,
        /// What can be chosen.
        nodes: Vec<RoomNode>,
    },
    /// Several were found.
    Matches {
        /// Masked.
        matches: Vec<Match>,
    },
    /// Something is being done that takes a moment: `looking`, `reading`, `quoting`, `ordering`,
    /// `finding`.
    Busy {
        /// What.
        what: String,
        /// How far, of 100, where that is known.
        percent: Option<u8>,
    },
    /// The meter as it stands.
    Account {
        /// The figures.
        account: Box<AccountView>,
        /// Why nothing can be paid; `None` = it can.
        closed: Option<Text>,
    },
    /// How much?
    Amount {
        /// The meter.
        account: Box<AccountView>,
        /// What may be paid.
        amounts: Amounts,
        /// What was chosen, priced by the server.
        quote: Option<Quote>,
        /// What was wrong with the one before.
        wrong: Option<Text>,
        /// The wallets.
        wallets: Vec<String>,
    },
    /// No receipt can be printed: go on?
    NoPaper {
        /// Why.
        printer: String,
    },
    /// The code.
    Pay {
        /// The order.
        order: Box<OrderView>,
        /// The code as an SVG drawing of our own; `None` while it is covered.
        qr_svg: Option<String>,
        /// Why it is covered: `offline`.
        covered: Option<String>,
        /// Whether the other wallet may be chosen.
        other_wallet: bool,
    },
    /// Whether it is paid is being found out. Never called failed.
    Confirming {
        /// The order.
        order: Box<OrderView>,
    },
    /// How it came out so far.
    Result {
        /// The order.
        order: Box<OrderView>,
        /// The receipt: `none`, `printing`, `printed`, `paper_out`, `failed`, `unknown`.
        receipt: String,
        /// Copies printed.
        copies: u32,
        /// The electronic receipt as an SVG drawing.
        receipt_svg: Option<String>,
        /// Whether a copy may be asked for.
        reprint: bool,
    },
    /// The card is dealt with.
    Card {
        /// The order; none while the card is only read.
        order: Option<Box<OrderView>>,
        /// `ask`, `reading`, `writing`, `verifying`, `other_card`, `unknown`, `broken`.
        step: String,
    },
    /// Something did not work: what happened, whether the money is safe, what to do.
    Trouble {
        /// Its stable code.
        code: String,
        /// What happened.
        what: Text,
        /// Whether the money is safe.
        safe: Text,
        /// What to do.
        todo: Text,
        /// The order's number, where there is one.
        order_no: Option<String>,
        /// The electronic receipt as an SVG drawing, where there is one.
        receipt_svg: Option<String>,
    },
    /// Are you still there?
    StillThere,
}

/// A picture of the home screen: the page shows one after the other, beside what is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// Where it lies, an address of the kiosk itself.
    pub url: String,
    /// What a person reads beside it.
    pub title: Text,
    /// For how long it stands.
    pub seconds: u32,
}

/// A day of the calendar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Day {
    /// `2026-11-20`.
    pub date: String,
    /// 1 = Monday.
    pub weekday: u8,
    /// `丙午年十月十二`.
    pub lunar: String,
    /// The solar term of that day, `小雪`, or empty.
    pub term: String,
    /// The festival of that day, or empty.
    pub festival: Text,
    /// `off` (休), `work` (班) or empty.
    pub rest: String,
    /// What comes next: 后天小雪，距元旦 42 天.
    pub ahead: Text,
    /// Monday to Sunday of this week; empty within such a day itself.
    pub week: Vec<Day>,
}
