//! Everything HTTP: callbacks of the providers, the operators' API, health, metrics, descriptions,
//! the live page. Handlers translate; what happens is decided in `vending`.

pub mod error;
pub use error::{Code, Problem};
pub mod client;
pub mod headers;
pub mod trace;

pub mod app;
pub use app::App;
pub mod dispatch;
pub mod repeat;
pub mod route;

pub mod callback;
pub mod health;
pub mod kiosk;
pub mod live;
pub mod openapi;
pub mod operator;
pub mod pages;
pub mod setup_page;
pub mod tenant;
