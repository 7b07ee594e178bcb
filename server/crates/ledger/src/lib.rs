//! Double-entry books: accounts, postings, transactions, holds, templates and a book in memory.
//!
//! The ledger knows no order, no meter and no provider; it knows accounts and amounts. What it
//! promises and refuses is on one page in `README.md`.

pub mod account;
pub use account::{AccountError, LedgerAccount, Side};
pub mod posting;
pub use posting::{Posting, PostingError};
pub mod hold;
pub use hold::{Hold, HoldChange, HoldState};
pub mod transaction;
pub use transaction::{Field, Key, KeyError, Occurrence, Transaction};
pub mod template;
pub use template::Template;

pub mod balance;
pub use balance::Balance;
pub mod book;
pub use book::{Book, Outcome, Refusal};
pub mod audit;
pub use audit::{AuditBreak, AuditReport};
pub mod generate;
