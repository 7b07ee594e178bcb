//! Festivals and solar terms by name.

use chrono::{Datelike, NaiveDate};
use kiosk_wire::text::Text;

use super::moon::Moon;

/// 清明, the one solar term that is a festival.
const QINGMING: usize = 7;

/// The twenty-four solar terms from 冬至 on.
const TERMS: [(&str, &str); 24] = [
    ("冬至", "Winter Solstice"),
    ("小寒", "Minor Cold"),
    ("大寒", "Major Cold"),
    ("立春", "Start of Spring"),
    ("雨水", "Rain Water"),
    ("惊蛰", "Awakening of Insects"),
    ("春分", "Spring Equinox"),
    ("清明", "Pure Brightness"),
    ("谷雨", "Grain Rain"),
    ("立夏", "Start of Summer"),
    ("小满", "Grain Buds"),
    ("芒种", "Grain in Ear"),
    ("夏至", "Summer Solstice"),
    ("小暑", "Minor Heat"),
    ("大暑", "Major Heat"),
    ("立秋", "Start of Autumn"),
    ("处暑", "End of Heat"),
    ("白露", "White Dew"),
    ("秋分", "Autumn Equinox"),
    ("寒露", "Cold Dew"),
    ("霜降", "Frost's Descent"),
    ("立冬", "Start of Winter"),
    ("小雪", "Minor Snow"),
    ("大雪", "Major Snow"),
];

/// Month, day, name, and whether it is one everybody counts the days to.
type Row = (u32, u32, &'static str, &'static str, bool);

const SOLAR: &[Row] = &[
    (1, 1, "元旦", "New Year's Day", true),
    (3, 8, "妇女节", "Women's Day", false),
    (3, 12, "植树节", "Arbor Day", false),
    (5, 1, "劳动节", "Labour Day", true),
    (5, 4, "青年节", "Youth Day", false),
    (6, 1, "儿童节", "Children's Day", false),
    (7, 1, "建党节", "CPC Founding Day", false),
    (8, 1, "建军节", "Army Day", false),
    (9, 10, "教师节", "Teachers' Day", false),
    (10, 1, "国庆节", "National Day", true),
];

const LUNAR: &[Row] = &[
    (1, 1, "春节", "Spring Festival", true),
    (1, 15, "元宵节", "Lantern Festival", false),
    (2, 2, "龙抬头", "Dragon Head Festival", false),
    (5, 5, "端午节", "Dragon Boat Festival", true),
    (7, 7, "七夕", "Qixi Festival", false),
    (7, 15, "中元节", "Zhongyuan Festival", false),
    (8, 15, "中秋节", "Mid-Autumn Festival", true),
    (9, 9, "重阳节", "Double Ninth Festival", false),
    (12, 8, "腊八节", "Laba Festival", false),
];

/// A solar term by its number.
pub fn term_zh(term: usize) -> &'static str {
    TERMS.get(term).map_or("", |names| names.0)
}

/// The same in English.
pub fn term_en(term: usize) -> &'static str {
    TERMS.get(term).map_or("", |names| names.1)
}

/// The festivals of a day; the text is empty where there is none. A leap month repeats none.
pub fn of(date: NaiveDate, moon: Option<&Moon>) -> Text {
    let found = rows(date, moon);
    let join = |names: Vec<&str>, by: &str| names.join(by);
    Text::new(
        join(found.iter().map(|row| row.2).collect(), "·"),
        join(found.iter().map(|row| row.3).collect(), ", "),
    )
}

/// The great festival of a day.
pub fn great(date: NaiveDate, moon: Option<&Moon>) -> Option<(&'static str, &'static str)> {
    rows(date, moon).into_iter().find(|row| row.4).map(|row| (row.2, row.3))
}

fn rows(date: NaiveDate, moon: Option<&Moon>) -> Vec<Row> {
    let on = |table: &'static [Row], month: u32, day: u32| {
        table.iter().filter(move |row| (row.0, row.1) == (month, day)).copied()
    };
    let mut found: Vec<Row> = on(SOLAR, date.month(), date.day()).collect();
    let Some(moon) = moon else { return found };
    if !moon.leap {
        found.extend(on(LUNAR, u32::from(moon.month), u32::from(moon.day)));
    }
    if moon.month == 12 && moon.day == moon.days {
        found.push((12, 30, "除夕", "New Year's Eve", false));
    }
    if moon.term == Some(QINGMING) {
        found.push((4, 4, "清明节", "Qingming Festival", true));
    }
    found
}
