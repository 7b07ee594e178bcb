//! Which kiosks wait for news in this process, so that what an operator asks for leaves at once and
//! not with the next look.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;
use uuid::Uuid;

/// Kiosks that have a channel open to this process at once.
pub const CHANNELS_MAX: usize = 10_000;

/// Who waits, in which turn of theirs, with their bell.
type Waiting = HashMap<Uuid, (u64, Arc<Notify>)>;

/// The kiosks that wait here.
#[derive(Clone, Debug, Default)]
pub struct Board {
    waiting: Arc<Mutex<Waiting>>,
    refused: Arc<AtomicU64>,
}

/// A kiosk's place; the channel ends when another takes it.
#[derive(Debug)]
pub struct Seat {
    board: Board,
    kiosk: Uuid,
    turn: u64,
    /// Rung when there is news.
    pub bell: Arc<Notify>,
}

impl Board {
    /// Takes a kiosk's place; whoever held it is rung and finds that it is gone. `None` while
    /// [`CHANNELS_MAX`] wait.
    pub fn take(&self, kiosk: Uuid) -> Option<Seat> {
        let mut waiting = self.lock();
        let before = waiting.get(&kiosk).cloned();
        if before.is_none() && waiting.len() >= CHANNELS_MAX {
            return None;
        }
        let (bell, turn) = (Arc::new(Notify::new()), before.as_ref().map_or(0, |(n, _)| n + 1));
        waiting.insert(kiosk, (turn, Arc::clone(&bell)));
        drop(waiting);
        if let Some((_, bell)) = before {
            bell.notify_one();
        }
        Some(Seat { board: self.clone(), kiosk, turn, bell })
    }

    /// Tells a kiosk that there is news, if it waits here.
    pub fn ring(&self, kiosk: Uuid) {
        if let Some((_, bell)) = self.lock().get(&kiosk) {
            bell.notify_one();
        }
    }

    /// Tells every kiosk that waits here.
    pub fn ring_all(&self) {
        self.lock().values().for_each(|(_, bell)| bell.notify_one());
    }

    /// Counts messages of kiosks that were not understood.
    pub fn count_refused(&self, messages: usize) {
        self.refused.fetch_add(messages as u64, Ordering::Relaxed);
    }

    /// How many messages of kiosks were not understood since this process began.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// True until another channel of the same kiosk has taken the place.
    pub fn is_mine(&self) -> bool {
        self.board.lock().get(&self.kiosk).is_some_and(|(turn, _)| *turn == self.turn)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut waiting = self.board.lock();
        if waiting.get(&self.kiosk).is_some_and(|(turn, _)| *turn == self.turn) {
            waiting.remove(&self.kiosk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_channel_of_a_kiosk_takes_the_place_of_the_older() {
        let (board, kiosk) = (Board::default(), Uuid::from_u128(1));
        let first = board.take(kiosk).unwrap();
        let second = board.take(kiosk).unwrap();
        assert!(!first.is_mine() && second.is_mine());
        drop(first);
        assert!(second.is_mine(), "the older one takes nothing with it");
        drop(second);
        assert!(board.lock().is_empty());
    }
}
