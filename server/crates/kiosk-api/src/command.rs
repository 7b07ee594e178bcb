//! What operators ask of kiosks: checked, signed, expiring, told until it is reported.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{OperatorId, OrderId, ProjectId};
use kiosk_wire::command::{Command as Wire, Verb};
use serde_json::{Map, Value, json};
use store::{
    kiosk::{
        Kiosk,
        command::{self, Command, OPEN_MAX},
        event::{self, Upload},
    },
    order as orders,
};
use uuid::Uuid;

use crate::{
    desk::Desk,
    failure::{Failure, Result},
};

/// How long a state holds that has no end of its own.
const HOLDS: TimeDelta = TimeDelta::days(3_650);
/// How long after its command's end something may still be sent to a one-time address.
const UPLOAD_GRACE: TimeDelta = TimeDelta::minutes(5);
/// The longest words a kiosk shows while it is locked, in characters.
const WORDS_MAX: usize = 80;
/// The longest roll, in millimetres.
const ROLL_MM_MAX: i64 = 400_000;
/// The longest value of an argument, in characters.
const VALUE_MAX: usize = 256;
/// Pictures of one screen in five seconds.
const PICTURE_EVERY: TimeDelta = TimeDelta::seconds(5);

/// A command as an operator wishes it.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What to do, by its stable name.
    pub verb: String,
    /// What it needs to know.
    pub args: Map<String, Value>,
    /// Who asks.
    pub operator: OperatorId,
    /// The second person, whose word `force` needs.
    pub second: Option<OperatorId>,
}

/// Keeps a command for a kiosk and rings it.
///
/// Invariant: nothing is forced by one person alone, and a power command is good for the start of
/// the process it was asked of and for no other; proved by
/// `power_is_bound_to_a_start_and_force_to_a_second_person`.
pub async fn order(desk: &Desk, kiosk: &Kiosk, wish: Wish) -> Result<Command> {
    if !kiosk.is_active() {
        return Err(Failure::Command("not_active"));
    }
    let verb = Verb::from_name(&wish.verb).ok_or(Failure::Malformed("verb"))?;
    let args = checked(desk, kiosk.project(), verb, wish.args).await?;
    let forced = args.get("force").and_then(Value::as_bool) == Some(true);
    if forced && wish.second.is_none_or(|second| second == wish.operator) {
        return Err(Failure::Command("second_person"));
    }
    let boot_id = match verb.is_power() {
        true => Some(kiosk.boot_id.ok_or(Failure::Command("never_seen"))?),
        false => None,
    };
    let db = desk.store().read();
    let open = command::open(db, kiosk.project(), kiosk.id).await?;
    if open.len() as u64 >= OPEN_MAX {
        return Err(Failure::Command("too_many"));
    }
    if verb == Verb::Screenshot {
        let key = format!("kiosk:picture:{}", kiosk.id);
        desk.spend(&[store::rate::Budget::new(key, PICTURE_EVERY, 1)]).await?;
    }
    let now = desk.now();
    // The signature is over microseconds, and so is what the databases keep.
    let life = verb.life_s().map_or(HOLDS, TimeDelta::seconds);
    let row = Command {
        project_id: kiosk.project_id,
        id: desk.fresh_id(),
        kiosk_id: kiosk.id,
        verb: verb.as_str().to_owned(),
        args: Value::Object(args).to_string(),
        issued_at: now,
        expires_at: now + life,
        boot_id,
        signature: String::new(),
        state: "queued".to_owned(),
        detail: "{}".to_owned(),
        operator_id: Some(wish.operator.0),
        second_id: wish.second.map(|second| second.0),
        updated_at: now,
    };
    let row = Command { signature: wire(desk, &row)?.signature, ..row };
    let upload = upload_of(desk, &row, verb);
    let kept = row.clone();
    desk.store()
        .transact(move |tx| {
            Box::pin(async move {
                if let Some(upload) = upload {
                    event::insert_upload(tx, upload).await?;
                }
                command::insert(tx, kept).await
            })
        })
        .await?;
    desk.board.ring(kiosk.id);
    Ok(row)
}

/// The kind of thing a verb has sent.
fn sends(verb: Verb) -> Option<&'static str> {
    match verb {
        Verb::Screenshot => Some("screenshot"),
        Verb::UploadLogs => Some("log"),
        _ => None,
    }
}

/// The one-time address of a command: it follows from the command, so that nothing of it is kept
/// but a hash.
fn token_of(desk: &Desk, id: Uuid) -> String {
    desk.tenants.keyed.hash("kiosk-upload", &[&id.to_string()])
}

fn upload_of(desk: &Desk, row: &Command, verb: Verb) -> Option<Upload> {
    Some(Upload {
        hash: mini_program_api::keyed::sha256(&token_of(desk, row.id)),
        project_id: row.project_id,
        kiosk_id: row.kiosk_id,
        command_id: row.id,
        kind: sends(verb)?.to_owned(),
        expires_at: row.expires_at + UPLOAD_GRACE,
        used_at: None,
    })
}

/// A command as it travels, signed for its kiosk.
pub fn wire(desk: &Desk, row: &Command) -> Result<Wire> {
    let mut args = row.args.clone();
    if Verb::from_name(&row.verb).and_then(sends).is_some() {
        let mut object: Map<String, Value> =
            serde_json::from_str(&args).map_err(|error| Failure::internal(&error))?;
        object.insert("upload".to_owned(), Value::String(token_of(desk, row.id)));
        args = Value::Object(object).to_string();
    }
    let mut wire = Wire {
        id: row.id,
        verb: row.verb.clone(),
        args,
        issued_at: row.issued_at,
        expires_at: row.expires_at,
        boot_id: row.boot_id,
        signature: String::new(),
    };
    wire.signature = desk.keys.sign(&wire.to_sign(row.kiosk_id));
    Ok(wire)
}

/// Takes the arguments a verb knows and refuses every other by its name.
async fn checked(
    desk: &Desk,
    project: ProjectId,
    verb: Verb,
    mut args: Map<String, Value>,
) -> Result<Map<String, Value>> {
    let mut kept = Map::new();
    let flag = |args: &mut Map<String, Value>, name: &'static str| match args.remove(name) {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(Value::Bool(flag))),
        Some(_) => Err(Failure::Malformed(name)),
    };
    match verb {
        Verb::Screenshot => {
            kept.extend(flag(&mut args, "full")?.map(|full| ("full".to_owned(), full)));
        }
        Verb::RestartApp | Verb::Reboot | Verb::Shutdown => {
            kept.extend(flag(&mut args, "force")?.map(|force| ("force".to_owned(), force)));
        }
        Verb::Lock => {
            for name in ["zh", "en"] {
                let words = text(&mut args, name, WORDS_MAX)?.unwrap_or_default();
                kept.insert(name.to_owned(), Value::String(words));
            }
        }
        Verb::Reprint => {
            let order = text(&mut args, "order", VALUE_MAX)?;
            let order = order.and_then(|id| id.parse::<OrderId>().ok());
            let order = order.ok_or(Failure::Malformed("order"))?;
            let known = orders::by_id(desk.store().read(), project, order).await?;
            let known = known.ok_or(Failure::NotFound("order"))?;
            kept.insert("order".to_owned(), json!(known.id));
        }
        Verb::SetPaperChanged => {
            let mm = args.remove("mm").and_then(|mm| mm.as_i64());
            let mm = mm.filter(|mm| (1..=ROLL_MM_MAX).contains(mm));
            kept.insert("mm".to_owned(), json!(mm.ok_or(Failure::Malformed("mm"))?));
        }
        Verb::Update => {
            for name in ["version", "digest", "signature"] {
                let value = text(&mut args, name, VALUE_MAX)?.filter(|value| !value.is_empty());
                let value = value.ok_or(Failure::Malformed("args"))?;
                kept.insert(name.to_owned(), Value::String(value));
            }
        }
        _ => {}
    }
    if args.is_empty() { Ok(kept) } else { Err(Failure::Malformed("args")) }
}

fn text(args: &mut Map<String, Value>, name: &'static str, max: usize) -> Result<Option<String>> {
    match args.remove(name) {
        None => Ok(None),
        Some(Value::String(text))
            if text.chars().count() <= max && !text.chars().any(char::is_control) =>
        {
            Ok(Some(text))
        }
        Some(_) => Err(Failure::Malformed(name)),
    }
}

/// Where a command stands by now: one that nobody took in its time has expired.
pub fn state_at(row: &Command, now: DateTime<Utc>) -> &str {
    match row.state.as_str() {
        "queued" | "sent" if row.expires_at <= now => "expired",
        state => state,
    }
}
