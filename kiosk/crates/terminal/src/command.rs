//! What operators ask from afar: kept on the disk before it is done, done at most once, and told
//! back until the server has heard it.
//!
//! Whether it may be done now is the session's word ([`Gate`]); doing it is [`Hands`]' work. This
//! module decides only whether it is genuine, in time, new, and whose turn it is.

mod hands;
mod queue;
mod store;
mod task;
mod work;

pub use hands::{Gate, Hands, May, Picture, UPLOAD_LOG_MAX, UPLOAD_PICTURE_MAX};
pub use queue::{
    DEFER_MAX_S, FINAL_MAX, PENDING_MAX, PICTURE_EVERY_MS, POWER_GRACE_S, Queue, RESULT_MAX,
    RUN_MAX_S, Start, Step, Taken,
};
pub use store::Boot;
pub use task::{ARGS_MAX, Task};
pub use work::Worker;
