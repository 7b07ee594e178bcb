//! Operators' accounts: set-up links, passwords, second factors, logins, and the budgets that keep
//! strangers from trying.

pub mod budget;
pub mod password;
pub mod setup;
pub mod sign_in;
pub mod token;
pub mod totp;

pub use password::Passwords;
pub use sign_in::{Caller, SignIn};
