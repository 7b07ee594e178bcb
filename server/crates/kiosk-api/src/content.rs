//! The home screen: written as a draft, looked at, published, rolled back; and what kiosks fetch.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use domain::{OperatorId, ProjectId};
use kiosk_wire::{
    content::{Advert, FILES_MAX, File as WireFile, Holidays, HomeContent},
    text::Text,
};
use store::{
    StoreError,
    kiosk::{
        content::{self, Content},
        file,
    },
    site,
};

use crate::{
    call::{Answer, Call, Route},
    desk::Desk,
    failure::{Failure, Result},
    settings::{self, is_minute},
};

/// The longest name of a company, in characters.
const COMPANY_MAX: usize = 40;
/// The longest introduction.
const INTRO_MAX: usize = 2_000;
/// The longest tip.
const TIP_MAX: usize = 60;
/// The most tips.
const TIPS_MAX: usize = 20;
/// The longest notice, title or direction.
const NOTICE_MAX: usize = 300;
/// The longest phone number, as it is written.
const PHONE_MAX: usize = 40;
/// The most entries of a playlist.
const PLAYLIST_MAX: usize = 100;
/// For how long one picture may stand, in seconds.
const SECONDS_MAX: u32 = 600;
/// The most days of a list of holidays.
const HOLIDAYS_MAX: usize = 2_000;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/content", |call| Box::pin(fetch(call))),
    Route::get("/holidays", |call| Box::pin(holidays(call))),
    Route::get("/settings", |call| Box::pin(fetch_settings(call))),
];

async fn fetch(call: Call) -> Result<Answer> {
    Answer::ok(&shown_in(&call.desk, call.project()?).await?)
}

async fn fetch_settings(call: Call) -> Result<Answer> {
    Answer::ok(&settings::of(&call.desk, &call.caller()?.kiosk).await?)
}

async fn holidays(call: Call) -> Result<Answer> {
    let known = content::holidays(call.desk.store().read()).await?;
    let list = match known {
        Some(row) => {
            let list: Holidays =
                serde_json::from_str(&row.body).map_err(|error| Failure::internal(&error))?;
            Holidays { version: row.version, ..list }
        }
        None => Holidays::default(),
    };
    Answer::ok(&list)
}

/// What a version says.
pub fn body_of(row: &Content) -> Result<HomeContent> {
    let body: HomeContent =
        serde_json::from_str(&row.body).map_err(|error| Failure::internal(&error))?;
    Ok(HomeContent { version: row.content_version, ..body })
}

/// What the kiosks of a project show; before anything was published, the site's own name.
pub async fn shown_in(desk: &Desk, project: ProjectId) -> Result<HomeContent> {
    let db = desk.store().read();
    if let Some(row) = content::published(db, project).await? {
        return body_of(&row);
    }
    let site = site::project(db, project).await?;
    let (zh, en) = site.map(|site| (site.name, site.name_en)).unwrap_or_default();
    Ok(HomeContent {
        company: Text::new(zh, en),
        service_phone: desk.tenants.settings.service_phone.clone(),
        ..HomeContent::default()
    })
}

/// The SHA-256 of the logo a receipt may bear: the one of the home screen, where it is of a kind
/// kiosks print.
pub async fn logo_of(desk: &Desk, project: ProjectId) -> Result<Option<String>> {
    let Some(row) = content::published(desk.store().read(), project).await? else {
        return Ok(None);
    };
    let prints = |logo: &WireFile| ["image/png", "image/jpeg"].contains(&logo.media_type.as_str());
    Ok(body_of(&row)?.logo.filter(prints).map(|logo| logo.sha256))
}

/// Refuses what may not be shown, by the field's name: no markup, no control characters, nothing
/// longer than its place, no day or minute that is none.
///
/// Invariant: text is text wherever it is shown; proved by
/// `content_that_may_not_be_shown_is_named`.
pub fn check(wish: &HomeContent) -> Result<()> {
    let wrong = |field: &str| Failure::Content(field.to_owned());
    let long = |text: &Text, max: usize, field: &str| {
        let fits = |text: &str| text.chars().count() <= max && is_bare(text);
        if fits(&text.zh) && fits(&text.en) { Ok(()) } else { Err(wrong(field)) }
    };
    if wish.company.zh.trim().is_empty() {
        return Err(wrong("company"));
    }
    long(&wish.company, COMPANY_MAX, "company")?;
    long(&wish.intro, INTRO_MAX, "intro")?;
    long(&wish.service_hours, NOTICE_MAX, "service_hours")?;
    if let Some(notice) = &wish.notice {
        long(notice, NOTICE_MAX, "notice")?;
    }
    if let Some(nearest) = &wish.nearest {
        long(nearest, NOTICE_MAX, "nearest")?;
    }
    if wish.tips.len() > TIPS_MAX {
        return Err(wrong("tips"));
    }
    for tip in &wish.tips {
        long(tip, TIP_MAX, "tips")?;
        if tip.zh.trim().is_empty() || tip.zh.contains('\n') || tip.en.contains('\n') {
            return Err(wrong("tips"));
        }
    }
    let dials = |c: char| c.is_ascii_digit() || " +-()/,".contains(c);
    if wish.service_phone.len() > PHONE_MAX || !wish.service_phone.chars().all(dials) {
        return Err(wrong("service_phone"));
    }
    if wish.logo.as_ref().is_some_and(|logo| !logo.media_type.starts_with("image/")) {
        return Err(wrong("logo"));
    }
    if wish.playlist.len() > PLAYLIST_MAX || files_of(wish).len() > FILES_MAX {
        return Err(wrong("playlist"));
    }
    for advert in &wish.playlist {
        long(&advert.title, NOTICE_MAX, "playlist.title")?;
        check_times(advert).map_err(wrong)?;
    }
    Ok(())
}

/// No control characters but line breaks, and nothing a page could take for markup.
fn is_bare(text: &str) -> bool {
    let opens = |(at, _): (usize, &str)| {
        let next = text[at + 1..].chars().next();
        next.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'))
    };
    !text.chars().any(|c| c.is_control() && c != '\n') && !text.match_indices('<').any(opens)
}

fn check_times(advert: &Advert) -> Result<(), &'static str> {
    let day = |text: &str| match text {
        "" => Ok(None),
        text => text.parse::<NaiveDate>().map(Some).map_err(|_| "playlist.days"),
    };
    let (from, until) = (day(&advert.from_day)?, day(&advert.until_day)?);
    if from.zip(until).is_some_and(|(from, until)| until < from) {
        return Err("playlist.days");
    }
    if !(1..=SECONDS_MAX).contains(&advert.seconds) {
        return Err("playlist.seconds");
    }
    let both = [&advert.from_time, &advert.until_time];
    let whole_day = both.iter().all(|time| time.is_empty());
    if !whole_day && !both.iter().all(|time| is_minute(time)) {
        return Err("playlist.times");
    }
    let days: BTreeSet<u8> = advert.weekdays.iter().copied().collect();
    if days.len() != advert.weekdays.len() || !days.iter().all(|day| (1..=7).contains(day)) {
        return Err("playlist.weekdays");
    }
    Ok(())
}

fn files_of(wish: &HomeContent) -> BTreeSet<&str> {
    let adverts = wish.playlist.iter().map(|advert| &advert.file);
    wish.logo.iter().chain(adverts).map(|file| file.sha256.as_str()).collect()
}

/// Keeps a draft. Every file it names is there, and is what it says.
pub async fn draft(
    desk: &Desk,
    project: ProjectId,
    operator: Option<OperatorId>,
    wish: HomeContent,
) -> Result<Content> {
    check(&wish)?;
    let named = wish.logo.iter().chain(wish.playlist.iter().map(|advert| &advert.file));
    for WireFile { sha256, bytes, media_type } in named {
        let known = file::by_digest(desk.store().read(), project, sha256).await?;
        let fits = known.is_some_and(|row| {
            row.size == i64::try_from(*bytes).unwrap_or(-1) && row.media_type == *media_type
        });
        if !fits {
            return Err(Failure::Content("file".to_owned()));
        }
    }
    let body = HomeContent { version: 0, ..wish };
    let row = Content {
        project_id: project.0,
        content_version: 0,
        state: content::DRAFT.to_owned(),
        body: serde_json::to_string(&body).map_err(|error| Failure::internal(&error))?,
        operator_id: operator.map(|id| id.0),
        created_at: desk.now(),
        published_at: None,
    };
    let kept =
        desk.store().transact(move |tx| Box::pin(async move { content::draft(tx, row).await }));
    Ok(kept.await?)
}

/// Publishes a draft. A version that was published before is published anew under a number of its
/// own, so that a kiosk always goes forward.
pub async fn publish(
    desk: &Desk,
    project: ProjectId,
    operator: Option<OperatorId>,
    version: i64,
) -> Result<Content> {
    let now = desk.now();
    let done = desk.store().transact(move |tx| {
        Box::pin(async move {
            let missing = || Failure::NotFound("content");
            let known = content::by_version(tx, project, version).await?;
            let known = known.ok_or_else(missing)?;
            let drafted = match known.state.as_str() {
                content::DRAFT => known,
                content::PUBLISHED => return Ok(known),
                _ => {
                    let again = Content {
                        operator_id: operator.map(|id| id.0),
                        created_at: now,
                        published_at: None,
                        ..known
                    };
                    content::draft(tx, again).await?
                }
            };
            let version = drafted.content_version;
            if !content::publish(tx, project, version, now).await? {
                return Err(Failure::Store(StoreError::Gone("content")));
            }
            content::by_version(tx, project, version).await?.ok_or_else(missing)
        })
    });
    let published = done.await?;
    desk.board.ring_all();
    Ok(published)
}

/// Keeps another list of days off and worked; answers its version.
pub async fn import_holidays(desk: &Desk, wish: Holidays) -> Result<i64> {
    let years: BTreeSet<i32> = wish.years.iter().copied().collect();
    if wish.days.len() > HOLIDAYS_MAX || years.is_empty() || years.len() != wish.years.len() {
        return Err(Failure::Malformed("years"));
    }
    let mut seen = BTreeSet::new();
    for holiday in &wish.days {
        let day: NaiveDate = holiday.day.parse().map_err(|_| Failure::Malformed("day"))?;
        let known = years.contains(&chrono::Datelike::year(&day));
        if !known || !seen.insert(day) {
            return Err(Failure::Malformed("day"));
        }
        let named = holiday.name.chars().count() <= COMPANY_MAX && is_bare(&holiday.name);
        if !named || holiday.name.is_empty() {
            return Err(Failure::Malformed("name"));
        }
    }
    let body = Holidays { version: 0, ..wish };
    let body = serde_json::to_string(&body).map_err(|error| Failure::internal(&error))?;
    let now = desk.now();
    let kept = desk
        .store()
        .transact(move |tx| Box::pin(async move { content::import_holidays(tx, body, now).await }));
    let version = kept.await?;
    desk.board.ring_all();
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advert() -> Advert {
        Advert {
            file: WireFile { sha256: "a".repeat(64), bytes: 5, media_type: "image/png".to_owned() },
            title: Text::new("公告", "Notice"),
            seconds: 10,
            from_day: String::new(),
            until_day: "2026-12-31".to_owned(),
            from_time: "22:00".to_owned(),
            until_time: "06:00".to_owned(),
            weekdays: vec![1, 7],
        }
    }

    fn usual() -> HomeContent {
        HomeContent {
            company: Text::new("和园物业", "Heyuan"),
            intro: Text::new("服务\n24 小时", ""),
            tips: vec![Text::new("用电量 <5 度不收费", "")],
            service_phone: "0571-0000 1204".to_owned(),
            playlist: vec![advert()],
            ..HomeContent::default()
        }
    }

    #[test]
    fn content_that_may_not_be_shown_is_named() {
        assert!(check(&usual()).is_ok());
        let text = |zh: &str| Text::new(zh, "");
        let with = |change: fn(&mut Advert)| {
            let mut wish = usual();
            change(&mut wish.playlist[0]);
            wish
        };
        let table = [
            (HomeContent { company: text(" "), ..usual() }, "company"),
            (HomeContent { company: text(&"和".repeat(41)), ..usual() }, "company"),
            (HomeContent { intro: text("<b>好</b>"), ..usual() }, "intro"),
            (HomeContent { intro: text("<!-- x"), ..usual() }, "intro"),
            (HomeContent { notice: Some(text("a\u{7}b")), ..usual() }, "notice"),
            (HomeContent { tips: vec![text("a\nb")], ..usual() }, "tips"),
            (HomeContent { tips: vec![text("a"); 21], ..usual() }, "tips"),
            (HomeContent { service_phone: "call me".to_owned(), ..usual() }, "service_phone"),
            (with(|a| a.seconds = 0), "playlist.seconds"),
            (with(|a| a.from_day = "2027-01-01".to_owned()), "playlist.days"),
            (with(|a| a.until_day = "31.12.".to_owned()), "playlist.days"),
            (with(|a| a.until_time = String::new()), "playlist.times"),
            (with(|a| a.weekdays = vec![0]), "playlist.weekdays"),
            (with(|a| a.weekdays = vec![2, 2]), "playlist.weekdays"),
            (with(|a| a.title = Text::new("<script>", "")), "playlist.title"),
        ];
        for (wish, field) in table {
            match check(&wish) {
                Err(Failure::Content(named)) => assert_eq!(named, field),
                other => panic!("{field}: {other:?}"),
            }
        }
    }
}
