//! `yufu config`: the commented template, and a check of what is in force.

use std::path::Path;

use clap::Subcommand;

use super::{Done, Exit, Failure, say, site};
use crate::config::Config;

/// The sub-commands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// 打印带注释的模板 / print the commented template with every key
    Print,
    /// 检查配置并打印生效的值 / check the configuration and print what is in force
    Check,
}

/// Prints or checks; secrets are printed as stars.
pub fn run(what: &What, file: Option<&Path>) -> Done {
    match what {
        What::Print => say(Config::template().trim_end()),
        What::Check => {
            let mut config = site::load(file)?;
            site::profiles(&config)?;
            config.database.url = masked(&config.database.url);
            let text = toml::to_string(&config).map_err(|error| {
                let zh = "配置无法打印";
                Failure::new(Exit::Failed, "config", zh, "the configuration cannot be printed")
                    .detail(error)
            })?;
            say(format_args!("{text}\n配置可用 / the configuration is usable"));
        }
    }
    Ok(())
}

/// A database URL without its password.
pub fn masked(url: &str) -> String {
    let hidden = || {
        let (scheme, rest) = url.split_once("://")?;
        let (credentials, host) = rest.rsplit_once('@')?;
        let user = credentials.split(':').next().unwrap_or_default();
        Some(format!("{scheme}://{user}:***@{host}"))
    };
    hidden().unwrap_or_else(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_url_has_no_password() {
        let table = [
            ("postgres://yufu:se@cret@db/yufu", "postgres://yufu:***@db/yufu"),
            ("postgres://db/yufu", "postgres://db/yufu"),
            ("sqlite:yufu.db", "sqlite:yufu.db"),
        ];
        for (url, shown) in table {
            assert_eq!(masked(url), shown);
        }
    }
}
