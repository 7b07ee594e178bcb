//! Whether a content document can be shown at all, before anything of it is.

use chrono::{NaiveDate, NaiveTime};
use kiosk_wire::{
    content::{Advert, FILE_MAX, FILES_MAX, File, HomeContent},
    text::Text,
};

use crate::hex;

/// The longest text, in characters.
pub const TEXT_CHARS_MAX: usize = 2_000;
/// The most tips.
pub const TIPS_MAX: usize = 50;
/// The longest showing, in seconds.
pub const SECONDS_MAX: u32 = 3_600;

const IMAGES: [&str; 3] = ["image/png", "image/jpeg", "image/webp"];
const VIDEOS: [&str; 2] = ["video/mp4", "video/webm"];

/// Says what is wrong with it, for an operator.
pub fn check(content: &HomeContent) -> Result<(), String> {
    if content.version <= 0 {
        return Err("the version is not positive".to_owned());
    }
    let texts = [&content.company, &content.intro, &content.service_hours];
    let more = content.tips.iter().chain(&content.notice).chain(&content.nearest);
    let titles = content.playlist.iter().map(|advert| &advert.title);
    for text in texts.into_iter().chain(more).chain(titles) {
        readable(text)?;
    }
    readable(&Text::new(content.service_phone.clone(), ""))?;
    if content.tips.len() > TIPS_MAX {
        return Err(format!("more than {TIPS_MAX} tips"));
    }
    let files = content.playlist.len() + usize::from(content.logo.is_some());
    if files > FILES_MAX {
        return Err(format!("more than {FILES_MAX} files"));
    }
    if let Some(logo) = &content.logo {
        known(logo)?;
        if !IMAGES.contains(&logo.media_type.as_str()) {
            return Err("the logo is not a picture".to_owned());
        }
    }
    content.playlist.iter().try_for_each(advert)
}

fn readable(text: &Text) -> Result<(), String> {
    for part in [&text.zh, &text.en] {
        if part.chars().count() > TEXT_CHARS_MAX {
            return Err(format!("a text is longer than {TEXT_CHARS_MAX} characters"));
        }
        if part.chars().any(|c| c.is_control() && c != '\n') {
            return Err("a text has control characters".to_owned());
        }
    }
    Ok(())
}

/// Whether a file can be one: its name is a digest and nothing else, its size and kind are known.
pub(super) fn known(file: &File) -> Result<(), String> {
    if !hex::is_sha256(&file.sha256) {
        return Err("a file is not named by its SHA-256".to_owned());
    }
    if file.bytes == 0 || file.bytes > FILE_MAX {
        return Err(format!("a file is empty or larger than {FILE_MAX} bytes"));
    }
    let kind = file.media_type.as_str();
    if !IMAGES.contains(&kind) && !VIDEOS.contains(&kind) {
        return Err("a file is neither a picture nor a film".to_owned());
    }
    Ok(())
}

fn advert(advert: &Advert) -> Result<(), String> {
    known(&advert.file)?;
    if advert.seconds == 0 || advert.seconds > SECONDS_MAX {
        return Err(format!("an advert stands for 0 or more than {SECONDS_MAX} s"));
    }
    let day = |text: &str| text.is_empty() || text.parse::<NaiveDate>().is_ok();
    let time = |text: &str| text.is_empty() || NaiveTime::parse_from_str(text, "%H:%M").is_ok();
    let days = day(&advert.from_day) && day(&advert.until_day);
    let times = time(&advert.from_time) && time(&advert.until_time);
    let weekdays = advert.weekdays.iter().all(|day| (1..=7).contains(day));
    if days && times && weekdays { Ok(()) } else { Err("an advert's days or times".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(media_type: &str) -> File {
        File { sha256: "ab".repeat(32), bytes: 10, media_type: media_type.to_owned() }
    }

    fn one(file: File) -> Advert {
        Advert {
            file,
            title: Text::new("广告", "Advert"),
            seconds: 8,
            from_day: String::new(),
            until_day: String::new(),
            from_time: "22:00".to_owned(),
            until_time: "02:00".to_owned(),
            weekdays: vec![1, 7],
        }
    }

    fn good() -> HomeContent {
        HomeContent {
            version: 1,
            company: Text::new("和园物业", "Heyuan"),
            intro: Text::new("一行\n两行", ""),
            logo: Some(file("image/png")),
            playlist: vec![one(file("video/mp4"))],
            ..HomeContent::default()
        }
    }

    #[test]
    fn a_document_is_refused_for_what_is_wrong_with_it() {
        assert_eq!(check(&good()), Ok(()));
        let with = |change: fn(&mut HomeContent)| {
            let mut content = good();
            change(&mut content);
            check(&content)
        };
        let bad: [fn(&mut HomeContent); 15] = [
            |c| c.version = 0,
            |c| c.intro.zh = "长".repeat(TEXT_CHARS_MAX + 1),
            |c| c.company.en = "a\u{1b}p".to_owned(),
            |c| c.service_phone = "\0".to_owned(),
            |c| c.tips = vec![Text::default(); TIPS_MAX + 1],
            |c| c.logo = Some(file("video/mp4")),
            |c| c.logo = Some(file("image/svg+xml")),
            |c| c.playlist = vec![one(file("image/png")); FILES_MAX],
            |c| c.playlist[0].file.sha256 = "../../etc/passwd".to_owned(),
            |c| c.playlist[0].file.bytes = FILE_MAX + 1,
            |c| c.playlist[0].file.media_type = "text/html".to_owned(),
            |c| c.playlist[0].seconds = 0,
            |c| c.playlist[0].from_day = "2026-02-30".to_owned(),
            |c| c.playlist[0].until_time = "24:10".to_owned(),
            |c| c.playlist[0].weekdays = vec![0],
        ];
        for (n, change) in bad.into_iter().enumerate() {
            assert!(with(change).is_err(), "row {n}");
        }
    }
}
