//! Whose turn it is by the clock on the wall.

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use kiosk_wire::content::{Advert, File};

/// China's time, all year.
const EAST_S: i32 = 8 * 3_600;

/// The clock on the wall of a kiosk.
pub fn local(now: DateTime<Utc>) -> NaiveDateTime {
    FixedOffset::east_opt(EAST_S)
        .map_or(now.naive_utc(), |zone| now.with_timezone(&zone).naive_local())
}

/// Whether an advert is to be shown at this moment of the wall clock. A time that ends before it
/// begins goes over midnight and belongs to the day it began on.
pub fn is_due(advert: &Advert, local: NaiveDateTime) -> bool {
    let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").ok();
    let (from, until) = (time(&advert.from_time), time(&advert.until_time));
    let (day, now) = (local.date(), local.time());
    let after = from.is_none_or(|from| now >= from);
    let before = until.is_none_or(|until| now < until);
    match (from, until) {
        (Some(from), Some(until)) if from > until => {
            let evening = after && is_day(advert, day);
            let morning =
                before && day.checked_sub_days(Days::new(1)).is_some_and(|d| is_day(advert, d));
            evening || morning
        }
        (Some(from), Some(until)) if from == until => is_day(advert, day),
        _ => after && before && is_day(advert, day),
    }
}

fn is_day(advert: &Advert, day: NaiveDate) -> bool {
    let bound = |text: &str| text.parse::<NaiveDate>().ok();
    let weekday = u8::try_from(day.weekday().number_from_monday()).unwrap_or(0);
    bound(&advert.from_day).is_none_or(|from| day >= from)
        && bound(&advert.until_day).is_none_or(|until| day <= until)
        && (advert.weekdays.is_empty() || advert.weekdays.contains(&weekday))
}

/// Goes round the playlist.
#[derive(Clone, Debug, Default)]
pub struct Rota {
    last: Option<usize>,
}

impl Rota {
    /// The next one after the last that is due and can be shown; the only one comes again, `None`
    /// where there is none. `plays` is what the page can play: `mp4`, `webm`.
    pub fn next<'a>(
        &mut self,
        playlist: &'a [Advert],
        local: NaiveDateTime,
        plays: &[String],
        is_here: impl Fn(&File) -> bool,
    ) -> Option<&'a Advert> {
        let count = playlist.len();
        let first = self.last.map_or(0, |last| last + 1);
        let turn = (0..count).map(|n| (first + n) % count).find(|n| {
            let advert = &playlist[*n];
            is_due(advert, local) && can(&advert.file, plays) && is_here(&advert.file)
        })?;
        self.last = Some(turn);
        Some(&playlist[turn])
    }
}

fn can(file: &File, plays: &[String]) -> bool {
    match file.media_type.strip_prefix("video/") {
        Some(kind) => plays.iter().any(|play| play == kind),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use kiosk_wire::text::Text;

    use super::*;

    fn advert(days: (&str, &str), times: (&str, &str), weekdays: &[u8]) -> Advert {
        Advert {
            file: File { sha256: "ab".repeat(32), bytes: 1, media_type: "image/png".to_owned() },
            title: Text::default(),
            seconds: 8,
            from_day: days.0.to_owned(),
            until_day: days.1.to_owned(),
            from_time: times.0.to_owned(),
            until_time: times.1.to_owned(),
            weekdays: weekdays.to_vec(),
        }
    }

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }

    #[test]
    fn an_advert_is_due_on_its_days_in_its_hours_also_over_midnight() {
        // 2026-11-20 is a Friday.
        let always = advert(("", ""), ("", ""), &[]);
        let november = advert(("2026-11-01", "2026-11-30"), ("", ""), &[]);
        let day = advert(("", ""), ("08:00", "18:00"), &[]);
        let friday_night = advert(("", ""), ("22:00", "02:00"), &[5]);
        let last_night = advert(("2026-11-20", "2026-11-20"), ("22:00", "02:00"), &[]);
        let from_noon = advert(("", ""), ("12:00", ""), &[]);
        let until_noon = advert(("", ""), ("", "12:00"), &[]);
        let whole = advert(("", ""), ("08:00", "08:00"), &[]);
        let table = [
            (&always, "2026-11-20 00:00", true),
            (&november, "2026-10-31 23:59", false),
            (&november, "2026-11-01 00:00", true),
            (&november, "2026-11-30 23:59", true),
            (&november, "2026-12-01 00:00", false),
            (&day, "2026-11-20 07:59", false),
            (&day, "2026-11-20 08:00", true),
            (&day, "2026-11-20 17:59", true),
            (&day, "2026-11-20 18:00", false),
            (&friday_night, "2026-11-20 01:00", false),
            (&friday_night, "2026-11-20 21:59", false),
            (&friday_night, "2026-11-20 22:00", true),
            (&friday_night, "2026-11-21 01:59", true),
            (&friday_night, "2026-11-21 02:00", false),
            (&friday_night, "2026-11-21 23:00", false),
            (&last_night, "2026-11-20 01:00", false),
            (&last_night, "2026-11-21 01:00", true),
            (&last_night, "2026-11-21 23:00", false),
            (&from_noon, "2026-11-20 11:59", false),
            (&from_noon, "2026-11-20 23:59", true),
            (&until_noon, "2026-11-20 11:59", true),
            (&until_noon, "2026-11-20 12:00", false),
            (&whole, "2026-11-20 03:00", true),
        ];
        for (advert, when, due) in table {
            assert_eq!(is_due(advert, at(when)), due, "{advert:?} at {when}");
        }
    }

    #[test]
    fn the_wall_clock_is_chinas() {
        let utc = "2026-11-20T16:30:00Z".parse().unwrap();
        assert_eq!(local(utc), at("2026-11-21 00:30"));
    }

    #[test]
    fn everybody_has_a_turn_but_who_is_not_due_not_here_or_not_playable() {
        let mut list: Vec<Advert> = Vec::new();
        for n in 0..5 {
            let mut advert = advert(("", ""), ("", ""), &[]);
            advert.file.sha256 = format!("{n}");
            list.push(advert);
        }
        list[1].weekdays = vec![1];
        list[3].file.media_type = "video/mp4".to_owned();
        let plays = |kinds: &[&str]| kinds.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>();
        let friday = at("2026-11-20 12:00");
        let mut rota = Rota::default();
        let mut turns = |list: &[Advert], plays: &[String], count: usize| {
            let here = |file: &File| file.sha256 != "2";
            (0..count)
                .map_while(|_| rota.next(list, friday, plays, here))
                .map(|advert| advert.file.sha256.clone())
                .collect::<String>()
        };
        assert_eq!(turns(&list, &plays(&["webm"]), 4), "0404");
        assert_eq!(turns(&list, &plays(&["webm", "mp4"]), 4), "0340");
        assert_eq!(turns(&list[..1], &[], 3), "000", "the only one comes again");
        assert_eq!(turns(&list[1..3], &[], 3), "", "none is none");
        assert_eq!(turns(&[], &[], 1), "");
    }
}
