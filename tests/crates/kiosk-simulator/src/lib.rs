//! What hangs on a kiosk's cables, on the far side of a real wire: a receipt printer that speaks
//! ESC/POS over TCP or a pseudo-terminal, and a contactless card. Both are scripted to fail at a
//! given byte. This crate shares no code with the product: it reads printers' and cards' commands
//! by tables of its own and keeps what really came out, so that it can contradict the product.

pub mod card;
pub mod command;
pub mod escpos;
pub mod folder;
pub mod head;
pub mod letters;
pub mod page;
pub mod paper;
pub mod picture;
pub mod printer;
pub mod socket;
pub mod style;
pub mod vpcd;
