//! Who this kiosk is: its key, its pairing with a server, and the greeting that opens a session.
//!
//! The secret half of the key stands in one file and nowhere else: no function returns it, no
//! message carries it, nothing prints it.

mod greeting;
mod identity;
mod key;
mod pairing;

pub use greeting::{Greeting, Unproven};
pub use identity::{IdentityError, Papers, Pending};
pub use key::{DeviceKey, KeyError, is_signed};
pub use pairing::{Ask, Heard, Pairing, Shown};
