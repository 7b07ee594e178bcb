//! The moon's calendar, behind a trait: who computes it may change.

use chrono::{Datelike, NaiveDate};
use tyme4rs::tyme::solar::SolarDay;

/// The years the calendar answers for: where four unrelated ones agree on every day.
pub const YEARS: std::ops::RangeInclusive<i32> = 1958..=2056;

const STEMS: [&str; 10] = ["甲", "乙", "丙", "丁", "戊", "己", "庚", "辛", "壬", "癸"];
const BRANCHES: [&str; 12] =
    ["子", "丑", "寅", "卯", "辰", "巳", "午", "未", "申", "酉", "戌", "亥"];
const NUMBERS: [&str; 13] =
    ["", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二"];

/// A day as the moon counts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moon {
    /// The lunar year, named by the solar year it begins in.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 闰.
    pub leap: bool,
    /// 1 to 30.
    pub day: u8,
    /// Days of this month, 29 or 30.
    pub days: u8,
    /// The solar term that falls on the day: 0 = 冬至, 1 = 小寒, … 23 = 大雪.
    pub term: Option<usize>,
}

impl Moon {
    /// `丙午年十月十二`, `癸丑年闰十一月初一`.
    pub fn text(&self) -> String {
        let stem = STEMS[(self.year - 4).rem_euclid(10) as usize];
        let branch = BRANCHES[(self.year - 4).rem_euclid(12) as usize];
        let leap = if self.leap { "闰" } else { "" };
        let month = match self.month {
            1 => "正",
            month => NUMBERS.get(usize::from(month)).copied().unwrap_or_default(),
        };
        let number = |n: u8| NUMBERS.get(usize::from(n)).copied().unwrap_or_default();
        let day = match self.day {
            day @ 0..=10 => format!("初{}", number(day)),
            day @ 11..=19 => format!("十{}", number(day - 10)),
            20 => "二十".to_owned(),
            30 => "三十".to_owned(),
            day => format!("廿{}", number(day - 20)),
        };
        format!("{stem}{branch}年{leap}{month}月{day}")
    }
}

/// Who knows the moon.
pub trait Calendar {
    /// A day as the moon counts it; `None` outside [`YEARS`].
    fn moon(&self, date: NaiveDate) -> Option<Moon>;
}

/// By the crate tyme4rs. It panics on days it does not know, so it is only asked for [`YEARS`]:
/// `every_day_agrees_with_an_unrelated_table`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tyme;

impl Calendar for Tyme {
    fn moon(&self, date: NaiveDate) -> Option<Moon> {
        if !YEARS.contains(&date.year()) {
            return None;
        }
        let number = |n: u32| usize::try_from(n).ok();
        let year = isize::try_from(date.year()).ok()?;
        let day = SolarDay::new(year, number(date.month())?, number(date.day())?).ok()?;
        let lunar = day.get_lunar_day();
        let month = lunar.get_lunar_month();
        let term = day.get_term_day();
        Some(Moon {
            year: i32::try_from(lunar.get_year()).ok()?,
            month: u8::try_from(month.get_month()).ok()?,
            leap: month.is_leap(),
            day: u8::try_from(lunar.get_day()).ok()?,
            days: u8::try_from(month.get_day_count()).ok()?,
            term: (term.get_day_index() == 0).then(|| term.get_solar_term().get_index()),
        })
    }
}
