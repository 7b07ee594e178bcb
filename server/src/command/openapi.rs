//! `yufu openapi`: the documents other programs are written against.

use super::{Done, say};
use crate::http::openapi::{Face, json};

/// Whose API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Whose {
    /// 运营接口 / the operators' API
    #[default]
    Operator,
    /// 租户接口 / the tenants' API
    Mini,
}

/// Prints the document the server serves under `/api/openapi.json` or
/// `/api/mini/v1/openapi.json`.
pub fn run(whose: Whose) -> Done {
    say(json(match whose {
        Whose::Operator => Face::Operators,
        Whose::Mini => Face::Tenants,
    }));
    Ok(())
}
