//! Cards of card meters: reading both copies of what a card carries, and writing the blocks the
//! server has made for one order.
//!
//! The kiosk cannot tell value from noise and makes none (V6): it carries blocks, writes them into
//! the copy the server named, and says what a *reading* afterwards has shown. A reply that is
//! missing or too short proves nothing. A card torn off in any moment still has the other copy, and
//! the same voucher, written again, ends the same way.

pub mod desk;
pub mod format;
pub mod m1;
pub mod mifare;
#[cfg(feature = "pcsc")]
pub mod pcsc;
pub mod reader;

pub use desk::{Desk, Seen};
pub use format::CardFormat;
pub use m1::YufuM1;
#[cfg(feature = "pcsc")]
pub use pcsc::PcscReader;
pub use reader::{CardReader, ReaderError};
