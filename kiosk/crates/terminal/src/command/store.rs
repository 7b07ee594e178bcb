//! The commands as they stand on the disk: one line for each change, the last one counts.

use std::{collections::BTreeMap, io, path::Path};

use chrono::{DateTime, Utc};
use kiosk_wire::command::{Command, CommandReport, CommandState};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::disk::Log;

/// The file they stand in.
const FILE: &str = "commands.log";
/// How many lines a command may have on average before the file is written anew.
const LINES_PER_ENTRY: usize = 4;

/// This start of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// Made anew by each start of the process.
    pub id: Uuid,
    /// The machine's own start, where the system names it: tells a rebooted machine from a
    /// restarted process.
    pub machine: Option<String>,
}

/// One command and how far it is. Times are the server's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub command: Command,
    /// In the order they came.
    pub nth: u64,
    pub taken_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    /// Why it waited last.
    pub deferred: Option<String>,
    /// The machine's start it was begun in.
    pub machine: Option<String>,
    pub state: CommandState,
}

impl Entry {
    pub fn report(&self) -> CommandReport {
        CommandReport { id: self.command.id, state: self.state.clone() }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
enum Line {
    Entry(Box<Entry>),
    /// Commands ordered up to then may have been forgotten.
    Forgotten {
        at: DateTime<Utc>,
    },
}

/// All commands that are remembered.
#[derive(Debug)]
pub(super) struct Store {
    log: Log,
    entries: BTreeMap<Uuid, Entry>,
    forgotten: Option<DateTime<Utc>>,
}

impl Store {
    pub fn open(folder: &Path) -> io::Result<Store> {
        let (log, lines) = Log::open(&folder.join(FILE))?;
        let mut store = Store { log, entries: BTreeMap::new(), forgotten: None };
        for line in lines {
            match serde_json::from_str(&line) {
                Ok(Line::Entry(entry)) => {
                    store.entries.insert(entry.command.id, *entry);
                }
                Ok(Line::Forgotten { at }) => store.forgotten = store.forgotten.max(Some(at)),
                Err(error) => tracing::warn!(%error, "a line of the commands cannot be read"),
            }
        }
        Ok(store)
    }

    pub fn get(&self, id: Uuid) -> Option<&Entry> {
        self.entries.get(&id)
    }

    pub fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Ordered up to then, a command that is not known may have been done and forgotten.
    pub fn forgotten(&self) -> Option<DateTime<Utc>> {
        self.forgotten
    }

    /// Keeps an entry: on the disk first, then in memory.
    pub fn keep(&mut self, mut entry: Entry) -> io::Result<()> {
        if entry.state.is_final() {
            // What it needed to know is needed no more.
            entry.command.args.clear();
        }
        let line = Line::Entry(Box::new(entry.clone()));
        let text = serde_json::to_string(&line).map_err(io::Error::other)?;
        self.log.append([text.as_str()])?;
        self.entries.insert(entry.command.id, entry);
        Ok(())
    }

    /// Forgets the finished ones beyond `most`, those ordered first before all, and remembers up to
    /// when they were ordered.
    pub fn forget_beyond(&mut self, most: usize) -> io::Result<()> {
        let mut done: Vec<(DateTime<Utc>, Uuid)> = self
            .entries
            .values()
            .filter(|entry| entry.state.is_final())
            .map(|entry| (entry.command.issued_at, entry.command.id))
            .collect();
        done.sort_unstable();
        let surplus = done.len().saturating_sub(most);
        let forgotten = self.forgotten.max(done[..surplus].last().map(|(at, _)| *at));
        if let Some(at) = forgotten.filter(|at| Some(*at) != self.forgotten) {
            let line = serde_json::to_string(&Line::Forgotten { at }).map_err(io::Error::other)?;
            self.log.append([line.as_str()])?;
            self.forgotten = forgotten;
        }
        for (_, id) in &done[..surplus] {
            self.entries.remove(id);
        }
        if self.log.lines() > (self.entries.len() + 16) * LINES_PER_ENTRY {
            self.shorten()?;
        }
        Ok(())
    }

    fn shorten(&mut self) -> io::Result<()> {
        let mut lines = Vec::new();
        if let Some(at) = self.forgotten {
            lines.push(serde_json::to_string(&Line::Forgotten { at }).map_err(io::Error::other)?);
        }
        for entry in self.entries.values() {
            let line = Line::Entry(Box::new(entry.clone()));
            lines.push(serde_json::to_string(&line).map_err(io::Error::other)?);
        }
        self.log.rewrite(lines.iter().map(String::as_str))
    }
}
