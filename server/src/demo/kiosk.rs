//! What the kiosks of the demo show: the property company, its words, a logo, two adverts drawn
//! for it, and the days off that have been announced. A kiosk is taken up as everywhere else, by
//! `yufu kiosk pair`: nothing here lets one in.

use aws_lc_rs::digest::{SHA256, digest};
use domain::ProjectId;
use kiosk_api::{Desk, Failure, content, file};
use kiosk_wire::{
    card_format::hex,
    content::{Advert, File, Holiday, Holidays, HomeContent},
    text::Text,
};

/// The logo of the demo's property company, drawn from the SVG beside it.
const LOGO: &[u8] = include_bytes!("pictures/logo.png");
/// The adverts, each with its title in both languages.
const ADVERTS: [(&[u8], [&str; 2]); 2] = [
    (
        include_bytes!("pictures/advert-light.png"),
        ["付了钱，灯就亮：微信、支付宝扫码即可", "Pay by phone and the light is on"],
    ),
    (
        include_bytes!("pictures/advert-phone.png"),
        ["扫电表上的码，手机也能缴费", "Scan the code on your meter to pay by phone"],
    ),
];
/// For how long one advert stands, in seconds.
const ADVERT_S: u32 = 8;
/// Whom to call; the number is nobody's.
pub const HOTLINE: &str = "0571-00000000";

/// Days off in 2026 by their festival: first and last day (国办发明电〔2025〕7 号). 2027 is not
/// announced in what this program was written from: a year that is missing shows no 休 and no 班.
const OFF: [(&str, &str, &str); 7] = [
    ("元旦", "2026-01-01", "2026-01-03"),
    ("春节", "2026-02-15", "2026-02-23"),
    ("清明节", "2026-04-04", "2026-04-06"),
    ("劳动节", "2026-05-01", "2026-05-05"),
    ("端午节", "2026-06-19", "2026-06-21"),
    ("中秋节", "2026-09-25", "2026-09-27"),
    ("国庆节", "2026-10-01", "2026-10-07"),
];
/// Days worked in their place (调休), from the same.
const WORKED: [(&str, &str); 6] = [
    ("元旦", "2026-01-04"),
    ("春节", "2026-02-14"),
    ("春节", "2026-02-28"),
    ("劳动节", "2026-05-09"),
    ("国庆节", "2026-09-20"),
    ("国庆节", "2026-10-10"),
];

/// Publishes what the kiosks of a project show, and keeps the days off; a continued demo keeps
/// what somebody has published since.
pub async fn furnish(desk: &Desk, project: ProjectId) -> Result<(), Failure> {
    let db = desk.store().read();
    if store::kiosk::content::published(db, project).await?.is_none() {
        let logo = keep(desk, project, LOGO).await?;
        let mut playlist = Vec::new();
        for (bytes, [zh, en]) in ADVERTS {
            playlist.push(advert(keep(desk, project, bytes).await?, Text::new(zh, en)));
        }
        let drafted = content::draft(desk, project, None, home(logo, playlist)).await?;
        content::publish(desk, project, None, drafted.content_version).await?;
    }
    if store::kiosk::content::holidays(db).await?.is_none() {
        content::import_holidays(desk, holidays()).await?;
    }
    Ok(())
}

async fn keep(desk: &Desk, project: ProjectId, bytes: &[u8]) -> Result<File, Failure> {
    let sha256 = hex(digest(&SHA256, bytes).as_ref());
    let size = u64::try_from(bytes.len()).map_err(|_| Failure::File("too_large"))?;
    let mut intake = file::Intake::begin(desk, project, &sha256, size).await?;
    intake.push(bytes).await?;
    let kept = intake.finish().await?;
    Ok(File { sha256, bytes: size, media_type: kept.media_type })
}

fn advert(file: File, title: Text) -> Advert {
    Advert {
        file,
        title,
        seconds: ADVERT_S,
        from_day: String::new(),
        until_day: String::new(),
        from_time: String::new(),
        until_time: String::new(),
        weekdays: Vec::new(),
    }
}

fn home(logo: File, playlist: Vec<Advert>) -> HomeContent {
    HomeContent {
        version: 0,
        company: Text::new("和园物业", "Heyuan Property"),
        intro: Text::new(
            "和园公寓自 2019 年由和园物业管理，两栋 48 户。\n水电预付，本机 24 小时可用。",
            "Heyuan Property has looked after the 48 homes of Heyuan Apartments since 2019.\n\
             Water and electricity are prepaid; this kiosk is open day and night.",
        ),
        logo: Some(logo),
        tips: vec![
            Text::new("付款后请稍候，灯亮再离开", "Wait a moment after paying: the light tells"),
            Text::new("同一间房水表电表分开充值", "Water and electricity are topped up apart"),
            Text::new("凭条可补打，请记下订单号", "Receipts can be printed again by order number"),
        ],
        notice: Some(Text::new(
            "演示数据，不是真实的钱。11 月 28 日 9:00–11:00 检修二次供水，1 号楼停水。",
            "Demo data, no real money. Building 1 has no water on 28 November, 9:00–11:00.",
        )),
        service_phone: HOTLINE.to_owned(),
        service_hours: Text::new(
            "每天 8:00–20:00，夜间抢修照常",
            "8:00–20:00 daily, repairs at night",
        ),
        nearest: Some(Text::new("滨江商铺 A 座大厅", "Riverside Shops, lobby of building A")),
        playlist,
    }
}

/// The list as the State Council's notice has it.
fn holidays() -> Holidays {
    let day = |day: String, name: &str, off| Holiday { day, name: name.to_owned(), off };
    let mut days = Vec::new();
    for (name, first, last) in OFF {
        let first = first.parse::<chrono::NaiveDate>();
        let last = last.parse::<chrono::NaiveDate>();
        let (Ok(first), Ok(last)) = (first, last) else { continue };
        let each = first.iter_days().take_while(|date| *date <= last);
        days.extend(each.map(|date| day(date.to_string(), name, true)));
    }
    days.extend(WORKED.iter().map(|(name, date)| day((*date).to_owned(), name, false)));
    days.sort_by(|one, other| one.day.cmp(&other.day));
    Holidays { version: 0, years: vec![2026], days }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The counts are those of `chinesecalendar` 1.11.0, which was written by others.
    #[test]
    fn the_days_off_are_those_the_state_council_announced() {
        let list = holidays();
        let off = list.days.iter().filter(|day| day.off).count();
        assert_eq!((off, list.days.len() - off), (33, 6));
        let table = [
            ("2026-01-04", "元旦", false),
            ("2026-02-17", "春节", true),
            ("2026-10-07", "国庆节", true),
        ];
        for (date, name, off) in table {
            let found = list.days.iter().find(|day| day.day == date).unwrap();
            assert_eq!((found.name.as_str(), found.off), (name, off), "{date}");
        }
    }

    #[test]
    fn what_the_demo_shows_may_be_shown() {
        let file = |bytes: &[u8]| File {
            sha256: "a".repeat(64),
            bytes: bytes.len() as u64,
            media_type: file::type_of(bytes).unwrap().to_owned(),
        };
        let adverts = ADVERTS.map(|(bytes, [zh, en])| advert(file(bytes), Text::new(zh, en)));
        let wish = home(file(LOGO), adverts.to_vec());
        assert!(content::check(&wish).is_ok());
        assert!(wish.playlist.iter().all(|advert| advert.file.media_type == "image/png"));
    }
}
