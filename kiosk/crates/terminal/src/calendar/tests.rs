use chinese_lunisolar_calendar::{LunisolarDate, SolarDate};
use kiosk_wire::content::Holiday;

use super::*;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn plain(text: &str) -> Day {
    page(&Tyme, date(text), &Holidays::default())
}

#[test]
fn days_that_others_have_checked_are_named_as_they_are() {
    // From the design's own example, the tables of the State Council's announcements (festival
    // days) and the Purple Mountain Observatory's terms.
    let rows = [
        ("2026-11-20", "丙午年十月十二", "", ""),
        ("2026-11-22", "丙午年十月十四", "小雪", ""),
        ("2026-02-16", "乙巳年十二月廿九", "", "除夕"),
        ("2026-02-17", "丙午年正月初一", "", "春节"),
        ("2027-02-05", "丙午年十二月廿九", "", "除夕"),
        ("2027-02-06", "丁未年正月初一", "", "春节"),
        ("2026-03-03", "丙午年正月十五", "", "元宵节"),
        ("2026-04-05", "丙午年二月十八", "清明", "清明节"),
        ("2026-06-19", "丙午年五月初五", "", "端午节"),
        ("2026-09-25", "丙午年八月十五", "", "中秋节"),
        ("2020-10-01", "庚子年八月十五", "", "国庆节·中秋节"),
        ("2033-12-22", "癸丑年闰十一月初一", "", ""),
        ("2033-12-21", "癸丑年十一月三十", "冬至", ""),
        ("2025-07-25", "乙巳年闰六月初一", "", ""),
        ("2025-01-01", "甲辰年十二月初二", "", "元旦"),
        ("2056-12-31", "丙子年十一月廿五", "", ""),
    ];
    for (day, lunar, term, festival) in rows {
        let page = plain(day);
        let said = (page.lunar.as_str(), page.term.as_str(), page.festival.zh.as_str());
        assert_eq!(said, (lunar, term, festival), "{day}");
        assert_eq!(page.festival.zh.is_empty(), page.festival.en.is_empty(), "{day}");
    }
}

#[test]
fn every_day_agrees_with_an_unrelated_table() {
    let (mut day, last) = (date("1958-01-01"), date("2056-12-31"));
    while day <= last {
        let ours = Tyme.moon(day).unwrap();
        let solar = SolarDate::from_date(day).unwrap();
        let theirs = LunisolarDate::from_solar_date(solar).unwrap();
        let month = theirs.to_lunar_month();
        let same = (
            i32::from(theirs.to_lunisolar_year().to_u16()),
            month.to_u8(),
            month.is_leap_month(),
            theirs.to_lunar_day().to_u8(),
        );
        assert_eq!((ours.year, ours.month, ours.leap, ours.day), same, "{day}");
        // Every day of the years a kiosk may live in, and samples of the others.
        day = day + Days::new(if (2026..2034).contains(&day.year()) { 1 } else { 17 });
    }
}

#[test]
fn a_year_has_its_twenty_four_terms_in_order() {
    for year in [2024, 2026, 2027, 2040, 2056] {
        let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        let days = first.iter_days().take_while(|day| day.year() == year);
        let terms: Vec<usize> = days.filter_map(|day| Tyme.moon(day)?.term).collect();
        let want: Vec<usize> = (1..24).chain([0]).collect();
        assert_eq!(terms, want, "{year}");
    }
}

#[test]
fn what_lies_ahead_is_counted_in_days() {
    let rows = [
        ("2026-11-20", "后天小雪，距元旦 42 天", "Minor Snow in 2 days, New Year's Day in 42 days"),
        ("2026-11-21", "明天小雪，距元旦 41 天", "Minor Snow tomorrow, New Year's Day in 41 days"),
        ("2026-12-31", "5 天后小寒，明天元旦", "Minor Cold in 5 days, New Year's Day tomorrow"),
        (
            "2027-01-01",
            "4 天后小寒，距春节 36 天",
            "Minor Cold in 4 days, Spring Festival in 36 days",
        ),
        ("2026-09-26", "12 天后寒露，距国庆节 5 天", "Cold Dew in 12 days, National Day in 5 days"),
    ];
    for (day, zh, en) in rows {
        assert_eq!(plain(day).ahead, Text::new(zh, en), "{day}");
    }
    let mut day = date("2026-01-01");
    while day.year() < 2028 {
        let page = plain(&day.to_string());
        assert!(page.ahead.zh.contains('，'), "{day}: both are always found");
        day = day + Days::new(11);
    }
}

#[test]
fn days_off_are_the_servers_word_and_unknown_years_have_none() {
    let holiday =
        |day: &str, off| Holiday { day: day.to_owned(), name: "国庆节".to_owned(), off };
    let days = vec![
        holiday("2026-10-01", true),
        holiday("2026-10-10", false),
        holiday("2027-10-01", true),
        holiday("nonsense", true),
    ];
    let holidays = Holidays { version: 1, years: vec![2026], days };
    let rows =
        [("2026-10-01", "off"), ("2026-10-10", "work"), ("2026-10-11", ""), ("2027-10-01", "")];
    for (day, rest) in rows {
        assert_eq!(page(&Tyme, date(day), &holidays).rest, rest, "{day}");
    }
    assert_eq!(page(&Tyme, date("2027-10-01"), &holidays).festival.zh, "国庆节");
    let week = page(&Tyme, date("2026-10-04"), &holidays).week;
    let shown: Vec<(&str, u8, &str)> =
        week.iter().map(|day| (day.date.as_str(), day.weekday, day.rest.as_str())).collect();
    assert_eq!(shown[0], ("2026-09-28", 1, ""));
    assert_eq!(shown[3], ("2026-10-01", 4, "off"));
    assert_eq!((shown[6], shown.len()), (("2026-10-04", 7, ""), 7));
    assert!(week.iter().all(|day| day.week.is_empty() && day.ahead.zh.is_empty()));
}

#[test]
fn beyond_the_years_that_are_sure_the_moon_is_left_out() {
    for day in ["1957-12-31", "2057-01-01", "1900-01-01", "9999-12-31", "2262-01-01"] {
        let Ok(date) = day.parse::<NaiveDate>() else { continue };
        if date.checked_add_days(Days::new(200)).is_none() {
            continue;
        }
        let page = page(&Tyme, date, &Holidays::default());
        assert_eq!((page.lunar.as_str(), page.term.as_str()), ("", ""), "{day}");
    }
    assert_eq!(plain("2060-10-01").festival.zh, "国庆节");
}

#[test]
fn a_page_is_made_once_and_again_when_the_day_or_the_holidays_change() {
    #[derive(Default)]
    struct Counted(std::cell::Cell<usize>);
    impl Calendar for Counted {
        fn moon(&self, _: NaiveDate) -> Option<Moon> {
            self.0.set(self.0.get() + 1);
            None
        }
    }
    let mut pages = Pages::new(Counted::default());
    let mut holidays = Holidays::default();
    let mut made = Vec::new();
    for (day, version) in
        [("2026-11-20", 0), ("2026-11-20", 0), ("2026-11-21", 0), ("2026-11-21", 1)]
    {
        holidays.version = version;
        assert_eq!(pages.page(date(day), &holidays).date, day);
        made.push(pages.calendar.0.get());
    }
    assert_eq!(made[0], made[1]);
    assert!(made[1] < made[2] && made[2] < made[3], "{made:?}");
}

#[test]
fn the_day_begins_when_it_begins_in_china() {
    let rows = [
        ("2026-11-20T15:59:59Z", "2026-11-20"),
        ("2026-11-20T16:00:00Z", "2026-11-21"),
        ("2026-12-31T16:00:00Z", "2027-01-01"),
    ];
    for (at, day) in rows {
        assert_eq!(local_day(at.parse().unwrap()).to_string(), day);
    }
}
