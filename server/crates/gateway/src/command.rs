//! What the gateway is asked to do, and how it ended.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use crate::profile::RelayCommand;
use crate::{
    item::{Item, Value},
    schedule::Priority,
};

/// Most items one command may read.
pub const ITEMS_MAX: usize = 32;

/// Most frames kept of one command; later ones are counted, not kept.
pub const FRAMES_MAX: usize = 64;

/// A command to one meter.
#[derive(Clone, Debug)]
pub struct MeterCommand {
    /// The meter, by the key it was configured with.
    pub meter: Uuid,
    /// What to do.
    pub action: Action,
    /// How urgent it is.
    pub priority: Priority,
    /// The moment, by the gateway's monotonic clock, after which no byte of it may leave.
    pub not_after: Option<Duration>,
    /// Stored by a DL/T 645 meter in its event records: the last four bytes of the command's id.
    pub operator_tag: u32,
}

/// What a meter is asked to do. Amounts are plain integers here; the gateway knows no money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read items.
    Read(Vec<Item>),
    /// Read what proves a top-up, as the profile lists it (`meters.md` H.0 step 1).
    ReadProof,
    /// Read the meter's own log of its last purchases, the newest first (`meters.md` H.1 no. 9).
    ReadPurchases {
        /// How many records, at most [`RECORDS_MAX`](crate::profile::purchase_log::RECORDS_MAX).
        records: u8,
    },
    /// Read the same and, where the profile names one, what tells this meter from another: the look
    /// before a top-up (`meters.md` H.1 no. 10). A meter that has no such number is not stopped.
    ReadSight,
    /// Write a top-up, once; never repeated here (`meters.md` H.0 step 3).
    TopUp {
        /// The amount, in fen.
        amount_fen: i64,
        /// The purchase count the meter shall have afterwards.
        count: u32,
        /// The customer number, twelve digits.
        customer_no: String,
    },
    /// Move the relay or valve.
    Relay {
        /// Which way.
        command: RelayCommand,
        /// The last moment the meter may obey, for meters that check it.
        valid_until: DateTime<Utc>,
    },
    /// Read where the relay or valve stands.
    ReadRelay,
    /// Read the meter's clock.
    ReadClock,
    /// Set the meter's clock to now. Writes; needs the password.
    SetClock,
    /// Tell the time to every meter on the line; nobody answers.
    BroadcastTime,
    /// Ask the only meter of a line for its address. Refused where a line has several.
    ReadAddress,
}

impl Action {
    /// Whether it changes something in a meter, so that a lost answer leaves a doubt.
    pub fn writes(&self) -> bool {
        matches!(
            self,
            Action::TopUp { .. } | Action::Relay { .. } | Action::SetClock | Action::BroadcastTime
        )
    }
}

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From us to the meter.
    Sent,
    /// From the meter to us.
    Received,
}

/// Bytes as they were on the line.
#[derive(Clone, PartialEq, Eq)]
pub struct FrameRecord {
    /// When they left or arrived.
    pub at: DateTime<Utc>,
    /// Which way.
    pub direction: Direction,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for FrameRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = if self.direction == Direction::Sent { "->" } else { "<-" };
        write!(f, "{} {arrow}", self.at.format("%H:%M:%S%.3f"))?;
        self.bytes.iter().try_for_each(|byte| write!(f, " {byte:02X}"))
    }
}

/// A command the meter answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// What it gave, in the order asked.
    pub values: Vec<(Item, Value)>,
    /// The address a meter told, after [`Action::ReadAddress`].
    pub address: Option<String>,
    /// Every frame.
    pub frames: Vec<FrameRecord>,
}

impl Exchange {
    /// The values of a log, record by record: a record begins where its first item comes again.
    pub fn records(&self) -> Vec<&[(Item, Value)]> {
        let Some((first, _)) = self.values.first() else { return Vec::new() };
        let begins = self.values.iter().enumerate().filter(|(_, (item, _))| item == first);
        let begins: Vec<usize> = begins.map(|(at, _)| at).collect();
        let ends = begins.iter().skip(1).copied().chain([self.values.len()]);
        begins.iter().zip(ends).map(|(from, until)| &self.values[*from..until]).collect()
    }

    /// The number an item gave; `None` when it was not asked for or is absent in the meter.
    pub fn number(&self, item: Item) -> Option<i64> {
        self.values.iter().find(|(i, _)| *i == item).and_then(|(_, value)| value.number())
    }
}

/// Why nothing left this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// Its time was over before its turn.
    #[error("its time was over before the bus was free")]
    Expired,
    /// The bus has no room for another command.
    #[error("too many commands wait on the bus")]
    QueueFull,
    /// No meter of this key is configured.
    #[error("no meter of this key is configured")]
    UnknownMeter,
    /// A later command to close took its place.
    #[error("a later command to restore supply took its place")]
    Superseded,
    /// The line failed before a byte was accepted.
    #[error("the line failed before a byte was accepted")]
    LinkLost,
    /// The meter refused the password before; it is not tried again for a day.
    #[error("the meter refused its password; it is not tried again for now")]
    PasswordLocked,
    /// The meter's clock is so wrong that a validity means nothing.
    #[error("the meter's clock is {seconds} s off")]
    ClockOff {
        /// Meter minus now.
        seconds: i64,
    },
    /// The meter's clock is needed first and did not come.
    #[error("the meter's clock could not be read")]
    ClockUnknown,
    /// The gateway or the line was stopped.
    #[error("the line was taken out of service")]
    Stopped,
}

/// What a refusal means, as far as the profile's protocol tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The meter has used this purchase count already: read back and decide.
    #[error("the purchase count was used before")]
    RepeatedTopUp,
    /// The purchase count does not follow the meter's.
    #[error("the purchase count does not follow the meter's")]
    PurchaseCount,
    /// The meter belongs to another customer number.
    #[error("the customer number is not the meter's")]
    Customer,
    /// The balance would pass the hoarding limit.
    #[error("the balance would pass the meter's limit")]
    HoardingLimit,
    /// The password or the authentication is wrong.
    #[error("the password or authentication is wrong")]
    Password,
    /// The meter has no such item.
    #[error("the meter has no such item")]
    NoSuchItem,
    /// The relay command's validity is over by the meter's clock.
    #[error("the command's time is not valid for the meter")]
    TimeInvalid,
    /// Keep-power forbids the trip.
    #[error("keep-power forbids it")]
    KeepPower,
    /// The meter is suspended.
    #[error("the meter is suspended")]
    Suspended,
    /// Busy or working; a read may be asked again.
    #[error("the meter is busy")]
    Busy,
    /// Something else.
    #[error("refused for another reason")]
    Other,
}

/// How a command failed. Each carries the frames as far as there were any.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommandFailure {
    /// No byte of the frame that acts left this machine; proven by the socket's byte counter.
    #[error("not sent: {why}")]
    NotSent {
        /// The reason.
        why: NotSent,
        /// Frames of the reads before it.
        frames: Vec<FrameRecord>,
    },
    /// Sent, and no answer came in time. A write may have been applied.
    #[error("no answer in time")]
    NoAnswer {
        /// The frames.
        frames: Vec<FrameRecord>,
    },
    /// Bytes came that were no valid answer. A write may have been applied.
    #[error("the answer was garbled")]
    Garbled {
        /// The frames.
        frames: Vec<FrameRecord>,
    },
    /// The meter said no. This does not prove that nothing was applied.
    #[error("refused with {raw:04X}: {meaning}")]
    Refused {
        /// The error byte or word as sent.
        raw: u16,
        /// What it means.
        meaning: Refusal,
        /// The frames.
        frames: Vec<FrameRecord>,
    },
    /// Only a meter of another address answered. A write may have been applied.
    #[error("a meter of another address answered")]
    WrongMeter {
        /// The frames.
        frames: Vec<FrameRecord>,
    },
    /// The profile cannot do it; nothing was sent.
    #[error("this model cannot do it: {0}")]
    Unsupported(String),
    /// The line has no connection; nothing was sent.
    #[error("the gateway is offline")]
    Offline,
    /// Two connections claim the line and it is not yet known which is right; nothing was sent.
    #[error("two connections claim this line")]
    Quarantined,
}

impl CommandFailure {
    /// Whether it is proven that no byte of the acting frame left.
    pub fn proves_nothing_sent(&self) -> bool {
        matches!(
            self,
            CommandFailure::NotSent { .. }
                | CommandFailure::Unsupported(_)
                | CommandFailure::Offline
                | CommandFailure::Quarantined
        )
    }

    /// The frames, if there were any.
    pub fn frames(&self) -> &[FrameRecord] {
        match self {
            CommandFailure::NotSent { frames, .. }
            | CommandFailure::NoAnswer { frames }
            | CommandFailure::Garbled { frames }
            | CommandFailure::Refused { frames, .. }
            | CommandFailure::WrongMeter { frames } => frames,
            _ => &[],
        }
    }
}
