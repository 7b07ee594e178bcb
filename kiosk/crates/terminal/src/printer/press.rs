//! The thread that prints, and the handle others have of it.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use kiosk_wire::{
    heartbeat,
    receipt::{PrintOutcome, Receipt},
};
use tokio::sync::oneshot;

use super::{
    cable::Cable,
    port::Place,
    roll::Roll,
    status::{State, Status},
};
use crate::receipt::{Face, Form, Job, Logos, Paper, Sheet, encode::BAND_ROWS_MAX, encode_sheet};

/// The most prints and questions that wait.
const WAITING_MAX: usize = 8;
/// How often a printer nobody asks about is looked at, and one that is gone looked for.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a print may take to be accepted without progress.
const WRITE_MAX: Duration = Duration::from_secs(6);

/// What a press has to know.
#[derive(Clone, Debug, Default)]
pub struct PressSettings {
    /// Where the printer is.
    pub place: Place,
    /// How text becomes dots.
    pub form: Form,
    /// Where the count of the roll is kept; `None` = in memory only.
    pub roll_file: Option<PathBuf>,
    /// Where logos are; `None` = receipts bear none.
    pub logos: Option<Arc<dyn Logos>>,
}

/// The printer, for whoever does not want to wait for it.
#[derive(Clone, Debug)]
pub struct Press {
    orders: SyncSender<Order>,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    busy: AtomicBool,
    last: Mutex<heartbeat::Printer>,
}

enum Order {
    Look(oneshot::Sender<heartbeat::Printer>),
    Print(Box<Receipt>, Paper, oneshot::Sender<(PrintOutcome, u32)>),
    NewRoll(i64),
    ClearError,
}

impl Press {
    /// Starts the thread; it ends when the last handle is dropped.
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub fn start(settings: PressSettings) -> std::io::Result<Press> {
        let (orders, receiver) = sync_channel(WAITING_MAX);
        let seen = Arc::new(Seen::default());
        let press = Press { orders, seen: Arc::clone(&seen) };
        let roll = Roll::kept_in(settings.roll_file.as_deref());
        let room = Room { settings, seen, roll, face: Face::find(), cable: None, left: None };
        thread::Builder::new().name("press".to_owned()).spawn(move || room.work(&receiver))?;
        Ok(press)
    }

    /// How the printer is: asked now, or as it was last seen where it is printing.
    pub async fn status(&self) -> heartbeat::Printer {
        let (reply, answer) = oneshot::channel();
        let busy = self.seen.busy.load(Ordering::Acquire);
        if busy || self.orders.try_send(Order::Look(reply)).is_err() {
            return self.seen.last();
        }
        answer.await.unwrap_or_else(|_| self.seen.last())
    }

    /// How it was when it was last seen.
    pub fn last(&self) -> heartbeat::Printer {
        self.seen.last()
    }

    /// Prints once, and says how that ended and how much paper it took, in millimetres. Nothing is
    /// printed where the printer says beforehand that it cannot. Never repeats anything.
    pub async fn print(&self, receipt: &Receipt, paper_mm: u16) -> (PrintOutcome, u32) {
        let (reply, answer) = oneshot::channel();
        let order = Order::Print(Box::new(receipt.clone()), Paper::of_mm(paper_mm), reply);
        if self.orders.try_send(order).is_err() {
            return (PrintOutcome::Failed, 0);
        }
        // A thread that died while printing has told nobody how far it came.
        answer.await.unwrap_or((PrintOutcome::Unknown, 0))
    }

    /// Somebody has put a roll of so many millimetres in.
    pub fn new_roll(&self, mm: i64) {
        let _ = self.orders.try_send(Order::NewRoll(mm));
    }

    /// Connects again and makes the printer forget its error.
    pub fn clear_error(&self) {
        let _ = self.orders.try_send(Order::ClearError);
    }
}

impl Seen {
    fn last(&self) -> heartbeat::Printer {
        self.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

/// What the thread has.
struct Room {
    settings: PressSettings,
    seen: Arc<Seen>,
    roll: Roll,
    face: Option<Face>,
    cable: Option<Cable>,
    /// Bytes it takes to end the command a failed print broke off in; `None` = nothing is left
    /// over from one.
    left: Option<usize>,
}

impl Room {
    fn work(mut self, orders: &Receiver<Order>) {
        self.look();
        loop {
            match orders.recv_timeout(LOOK_EVERY) {
                Ok(Order::Look(reply)) => {
                    self.look();
                    let _ = reply.send(self.seen.last());
                }
                Ok(Order::Print(receipt, paper, reply)) => {
                    self.seen.busy.store(true, Ordering::Release);
                    let job = self.job(&receipt, paper);
                    let ended = self.print(&job, paper);
                    self.look();
                    self.seen.busy.store(false, Ordering::Release);
                    let _ = reply.send(ended);
                }
                Ok(Order::NewRoll(mm)) => {
                    let kept = self.roll.replaced(mm);
                    self.kept(kept);
                    self.look();
                }
                Ok(Order::ClearError) => {
                    self.cable = None;
                    self.left = Some(self.left.unwrap_or_default());
                    self.look();
                    self.forget();
                    self.look();
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.look();
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Asks the printer how it is, connecting where that is needed; a line that has died is tried
    /// a second time.
    fn look(&mut self) -> State {
        let state = self.asked().or_else(|| self.asked()).unwrap_or(State::Gone);
        let name = match state.name() {
            "ready" if self.roll.is_near_end() => "near_end",
            name => name,
        };
        let mut last = self.seen.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if last.state != name {
            tracing::info!(from = last.state, to = name, "printer.state");
        }
        *last = heartbeat::Printer { state: name.to_owned(), paper_mm: self.roll.left_mm() };
        state
    }

    /// `None` where the line has died.
    fn asked(&mut self) -> Option<State> {
        if self.settings.place == Place::None {
            return Some(State::None);
        }
        if self.cable.is_none() {
            match self.settings.place.open() {
                Ok(port) => self.cable = port.map(Cable::new),
                Err(error) => {
                    tracing::debug!(%error, "printer.open");
                    return Some(State::Gone);
                }
            }
        }
        if !self.settings.place.answers() {
            return Some(State::Silent);
        }
        match self.cable.as_mut()?.status() {
            Ok(status) => Some(status.map_or(State::Silent, State::Known)),
            Err(error) => {
                tracing::debug!(%error, "printer.status");
                self.cable = None;
                None
            }
        }
    }

    /// A receipt as bytes, under its logo where that is here.
    fn job(&self, receipt: &Receipt, paper: Paper) -> Job {
        let mut sheet = Sheet::lay_out(receipt, paper, self.face.as_ref());
        if let (Some(logos), Some(sha256)) = (&self.settings.logos, &receipt.logo)
            && let Some(logo) = logos.bitmap(sha256, paper)
        {
            sheet.put_above(logo);
        }
        encode_sheet(&sheet, self.settings.form, self.face.as_ref())
    }

    fn print(&mut self, job: &Job, paper: Paper) -> (PrintOutcome, u32) {
        match self.look() {
            State::None | State::Gone => return (PrintOutcome::Failed, 0),
            State::Known(status) if !status.is_well() => return (stopped(status), 0),
            State::Silent | State::Known(_) => self.forget(),
        }
        let (outcome, accepted) = self.sent(job);
        if outcome != PrintOutcome::Printed {
            // A printer that has answered stands between two commands. Where it has not, whatever
            // it broke off in ends within the largest band of a picture.
            let between = outcome != PrintOutcome::Unknown || !self.settings.place.answers();
            let most = BAND_ROWS_MAX * paper.dots() / 8;
            self.left = (accepted > 0).then_some(if between { 0 } else { most });
            tracing::warn!(?outcome, accepted, of = job.bytes.len(), "printer.print");
        }
        let share = u64::from(job.mm) * accepted as u64 / job.bytes.len().max(1) as u64;
        let mm = u32::try_from(share).unwrap_or(job.mm);
        let kept = self.roll.used(mm);
        self.kept(kept);
        (outcome, mm)
    }

    /// Writes it and finds out what became of it; also how many bytes were accepted.
    fn sent(&mut self, job: &Job) -> (PrintOutcome, usize) {
        let Some(cable) = self.cable.as_mut() else { return (PrintOutcome::Failed, 0) };
        let written = cable.write_all(&job.bytes, WRITE_MAX);
        let accepted = match &written {
            Ok(()) => job.bytes.len(),
            Err(cut) => cut.accepted,
        };
        if let Err(cut) = &written {
            if accepted == 0 {
                self.cable = None;
                return (PrintOutcome::Failed, 0);
            }
            if cut.error.is_some() {
                self.cable = None;
            }
        }
        let answered = self.settings.place.answers();
        let passed = written.is_ok()
            && answered
            && self.cable.as_mut().is_some_and(|cable| cable.fence().unwrap_or(false));
        let outcome = judged(passed, if answered { self.look() } else { State::Silent });
        if matches!(outcome, PrintOutcome::PaperOut | PrintOutcome::Failed)
            && let Some(cable) = &mut self.cable
        {
            // What is left over is forgotten while the printer is still stopped, so that a new
            // roll does not begin with half of somebody's receipt.
            let _ = cable.forget(0);
        }
        (outcome, accepted)
    }

    /// Before the next print: nothing of a failed one may precede it.
    fn forget(&mut self) {
        let (Some(left), Some(cable)) = (self.left, &mut self.cable) else { return };
        match cable.forget(left) {
            Ok(()) => self.left = None,
            Err(_) => self.cable = None,
        }
    }

    fn kept(&self, result: std::io::Result<()>) {
        if let Err(error) = result {
            tracing::warn!(%error, "printer.roll");
        }
    }
}

/// How a print ended, by whether the question behind it was answered and by how the printer is
/// afterwards.
///
/// Invariant: only a printer that has answered and is well has printed; proved by
/// `only_an_answered_question_and_a_printer_that_is_well_make_a_print`.
fn judged(passed: bool, after: State) -> PrintOutcome {
    match after {
        State::Known(status) if !status.is_well() => stopped(status),
        State::Known(_) if passed => PrintOutcome::Printed,
        State::Gone | State::None | State::Silent | State::Known(_) => PrintOutcome::Unknown,
    }
}

fn stopped(status: Status) -> PrintOutcome {
    if status.paper_out { PrintOutcome::PaperOut } else { PrintOutcome::Failed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answered_question_and_a_printer_that_is_well_make_a_print() {
        let well = Status::default();
        let near = Status { near_end: true, ..well };
        let out = Status { offline: true, paper_out: true, near_end: true, ..well };
        let open = Status { offline: true, cover_open: true, ..well };
        let stuck = Status { offline: true, cutter: true, ..well };
        let busy = Status { offline: true, ..well };
        let rows = [
            (true, State::Known(well), PrintOutcome::Printed),
            (true, State::Known(near), PrintOutcome::Printed),
            (true, State::Known(out), PrintOutcome::PaperOut),
            (false, State::Known(out), PrintOutcome::PaperOut),
            (true, State::Known(open), PrintOutcome::Failed),
            (false, State::Known(stuck), PrintOutcome::Failed),
            (false, State::Known(busy), PrintOutcome::Failed),
            (false, State::Known(well), PrintOutcome::Unknown),
            (true, State::Silent, PrintOutcome::Unknown),
            (false, State::Silent, PrintOutcome::Unknown),
            (true, State::Gone, PrintOutcome::Unknown),
            (false, State::Gone, PrintOutcome::Unknown),
        ];
        for (passed, after, want) in rows {
            assert_eq!(judged(passed, after), want, "{passed} {after:?}");
        }
    }
}
