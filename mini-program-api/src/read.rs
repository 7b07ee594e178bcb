//! Live reads: a meter is asked now, whoever waits sees how far that has come, and an end without
//! an answer is told as that.
//!
//! The board is this process's own. Where several share a database, a meter whose gateway another
//! one holds answers as offline here; its figures keep their age.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{MeterId, PersonId, ProjectId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use vending::{Refusal, VendingError};

use crate::{
    answer::Answer,
    call::Call,
    desk::Desk,
    failure::{Failure, Result},
    meter::{self, MeterView},
    route::{Need, Route},
};

/// Reads remembered at once in this process.
pub const READS_MAX: usize = 20_000;
/// Reads of one person remembered at once.
pub const READS_PER_PERSON_MAX: usize = 12;
/// How long a read is remembered.
const KEPT: Duration = Duration::from_secs(120);
/// Whoever asks again within this time is shown the read that ended: a bus is slow, and others
/// wait behind it.
const FRESH: Duration = Duration::from_secs(10);
/// A read nobody ended by then has ended without an answer.
const LASTS_MAX: Duration = Duration::from_secs(45);

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/homes/{home}/meters/{meter}/reads", "read.start", |call| Box::pin(start(call)))
        .needs(Need::Home)
        .says("实时读表", "Read the meter now; the answer says how far that has come")
        .answers::<ReadView>(202),
    Route::get("/homes/{home}/meters/{meter}/reads/{read}", "read.show", |call| {
        Box::pin(show(call))
    })
    .needs(Need::Home)
    .says("读表进度", "How far a live read has come")
    .answers::<ReadView>(200),
];

/// A live read.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReadView {
    /// The read.
    pub id: Uuid,
    /// `waiting`, `reading`, `done` or `failed`.
    #[schema(example = "reading")]
    pub state: String,
    /// When it was asked for.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it failed: `meter.offline`, `meter.silent`, `meter.not_supported` or `internal`.
    pub why: Option<String>,
    /// The meter with its fresh figures, once it was read.
    pub meter: Option<MeterView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Reading,
    Done,
    Failed(&'static str),
}

/// One read of one meter, shared by all who asked for it.
#[derive(Clone, Copy, Debug)]
struct Run {
    state: State,
    started_at: DateTime<Utc>,
    started: Duration,
    ended: Option<(DateTime<Utc>, Duration)>,
}

/// Somebody's look at a run.
#[derive(Clone, Copy, Debug)]
struct Ask {
    person: PersonId,
    meter: Uuid,
    run: u64,
    asked: Duration,
}

#[derive(Default)]
struct Reads {
    next: u64,
    runs: HashMap<u64, Run>,
    by_meter: HashMap<Uuid, u64>,
    asks: HashMap<Uuid, Ask>,
}

/// The live reads of this process.
#[derive(Clone, Default)]
pub struct Board(Arc<Mutex<Reads>>);

impl Board {
    /// Asks for a read; the second value names the run that has to be started, if it is a new one.
    ///
    /// Invariant: one meter is read once at a time, however many ask; proved by
    /// `everybody_who_asks_shares_one_read_of_a_meter`.
    fn ask(
        &self,
        id: Uuid,
        person: PersonId,
        meter: Uuid,
        now: (DateTime<Utc>, Duration),
    ) -> Result<Option<u64>> {
        let mut reads = self.lock();
        reads.forget(now.1);
        let mine = reads.asks.values().filter(|ask| ask.person == person).count();
        if reads.asks.len() >= READS_MAX || mine >= READS_PER_PERSON_MAX {
            return Err(Failure::TooMany { retry_after_s: KEPT.as_secs() });
        }
        let known = reads.by_meter.get(&meter).copied();
        let shared = known.filter(|run| reads.runs.get(run).is_some_and(|r| r.is_fresh(now.1)));
        let run = shared.unwrap_or(reads.next);
        if shared.is_none() {
            reads.next += 1;
            let (started_at, started) = now;
            let fresh = Run { state: State::Waiting, started_at, started, ended: None };
            reads.runs.insert(run, fresh);
            reads.by_meter.insert(meter, run);
        }
        reads.asks.insert(id, Ask { person, meter, run, asked: now.1 });
        Ok(shared.is_none().then_some(run))
    }

    fn tell(&self, run: u64, state: State, now: (DateTime<Utc>, Duration)) {
        if let Some(run) = self.lock().runs.get_mut(&run) {
            run.state = state;
            run.ended = matches!(state, State::Done | State::Failed(_)).then_some(now);
        }
    }

    /// A person's read; one of somebody else is not there.
    fn look(&self, id: Uuid, person: PersonId, meter: Uuid, now: Duration) -> Option<Run> {
        let reads = self.lock();
        let ask = reads.asks.get(&id)?;
        let own = ask.person == person && ask.meter == meter;
        let mut run = reads.runs.get(&ask.run).copied().filter(|_| own)?;
        if run.ended.is_none() && now.saturating_sub(run.started) > LASTS_MAX {
            run.state = State::Failed("meter.silent");
        }
        Some(run)
    }

    /// Forgets somebody's look, because they know how it ended.
    fn leave(&self, id: Uuid) {
        self.lock().asks.remove(&id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Reads> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run {
    /// True while it is under way or has ended a moment ago.
    fn is_fresh(&self, now: Duration) -> bool {
        match self.ended {
            Some((_, at)) => now.saturating_sub(at) < FRESH,
            None => now.saturating_sub(self.started) <= LASTS_MAX,
        }
    }
}

impl Reads {
    fn forget(&mut self, now: Duration) {
        self.asks.retain(|_, ask| now.saturating_sub(ask.asked) < KEPT);
        let Reads { runs, by_meter, asks, .. } = self;
        runs.retain(|id, run| run.is_fresh(now) || asks.values().any(|ask| ask.run == *id));
        by_meter.retain(|_, run| runs.contains_key(run));
    }
}

fn moment(desk: &Desk) -> (DateTime<Utc>, Duration) {
    (desk.clock.now(), desk.clock.monotonic())
}

async fn start(call: Call) -> Result<Answer> {
    let (home, id) = (call.home()?, call.id::<MeterId>("meter")?);
    let person = call.caller()?.person;
    let mut bytes = [0u8; 16];
    call.desk.rng.fill(&mut bytes);
    let ask = uuid::Builder::from_random_bytes(bytes).into_uuid();
    let now = moment(&call.desk);
    if let Some(run) = call.desk.reads.ask(ask, person, id.0, now)? {
        let desk = Arc::clone(&call.desk);
        tokio::spawn(read(desk, home.project, id, run));
    }
    Answer::accepted(&view(&call, ask).await?)
}

/// Asks the meter, and tells the board how it ended.
async fn read(desk: Arc<Desk>, project: ProjectId, meter: MeterId, run: u64) {
    desk.reads.tell(run, State::Reading, moment(&desk));
    let end = match desk.house.read_live(project, meter).await {
        Ok(_) => State::Done,
        Err(VendingError::Refused(Refusal::GatewayOffline)) => State::Failed("meter.offline"),
        Err(VendingError::Refused(Refusal::MeterSilent)) => State::Failed("meter.silent"),
        Err(VendingError::Refused(Refusal::NotSupported)) => State::Failed("meter.not_supported"),
        Err(error) => {
            tracing::warn!(%meter, %error, "a live read could not be kept");
            State::Failed("internal")
        }
    };
    desk.reads.tell(run, end, moment(&desk));
}

/// How a read ended that was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The meter answered, and what it said is kept.
    Fresh,
    /// It did not answer in time.
    Silent,
    /// Its gateway is gone.
    Offline,
}

/// How long a read is waited for.
pub const WAIT_MAX: Duration = Duration::from_secs(25);
/// How often whoever waits looks.
const LOOK: Duration = Duration::from_millis(100);

/// Reads a meter and waits for the end, sharing the read with everybody who asks for the same one;
/// `asker` is a kiosk. A read that goes on after [`WAIT_MAX`] is kept when it ends.
///
/// # Errors
/// [`Failure::TooMany`] if the asker waits for as many as they may.
pub async fn shared(
    desk: &Arc<Desk>,
    asker: Uuid,
    (project, meter): (ProjectId, MeterId),
) -> Result<Ended> {
    let mut bytes = [0u8; 16];
    desk.rng.fill(&mut bytes);
    let (ask, asker) = (uuid::Builder::from_random_bytes(bytes).into_uuid(), PersonId(asker));
    let (began, now) = (desk.clock.monotonic(), moment(desk));
    if let Some(run) = desk.reads.ask(ask, asker, meter.0, now)? {
        tokio::spawn(read(Arc::clone(desk), project, meter, run));
    }
    let ended = loop {
        let now = desk.clock.monotonic();
        match desk.reads.look(ask, asker, meter.0, now).map(|run| run.state) {
            Some(State::Done) => break Ended::Fresh,
            Some(State::Failed("meter.offline")) => break Ended::Offline,
            Some(State::Failed(_)) | None => break Ended::Silent,
            Some(State::Waiting | State::Reading) => {}
        }
        if now.saturating_sub(began) > WAIT_MAX {
            break Ended::Silent;
        }
        tokio::time::sleep(LOOK).await;
    };
    desk.reads.leave(ask);
    Ok(ended)
}

async fn show(call: Call) -> Result<Answer> {
    let id = call.id::<Uuid>("read")?;
    Answer::ok(&view(&call, id).await?)
}

async fn view(call: &Call, id: Uuid) -> Result<ReadView> {
    let (home, meter) = (call.home()?, call.id::<MeterId>("meter")?);
    let (person, now) = (call.caller()?.person, call.desk.clock.monotonic());
    let run = call.desk.reads.look(id, person, meter.0, now).ok_or(Failure::NotFound("read"))?;
    let (state, why) = match run.state {
        State::Waiting => ("waiting", None),
        State::Reading => ("reading", None),
        State::Done => ("done", None),
        State::Failed(why) => ("failed", Some(why.to_owned())),
    };
    let fresh = match run.state {
        State::Done => Some(meter::of_home(&call.desk, home, meter).await?),
        _ => None,
    };
    Ok(ReadView {
        id,
        state: state.to_owned(),
        started_at: run.started_at,
        ended_at: run.ended.map(|(at, _)| at),
        why,
        meter: fresh,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(seconds: u64) -> (DateTime<Utc>, Duration) {
        (DateTime::UNIX_EPOCH, Duration::from_secs(seconds))
    }

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn everybody_who_asks_shares_one_read_of_a_meter() {
        let board = Board::default();
        let (wang, li, meter) = (PersonId(id(1)), PersonId(id(2)), id(3));
        let run = board.ask(id(10), wang, meter, now(0)).unwrap().unwrap();
        assert_eq!(board.ask(id(11), li, meter, now(1)).unwrap(), None, "under way");
        board.tell(run, State::Reading, now(2));
        board.tell(run, State::Done, now(3));
        assert_eq!(board.ask(id(12), li, meter, now(5)).unwrap(), None, "read a moment ago");
        let seen = |ask, person, at| board.look(id(ask), person, meter, now(at).1);
        assert_eq!(seen(11, li, 6).unwrap().state, State::Done);
        assert!(seen(11, wang, 6).is_none(), "a read belongs to whoever asked");
        assert!(board.look(id(11), li, id(4), now(6).1).is_none(), "and to its meter");
        assert!(board.ask(id(13), wang, meter, now(20)).unwrap().is_some(), "an old one is not");
        assert!(board.ask(id(14), wang, id(4), now(20)).unwrap().is_some(), "another meter");
    }

    #[test]
    fn a_read_that_never_ends_is_told_as_one_without_an_answer() {
        let board = Board::default();
        let (wang, meter) = (PersonId(id(1)), id(3));
        let run = board.ask(id(10), wang, meter, now(0)).unwrap().unwrap();
        board.tell(run, State::Reading, now(0));
        let seen = |at| board.look(id(10), wang, meter, now(at).1).map(|run| run.state);
        assert_eq!(seen(45), Some(State::Reading));
        assert_eq!(seen(46), Some(State::Failed("meter.silent")));
        assert!(board.ask(id(11), wang, meter, now(50)).unwrap().is_some(), "and asked anew");
    }

    #[test]
    fn reads_are_bounded_by_person_and_forgotten_in_time() {
        let board = Board::default();
        let (wang, li) = (PersonId(id(1)), PersonId(id(2)));
        for number in 0..READS_PER_PERSON_MAX as u128 {
            board.ask(id(100 + number), wang, id(number), now(0)).unwrap();
        }
        assert!(matches!(board.ask(id(99), wang, id(1), now(1)), Err(Failure::TooMany { .. })));
        assert!(board.ask(id(98), li, id(1), now(1)).is_ok());
        assert!(board.ask(id(99), wang, id(1), now(121)).is_ok());
        assert_eq!(board.lock().asks.len(), 1, "the others are forgotten");
        assert_eq!(board.lock().runs.len(), 1);
    }
}
