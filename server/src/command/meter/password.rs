//! `yufu meter password`: a meter's own password, told on standard input and never shown again.

use std::io::BufRead;

use domain::ProjectId;
use gateway::line::Password;
use serde_json::json;
use store::operation_log::{self, NewOperation};
use vending::password;
use zeroize::Zeroizing;

use crate::{
    command::{Done, Exit, Failure, Site, failure::chain, print_json},
    serve::settings::password_file,
};

/// The longest line that is looked at for a password, in bytes.
const LINE_MAX: u64 = 64;

/// Whose password.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// 表号 / meter number
    meter_no: String,
    /// 项目编号 / project
    #[arg(long, value_name = "ID")]
    project: i64,
    /// 删除，改回出厂密码 / forget it: the meter has the factory's again
    #[arg(long)]
    forget: bool,
}

/// Sets or forgets a password; that it was done stands in the operation log, the password nowhere.
pub async fn run(args: Args, site: &Site) -> Done {
    let Args { meter_no, project, forget } = args;
    let Some(file) = password_file(&site.config) else {
        return Err(Failure::new(
            Exit::Config,
            "meter.no_password_file",
            "没有配置表计密码文件",
            "no file of meter passwords is configured",
        )
        .fix("设置 [gateway] passwords_file", "set [gateway] passwords_file"));
    };
    let known = store::meter::by_no(site.store.read(), ProjectId(project), &meter_no).await?;
    known.ok_or_else(|| Failure::not_found("表计", "meter", &meter_no))?;
    let digits = if forget { None } else { Some(told(std::io::stdin().lock())?) };
    let text = digits.as_ref().map(|digits| digits.as_str());
    let before = password::put(&file, (project, &meter_no), text).map_err(|error| {
        Failure::new(
            Exit::Refused,
            "meter.password_file",
            "表计密码文件无法使用，未改动",
            "the file of meter passwords cannot be used; it was not changed",
        )
        .detail(chain(&error))
    })?;
    let line = NewOperation {
        at: site.clock.now(),
        operator: None,
        project: Some(ProjectId(project)),
        action: "meter.password".to_owned(),
        target: meter_no.clone(),
        detail: json!({ "forget": forget, "known_before": before }).to_string(),
        ip: String::new(),
        outcome: "done".to_owned(),
    };
    site.store
        .transact(move |tx| Box::pin(async move { operation_log::append(tx, line).await }))
        .await?;
    let state = if forget { "factory" } else { "own" };
    print_json(&json!({ "meter_no": meter_no, "password": state, "known_before": before }));
    Ok(())
}

/// The six digits on the first line of the input, of which no more than [`LINE_MAX`] is read.
fn told(input: impl BufRead) -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::with_capacity(LINE_MAX as usize));
    let read = input.take(LINE_MAX).read_line(&mut line);
    read.map_err(|error| Failure::machine(&error))?;
    let digits = Zeroizing::new(line.trim().to_owned());
    if digits.parse::<Password>().is_err() {
        return Err(Failure::usage(
            "标准输入的第一行须为 6 位数字",
            "the first line of standard input has to be six digits",
        ));
    }
    Ok(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_and_no_failure_repeats_it() {
        for (input, want) in [
            ("123456\n", Some("123456")),
            ("123456", Some("123456")),
            (" 000000 \r\nand more\n", Some("000000")),
            ("12345\n", None),
            ("1234567\n", None),
            ("secret\n", None),
            ("", None),
        ] {
            match told(input.as_bytes()) {
                Ok(digits) => assert_eq!(Some(digits.as_str()), want, "{input:?}"),
                Err(failure) => {
                    assert!(want.is_none(), "{input:?}");
                    let text = input.trim();
                    assert!(text.is_empty() || !failure.to_string().contains(text), "{failure}");
                }
            }
        }
        let endless = "1".repeat(1_000_000);
        assert!(told(endless.as_bytes()).is_err());
    }
}
