//! Bills (对账单, A13): ask for a link, fetch the file, prove it by its hash, read it by column name.
//!
//! A bill exists from about ten o'clock of the following day. [`NO_STATEMENT`] is a final answer
//! and a fact of its own: WeChat says that nothing moved that day.

mod link;
pub use link::{
    FundAccount, Link, TradeKind, read_link, request_download, request_fund_flow, request_trade,
};
mod file;
pub use file::file;
mod table;
mod trade;
pub use trade::{RefundCells, TradeRow, TradeState, read_trade};
mod fund_flow;
pub use fund_flow::{Direction, FundFlowRow, read_fund_flow};

/// The code of a refusal (`Declined`) that says: no transaction on that day. Do not ask again.
pub const NO_STATEMENT: &str = "NO_STATEMENT_EXIST";

/// The code of a refusal (`Theirs`) that says: not ready, ask again in half an hour.
pub const STATEMENT_CREATING: &str = "STATEMENT_CREATING";
