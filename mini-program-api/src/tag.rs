//! The QR on a meter, and meters as a person names them: by tag or by the number on its face.

use domain::{AccountId, MeterId, ProjectId};
use serde::Serialize;
use store::{meter, meter_tag, site};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    answer::Answer,
    call::Call,
    desk::Desk,
    failure::{Failure, Result},
    route::{Need, Route},
};

/// The routes.
pub const ROUTES: &[Route] = &[Route::get("/tags/{tag}", "tag.show", |call| Box::pin(show(call)))
    .needs(Need::Nothing)
    .says("扫码看表", "What a meter's QR stands for; nothing about who lives there")
    .answers::<TagView>(200)];

/// The longest meter number or tag a person may type, in bytes.
pub const TYPED_MAX: usize = 40;

/// What a meter's QR stands for.
#[derive(Debug, Serialize, ToSchema)]
pub struct TagView {
    /// The tag, as printed.
    #[schema(example = "7QK2MZ9XW4RT")]
    pub tag: String,
    /// `electricity`, `water` or `gas`.
    #[schema(example = "electricity")]
    pub purpose: String,
    /// The project's name.
    #[schema(example = "和园公寓")]
    pub project_name: String,
}

/// A meter with its home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeterOf {
    /// The project.
    pub project: ProjectId,
    /// The meter.
    pub meter: MeterId,
    /// The account it is billed to.
    pub account: AccountId,
}

async fn show(call: Call) -> Result<Answer> {
    let missing = || Failure::NotFound("tag");
    let db = call.desk.house.store().read();
    let tag = meter_tag::by_tag(db, call.text("tag")?).await?.ok_or_else(missing)?;
    let meter = meter::by_id(db, tag.project(), tag.meter()).await?.ok_or_else(missing)?;
    let project = site::project(db, tag.project()).await?.ok_or_else(missing)?;
    Answer::ok(&TagView { tag: tag.tag, purpose: meter.purpose, project_name: project.name })
}

/// A tag or meter number as it was typed, without spaces, or nothing if it can be neither.
pub fn typed(text: &str) -> Option<String> {
    let kept: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let is_one =
        (1..=TYPED_MAX).contains(&kept.len()) && kept.bytes().all(|byte| byte.is_ascii_graphic());
    is_one.then_some(kept)
}

/// What budgets know a tag or number by, however it was typed.
pub fn known_by(typed: &str) -> String {
    meter_tag::tidied(typed)
}

/// The meter a person names, if it is one with an account. A number that several projects use
/// names none: its tag does.
///
/// The questions asked are the same whatever is found, so that time tells nothing (S19).
pub async fn meter_of(desk: &Desk, typed: &str) -> Result<Option<MeterOf>> {
    let db = desk.house.store().read();
    let tag = meter_tag::by_tag(db, typed).await?;
    let mut numbered = Vec::new();
    for project in site::projects(db).await? {
        numbered.extend(meter::by_no(db, ProjectId(project.id), typed).await?);
    }
    let (project, id) = match (&tag, numbered.as_slice()) {
        (Some(tag), _) => (tag.project(), tag.meter()),
        (None, [only]) => (only.project(), only.meter_id()),
        (None, _) => (ProjectId(0), MeterId(Uuid::nil())),
    };
    let found = meter::by_id(db, project, id).await?;
    let place = found.and_then(|meter| Some((meter.meter_id(), meter.account()?)));
    Ok(place.map(|(meter, account)| MeterOf { project, meter, account }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_with_spaces_and_dashes_and_nothing_else() {
        let table = [
            ("7qk2-mz9x-w4rt", Some("7qk2-mz9x-w4rt")),
            (" 0000 3022 0101 ", Some("000030220101")),
            ("", None),
            ("  ", None),
            ("表号", None),
            ("1\u{0}2", None),
        ];
        for (text, want) in table {
            assert_eq!(typed(text).as_deref(), want, "{text:?}");
        }
        assert_eq!(typed(&"1".repeat(TYPED_MAX + 1)), None);
        assert_eq!(known_by("7qk2-mz9x-w4rt"), known_by("7QK2 MZ9X W4RT"));
    }
}
