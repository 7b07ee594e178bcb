//! The server: HTTP, operators' accounts, command line, configuration.

pub mod config;
pub mod serve;
pub use serve::{Outside, Server, start};

pub mod access;
pub mod http;
pub mod operator;

pub mod chance;
pub mod metrics;
pub mod tls;
pub mod transport;

pub mod command;
pub mod demo;
pub mod import;
