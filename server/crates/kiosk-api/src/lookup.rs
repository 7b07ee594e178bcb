//! Finding a meter: by its number, by its room, by a phone number, by a card.
//!
//! What is not there and what is another site's answer alike; what is guessed is counted, for each
//! kiosk and for each thing that is guessed at.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::TimeDelta;
use domain::{MeterId, ProjectId, RoomId};
use kiosk_wire::{
    account::{
        MATCHES_MAX, Match, Matches, MeterLookup, PhoneAsked, PhoneLookup, PhoneProof, ROOMS_MAX,
        RoomLookup, RoomNode, Rooms,
    },
    card_format::hex,
};
use mini_program_api::{me::masked_phone, phone::mobile, sms_code};
use serde::Deserialize;
use store::{
    account::{self, Account},
    kiosk::premises,
    meter::{self, Meter},
    rate::Budget,
    site,
};
use uuid::Uuid;

use crate::{
    call::{Answer, Call, Route},
    desk::Desk,
    failure::{Failure, Result},
    greeting::Caller,
    handle::{self, Named},
};

/// Look-ups of one kiosk in ten minutes.
pub const KIOSK_MAX: i64 = 120;
/// Look-ups of one meter number or room, over all kiosks of a site, in an hour.
pub const SUBJECT_MAX: i64 = 30;
/// Steps of the cascade at one kiosk in ten minutes.
const STEPS_MAX: i64 = 600;
/// The digits of a meter's number on its face, where the kiosk's customer leaves out the zeroes.
const FACE_DIGITS: [usize; 2] = [12, 14];

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/lookups/meter", |call| Box::pin(by_meter(call))),
    Route::get("/rooms", |call| Box::pin(rooms(call))),
    Route::post("/lookups/room", |call| Box::pin(by_room(call))),
    Route::post("/lookups/phone", |call| Box::pin(by_phone(call))),
    Route::post("/lookups/phone/code", |call| Box::pin(by_code(call))),
];

/// Counts a look-up: at the kiosk, and of what is looked for.
pub async fn count(desk: &Desk, caller: &Caller, subject: &[&str]) -> Result<()> {
    let project = caller.kiosk.project_id.to_string();
    let named = [&[project.as_str()], subject].concat();
    let subject = desk.tenants.keyed.hash("kiosk-lookup", &named);
    desk.spend(&[
        desk.budget("lookup", caller.kiosk.id, 10, KIOSK_MAX),
        Budget::new(format!("kiosk:found:{subject}"), TimeDelta::hours(1), SUBJECT_MAX),
    ])
    .await
}

async fn by_meter(call: Call) -> Result<Answer> {
    let wish: MeterLookup = call.body()?;
    let number = wish.number;
    if !(6..=14).contains(&number.len()) || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::Malformed("number"));
    }
    let (desk, caller) = (&call.desk, call.caller()?);
    count(desk, caller, &["meter", number.trim_start_matches('0')]).await?;
    let (db, project) = (desk.store().read(), caller.project());
    let mut found = meter::by_no(db, project, &number).await?;
    for digits in FACE_DIGITS {
        if found.is_none() && number.len() < digits {
            found = meter::by_no(db, project, &format!("{number:0>digits$}")).await?;
        }
    }
    let mut matches = Vec::new();
    if let Some(meter) = found {
        matches.extend(matched(desk, caller, &meter, true).await?);
    }
    Answer::ok(&Matches { matches })
}

/// A meter as it is shown; `None` for one nobody can pay for here.
pub async fn matched(
    desk: &Desk,
    caller: &Caller,
    meter: &Meter,
    typed: bool,
) -> Result<Option<Match>> {
    let (db, project) = (desk.store().read(), caller.project());
    let holder = match meter.account() {
        Some(id) => account::by_id(db, project, id).await?.filter(Account::is_open),
        None => None,
    };
    let Some(holder) = holder.filter(|_| meter.state != "removed") else { return Ok(None) };
    let site = site::project(db, project).await?.map(|site| site.name).unwrap_or_default();
    let room = account::room(db, project, RoomId(holder.room_id)).await?;
    let place = match room {
        Some(room) => format!("{site} {} {}", room.building, room.number),
        None => site,
    };
    Ok(Some(Match {
        handle: handle::seal(desk, caller, Named { meter: meter.meter_id(), typed })?,
        place,
        purpose: meter.purpose.clone(),
        meter_tail: tail(&meter.meter_no),
        meter_number: typed.then(|| meter.meter_no.clone()),
        holder: Some(masked_name(&holder.name)),
    }))
}

/// The last four characters of a number.
pub fn tail(number: &str) -> String {
    mini_program_api::order::view::tail(number)
}

/// `张*三`: the first character and, from three on, the last.
pub fn masked_name(name: &str) -> String {
    let shown: Vec<char> = name.chars().filter(|c| !c.is_control()).collect();
    match shown.as_slice() {
        [] => "*".to_owned(),
        [first] | [first, _] => format!("{first}*"),
        [first, .., last] => format!("{first}*{last}"),
    }
}

#[derive(Deserialize)]
struct Under {
    #[serde(default)]
    under: Option<String>,
}

/// Where a step of the cascade leads.
enum Step {
    Building(String),
    Floor(String, i32),
}

/// A name for a building that says nothing about the others.
fn node_of(building: &str) -> String {
    hex(&digest(&SHA256, building.as_bytes()).as_ref()[..8])
}

async fn step_of(desk: &Desk, project: ProjectId, id: &str) -> Result<Step> {
    let missing = || Failure::NotFound("room");
    let (node, floor) = match id.split_once('.') {
        Some((node, floor)) => (node, Some(floor.parse::<i32>().map_err(|_| missing())?)),
        None => (id, None),
    };
    let buildings = premises::buildings(desk.store().read(), project).await?;
    let building = buildings.into_iter().find(|name| node_of(name) == node);
    let building = building.ok_or_else(missing)?;
    Ok(match floor {
        Some(floor) => Step::Floor(building, floor),
        None => Step::Building(building),
    })
}

async fn rooms(call: Call) -> Result<Answer> {
    let Under { under } = call.query()?;
    let (desk, caller) = (&call.desk, call.caller()?);
    desk.spend(&[desk.budget("rooms", caller.kiosk.id, 10, STEPS_MAX)]).await?;
    let (db, project) = (desk.store().read(), caller.project());
    let step = match under.as_deref().filter(|id| !id.is_empty()) {
        Some(id) => Some(step_of(desk, project, id).await?),
        None => None,
    };
    let mut nodes: Vec<RoomNode> = match step {
        None => {
            let found = premises::buildings(db, project).await?.into_iter();
            found.map(|name| RoomNode { id: node_of(&name), label: name, room: false }).collect()
        }
        Some(Step::Building(building)) => {
            let floors = premises::floors(db, project, &building).await?.into_iter();
            let node = node_of(&building);
            let named = |floor: i32| RoomNode {
                id: format!("{node}.{floor}"),
                label: format!("{floor} 层"),
                room: false,
            };
            floors.map(named).collect()
        }
        Some(Step::Floor(building, floor)) => {
            let rooms = premises::rooms(db, project, (&building, floor)).await?.into_iter();
            let named = |room: account::Room| RoomNode {
                id: room.id.to_string(),
                label: room.number,
                room: true,
            };
            rooms.map(named).collect()
        }
    };
    nodes.truncate(ROOMS_MAX);
    Answer::ok(&Rooms { nodes })
}

/// Invariant: a room tells nothing to who cannot say the last digits of one of its meters, and
/// digits are guessed a bounded number of times (V2); proved by
/// `a_room_is_opened_by_the_last_digits_of_its_meter_and_guesses_are_counted`.
async fn by_room(call: Call) -> Result<Answer> {
    let wish: RoomLookup = call.body()?;
    if wish.last_four.len() != 4 || !wish.last_four.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::Malformed("last_four"));
    }
    let (desk, caller) = (&call.desk, call.caller()?);
    count(desk, caller, &["room", &wish.room]).await?;
    let (db, project) = (desk.store().read(), caller.project());
    let mut meters = Vec::new();
    if let Ok(room) = wish.room.parse::<Uuid>() {
        meters = meter::of_room(db, project, RoomId(room)).await?;
    }
    if !meters.iter().any(|meter| tail(&meter.meter_no) == wish.last_four) {
        meters.clear();
    }
    let mut matches = Vec::new();
    for meter in meters.iter().take(MATCHES_MAX) {
        matches.extend(matched(desk, caller, meter, false).await?);
    }
    Answer::ok(&Matches { matches })
}

async fn by_phone(call: Call) -> Result<Answer> {
    let wish: PhoneLookup = call.body()?;
    let phone = mobile(&wish.phone).ok_or(Failure::Malformed("phone"))?;
    let (desk, caller) = (&call.desk, call.caller()?);
    let known = premises::accounts_of_phone(desk.store().read(), caller.project(), &phone).await?;
    let about = sms_code::kiosk::Wish {
        kiosk: caller.kiosk.id,
        project: caller.project(),
        phone: phone.clone(),
        is_known: !known.is_empty(),
    };
    let challenge = sms_code::kiosk::send(&desk.tenants, about).await?;
    let millis = |time: TimeDelta| u64::try_from(time.num_milliseconds()).unwrap_or(0);
    Answer::ok(&PhoneAsked {
        challenge: challenge.0,
        masked: masked_phone(&phone),
        expires_in_ms: millis(sms_code::CODE_LIFE),
        again_in_ms: millis(sms_code::spend::PHONE_EVERY),
    })
}

async fn by_code(call: Call) -> Result<Answer> {
    let proof: PhoneProof = call.body()?;
    if proof.code.len() != 6 || !proof.code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::Malformed("code"));
    }
    let (desk, caller) = (&call.desk, call.caller()?);
    desk.spend(&[desk.budget("lookup", caller.kiosk.id, 10, KIOSK_MAX)]).await?;
    let (kiosk, project) = (caller.kiosk.id, caller.project());
    let phone = sms_code::kiosk::said(&desk.tenants, kiosk, proof.challenge, &proof.code).await?;
    let db = desk.store().read();
    let mut matches = Vec::new();
    for holder in premises::accounts_of_phone(db, project, &phone).await? {
        for meter in meter::of_account(db, project, holder.account_id()).await? {
            if matches.len() < MATCHES_MAX {
                matches.extend(matched(desk, caller, &meter, false).await?);
            }
        }
    }
    Answer::ok(&Matches { matches })
}

/// The meter a handle names, with its account.
pub async fn meter_of(desk: &Desk, caller: &Caller, named: MeterId) -> Result<(Account, Meter)> {
    let missing = || Failure::NotFound("meter");
    let (db, project) = (desk.store().read(), caller.project());
    let meter = meter::by_id(db, project, named).await?.ok_or_else(missing)?;
    let holder = account::by_id(db, project, meter.account().ok_or_else(missing)?).await?;
    let holder = holder.filter(Account::is_open).ok_or_else(missing)?;
    Ok((holder, meter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_again_by_who_knows_it_and_told_to_nobody() {
        let table = [
            ("张三", "张*"),
            ("张小三", "张*三"),
            ("欧阳娜娜", "欧*娜"),
            ("王", "王*"),
            ("", "*"),
            ("a\u{1b}b", "a*"),
        ];
        for (name, want) in table {
            assert_eq!(masked_name(name), want);
        }
    }
}
