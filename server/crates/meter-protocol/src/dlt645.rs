//! DL/T 645-2007, the language of most Chinese electricity meters (`meters.md` A).
//!
//! [`decode`] finds frames, [`Request`] builds them, [`Reply::parse`] ties an answer to its
//! question by address, control code and data identifier: nothing else on the bus does.

mod address;
pub use address::{Address, AddressError, CustomerNo};
mod control;
pub use control::{Control, Function};
mod identifier;
pub use identifier::{Di, DiError};
mod frame;
pub use frame::{
    DATA_LEN_CEILING, DATA_LEN_MAX, FRAME_LEN_MAX, Frame, PREAMBLE_LEN_MAX, decode, decode_at_end,
};
mod credential;
pub use credential::{Operator, Password, PasswordError};
mod relay;
pub use relay::{Relay, RelayAction, RelayAuthority, RelayFault, RelayStatus};
mod prepaid;
pub use prepaid::{
    AuthEnd, Authenticate, FeeControl, OrderFamily, OrderNo, OrderNoError, Prepaid,
    WalletInitialise, WalletReceipt, WalletStatus,
};
mod refusal;
pub use refusal::{ErrorByte, Refusal, Serr};
mod request;
pub use request::{Baud, Command, FreezeMoment, LoadRecordStart, Request, RequestError};
mod reply;
pub use reply::{Mismatch, PrepaidReply, Reply};
mod follow_up;
pub use follow_up::{ASSEMBLY_LEN_MAX, Assembly, AssemblyError, AssemblyStep};
mod catalogue;
pub use catalogue::{Format, Known, known};
mod status_word;
pub use status_word::{RelayState, StatusWord3, status_word_meanings};
mod vendor;
pub use vendor::{BulkReading, JoyReading};
