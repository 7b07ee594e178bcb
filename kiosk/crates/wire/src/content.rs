//! The home screen: one versioned document and files named by their digests.

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// The most files one document names.
pub const FILES_MAX: usize = 64;
/// The largest file, in bytes.
pub const FILE_MAX: u64 = 64 * 1024 * 1024;

/// What the home screen shows (`GET /content`). Text is text: nothing in it is ever markup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HomeContent {
    /// Grows with every change.
    pub version: i64,
    /// The landlord's or property company's name.
    pub company: Text,
    /// What the company says of itself.
    pub intro: Text,
    /// The logo.
    pub logo: Option<File>,
    /// One-line tips (温馨提示), one at a time.
    pub tips: Vec<Text>,
    /// A notice (公告) that stands above the adverts.
    pub notice: Option<Text>,
    /// Whom to call.
    pub service_phone: String,
    /// The hours somebody answers, for people.
    pub service_hours: Text,
    /// Where the nearest other kiosk stands.
    pub nearest: Option<Text>,
    /// What is shown while nobody is there.
    pub playlist: Vec<Advert>,
}

/// A file, fetched by `GET /files/{sha256}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// `image/png`, `image/jpeg`, `image/webp`, `video/mp4` or `video/webm`.
    pub media_type: String,
}

/// One advert or notice picture of the playlist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advert {
    /// What is shown.
    pub file: File,
    /// What a person reads beside it, and who cannot see it hears.
    pub title: Text,
    /// For how long a picture stands; a video plays to its end, and this long at most.
    pub seconds: u32,
    /// The first day, `YYYY-MM-DD` local time; empty for no bound.
    pub from_day: String,
    /// The last day.
    pub until_day: String,
    /// The first minute of the day, `HH:MM` local time; empty for the whole day.
    pub from_time: String,
    /// The minute it ends; earlier than `from_time` = over midnight.
    pub until_time: String,
    /// Days of the week it is shown on, 1 = Monday; empty = all.
    pub weekdays: Vec<u8>,
}

/// Days off and days worked in their place (调休), as the State Council has announced them
/// (`GET /holidays`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holidays {
    /// Grows with every change.
    pub version: i64,
    /// The years that are known; in any other a festival is shown without 休 or 班.
    pub years: Vec<i32>,
    /// The days that differ from the week.
    pub days: Vec<Holiday>,
}

/// One day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holiday {
    /// `YYYY-MM-DD`.
    pub day: String,
    /// The festival it belongs to, `国庆节`.
    pub name: String,
    /// True for a day off (休), false for a day worked (班).
    pub off: bool,
}
