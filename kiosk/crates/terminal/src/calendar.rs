//! What day it is: 农历, 节气, festivals, and who has the day off.
//!
//! The moon is computed, the days off are not: they are the State Council's word, which the server
//! passes on with a version, and a year that is not known shows its festivals without 休 and 班.

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, Utc};
use kiosk_wire::{content::Holidays, text::Text};

use crate::view::Day;

pub mod festival;
pub mod moon;

pub use moon::{Calendar, Moon, Tyme};

/// Seconds China's clocks are ahead of UTC.
const CHINA_S: i32 = 8 * 3_600;
/// The most days a solar term lies ahead.
const TERM_DAYS_MAX: u64 = 17;
/// How many days ahead a festival is looked for: the longest stretch without a great one.
const FESTIVAL_DAYS_MAX: u64 = 130;

/// The day in China at a moment, whatever the machine's own time zone.
pub fn local_day(at: DateTime<Utc>) -> NaiveDate {
    match FixedOffset::east_opt(CHINA_S) {
        Some(china) => at.with_timezone(&china).date_naive(),
        None => at.date_naive(),
    }
}

/// The calendar's page: computed once for a day and a version of the holidays, then only handed
/// out, since the moon takes its time.
#[derive(Clone, Debug, Default)]
pub struct Pages<C> {
    calendar: C,
    page: Option<(NaiveDate, i64, Day)>,
}

impl<C: Calendar> Pages<C> {
    /// Pages of a calendar.
    pub fn new(calendar: C) -> Pages<C> {
        Pages { calendar, page: None }
    }

    /// The page of a day.
    pub fn page(&mut self, date: NaiveDate, holidays: &Holidays) -> &Day {
        let kept = self
            .page
            .take()
            .filter(|(day, version, _)| *day == date && *version == holidays.version);
        let made = || (date, holidays.version, page(&self.calendar, date, holidays));
        &self.page.insert(kept.unwrap_or_else(made)).2
    }
}

/// The page of a day, with what lies ahead and with its week from Monday to Sunday.
pub fn page(calendar: &impl Calendar, date: NaiveDate, holidays: &Holidays) -> Day {
    let monday = date - Days::new(u64::from(date.weekday().num_days_from_monday()));
    let week = monday.iter_days().take(7);
    Day {
        ahead: ahead(calendar, date),
        week: week.map(|day| bare(calendar, day, holidays)).collect(),
        ..bare(calendar, date, holidays)
    }
}

fn bare(calendar: &impl Calendar, date: NaiveDate, holidays: &Holidays) -> Day {
    let moon = calendar.moon(date);
    Day {
        date: date.to_string(),
        weekday: u8::try_from(date.weekday().number_from_monday()).unwrap_or_default(),
        lunar: moon.as_ref().map(Moon::text).unwrap_or_default(),
        term: moon.as_ref().and_then(|moon| moon.term).map_or("", festival::term_zh).to_owned(),
        festival: festival::of(date, moon.as_ref()),
        rest: rest(date, holidays).to_owned(),
        ..Day::default()
    }
}

/// `off`, `work` or nothing, by the server's word only.
fn rest(date: NaiveDate, holidays: &Holidays) -> &'static str {
    let text = date.to_string();
    let known = holidays.years.contains(&date.year());
    match holidays.days.iter().find(|day| known && day.day == text) {
        Some(day) if day.off => "off",
        Some(_) => "work",
        None => "",
    }
}

/// The next solar term and the next great festival: 后天小雪，距元旦 42 天.
fn ahead(calendar: &impl Calendar, date: NaiveDate) -> Text {
    let after = |most: u64| (1..=most).map(move |n| (n, date + Days::new(n)));
    let term = after(TERM_DAYS_MAX).find_map(|(n, day)| Some((n, calendar.moon(day)?.term?)));
    let great = after(FESTIVAL_DAYS_MAX)
        .find_map(|(n, day)| Some((n, festival::great(day, calendar.moon(day).as_ref())?)));
    let mut sentence = (Vec::new(), Vec::new());
    if let Some((n, term)) = term {
        sentence.0.push(match n {
            1 => format!("明天{}", festival::term_zh(term)),
            2 => format!("后天{}", festival::term_zh(term)),
            n => format!("{n} 天后{}", festival::term_zh(term)),
        });
        sentence.1.push(format!("{} {}", festival::term_en(term), in_days(n)));
    }
    if let Some((n, (zh, en))) = great {
        sentence.0.push(match n {
            1 => format!("明天{zh}"),
            n => format!("距{zh} {n} 天"),
        });
        sentence.1.push(format!("{en} {}", in_days(n)));
    }
    Text::new(sentence.0.join("，"), sentence.1.join(", "))
}

fn in_days(n: u64) -> String {
    if n == 1 { "tomorrow".to_owned() } else { format!("in {n} days") }
}

#[cfg(test)]
mod tests;
