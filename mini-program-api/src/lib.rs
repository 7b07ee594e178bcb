//! The tenant's API under `/api/mini/v1`: what the mini-program, the WeChat page, Alipay and the
//! browser talk to.
//!
//! A route says who may use it ([`route::Need`]), what it takes and what it answers; the server
//! mounts the registry ([`ROUTES`]) and is the only one that speaks HTTP. Handlers translate
//! between the tenant's words and `vending`; they decide nothing about money or light.
//!
//! Who calls comes from the access token alone ([`token`]), what is theirs from their bindings
//! ([`reach`]): no handler takes a person, a project or an account from a request.

pub mod answer;
pub use answer::{Answer, Body};
pub mod call;
pub use call::{Call, Client};
pub mod desk;
pub use desk::{Desk, Settings};
pub mod budget;
pub mod door;
pub mod failure;
pub use failure::{Failure, Result};
pub mod keyed;
pub mod puzzle;
pub mod reach;
pub mod route;
pub use route::{Effect, Need, Route, Verb};
pub mod token;

pub mod alarm;
pub mod bill;
pub mod binding;
pub mod entry;
pub mod home;
pub mod me;
pub mod meter;
pub mod notice;
pub mod order;
pub mod page;
pub mod people;
pub mod phone;
pub mod read;
pub mod receipt;
pub mod session;
pub mod sms_code;
pub mod statement;
pub mod switch;
pub mod tag;
pub mod tariff;
pub mod top_up;
pub mod usage;

/// Every route of the tenant's API.
pub const ROUTES: &[&[Route]] = &[
    session::ROUTES,
    session::provider::ROUTES,
    session::oauth::ROUTES,
    sms_code::ROUTES,
    phone::ROUTES,
    me::ROUTES,
    tag::ROUTES,
    binding::ROUTES,
    binding::request::ROUTES,
    people::ROUTES,
    home::ROUTES,
    meter::ROUTES,
    read::ROUTES,
    usage::ROUTES,
    tariff::ROUTES,
    alarm::ROUTES,
    entry::ROUTES,
    bill::ROUTES,
    statement::ROUTES,
    switch::ROUTES,
    top_up::ROUTES,
    order::ROUTES,
    notice::ROUTES,
    order::pay::ROUTES,
    order::stream::ROUTES,
    receipt::ROUTES,
];

/// The path in front of every route here.
pub const PREFIX: &str = "/api/mini/v1";
