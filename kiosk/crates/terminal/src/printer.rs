//! The receipt printer: how it is, and whether a receipt is in somebody's hand.
//!
//! Bytes a cable has taken are not paper. A print counts as printed only when the printer itself
//! has answered a question that stood *behind* the receipt ([`reply`], `GS r 1`) and then says that
//! it is well; everything else is *paper out*, *failed* or *unknown*, and nothing is ever printed
//! again by itself. All waiting is done by one thread ([`press`]): `write` on a printer without
//! paper may never return.

pub mod cable;
pub mod port;
pub mod press;
pub mod reply;
pub mod roll;
pub mod status;

pub use port::Place;
pub use press::{Press, PressSettings};
