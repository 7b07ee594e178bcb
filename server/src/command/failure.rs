//! Why a command did not do what it was asked: what happened and what to do, in two languages,
//! with a stable code and an exit code.

use std::{error::Error, fmt, process::ExitCode};

use store::StoreError;
use vending::VendingError;

use crate::{config::ConfigError, http::error::Code};

/// How a command ended, for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Something failed that is none of the others.
    Failed = 1,
    /// The words of the command line are wrong; clap uses the same number.
    Usage = 2,
    /// The configuration is wrong.
    Config = 3,
    /// The database is not there, not reachable, or not fit.
    Database = 4,
    /// The wish was refused; nothing changed.
    Refused = 5,
    /// A check found something wrong.
    Found = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// A failure as the terminal shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(Box<Parts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    exit: Exit,
    code: String,
    what: [String; 2],
    todo: [String; 2],
    detail: Vec<String>,
}

impl Failure {
    /// A failure with its sentence in Chinese and English.
    pub fn new(exit: Exit, code: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Failure(Box::new(Parts {
            exit,
            code: code.to_owned(),
            what: [zh.into(), en.into()],
            todo: [String::new(), String::new()],
            detail: Vec::new(),
        }))
    }

    /// Says what to do about it.
    pub fn fix(mut self, zh: impl Into<String>, en: impl Into<String>) -> Self {
        self.0.todo = [zh.into(), en.into()];
        self
    }

    /// Adds a line such as the cause in the machine's words.
    pub fn detail(mut self, line: impl ToString) -> Self {
        self.0.detail.push(line.to_string());
        self
    }

    /// Something asked for by name is not there.
    pub fn not_found(zh: &str, en: &str, name: &str) -> Self {
        let (zh, en) = (format!("没有这个{zh}：{name}"), format!("there is no {en} {name}"));
        Failure::new(Exit::Refused, "not_found", zh, en)
            .fix("请核对后重试", "check the name and try again")
    }

    /// A value on the command line is not of the right form.
    pub fn usage(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Failure::new(Exit::Usage, "usage", zh, en).fix("用 --help 查看用法", "see --help")
    }

    /// The machine refused a file, a socket or a thread.
    pub fn machine(error: &std::io::Error) -> Self {
        Failure::new(
            Exit::Failed,
            "machine",
            "操作系统拒绝了文件或端口操作",
            "the operating system refused a file or socket",
        )
        .fix("检查权限、磁盘和端口占用", "check permissions, the disk and ports in use")
        .detail(error)
    }

    /// A file that cannot be read or written.
    pub fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        let shown = path.display();
        Failure::new(
            Exit::Failed,
            "file",
            format!("文件无法读写：{shown}"),
            format!("the file {shown} cannot be read or written"),
        )
        .fix("检查路径和权限", "check the path and its permissions")
        .detail(error)
    }

    /// How the process ends.
    pub fn exit(&self) -> Exit {
        self.0.exit
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.0.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [zh, en] = &self.0.what;
        writeln!(f, "错误：{zh} [{}]\nError: {en}", self.0.code)?;
        for line in &self.0.detail {
            writeln!(f, "  {line}")?;
        }
        match &self.0.todo {
            [zh, _] if zh.is_empty() => Ok(()),
            [zh, en] => writeln!(f, "怎么办：{zh}\nTo do: {en}"),
        }
    }
}

impl Error for Failure {}

/// An error and what caused it, on one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Failure::new(Exit::Config, "config", "配置有误", "the configuration is wrong")
            .fix("对照 yufu config print 的模板改正", "compare it with `yufu config print`")
            .detail(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let database = |code: &str, zh: &str, en: &str| Failure::new(Exit::Database, code, zh, en);
        let failure = match &error {
            StoreError::UnknownUrl => Failure::new(
                Exit::Config,
                "database.url",
                "数据库地址既不是 SQLite 也不是 PostgreSQL",
                "the database URL is neither SQLite nor PostgreSQL",
            )
            .fix(
                "[database] url 写成 sqlite:文件 或 postgres://用户:密码@主机/库名",
                "write [database] url as sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME",
            ),
            StoreError::Unfit(_) => {
                let zh = "数据库的设置不能保证已确认的写入不丢失";
                database("database.unfit", zh, "the database may lose what it has acknowledged")
                    .fix("按下面一行改数据库设置", "change the setting named above")
            }
            StoreError::Unreachable(_) => {
                database("database.unreachable", "数据库连不上", "the database cannot be reached")
                    .fix("检查数据库是否在运行、地址和密码", "check that it runs, and the URL")
            }
            StoreError::Refused(_) | StoreError::Gone(_) | StoreError::Conflict => Failure::new(
                Exit::Refused,
                "conflict",
                "数据在此期间被别人改动，本次未做任何修改",
                "the data changed meanwhile; nothing was done",
            )
            .fix("请重试", "try again"),
            _ => database("database.failed", "数据库出错", "the database failed")
                .fix("运行 yufu doctor 检查", "run `yufu doctor`"),
        };
        failure.detail(error)
    }
}

impl From<VendingError> for Failure {
    fn from(error: VendingError) -> Self {
        match error {
            VendingError::Store(error) => error.into(),
            VendingError::Refused(refusal) => {
                let row = Code::of(&refusal).row();
                Failure::new(Exit::Refused, row.code, row.zh, row.en)
                    .fix(row.do_zh, row.do_en)
                    .detail(refusal)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_happened_and_what_to_do_in_both_languages() {
        let failure = Failure::not_found("订单", "order", "YF1");
        let want = "错误：没有这个订单：YF1 [not_found]\nError: there is no order YF1\n\
                    怎么办：请核对后重试\nTo do: check the name and try again\n";
        assert_eq!(failure.to_string(), want);
        assert_eq!(failure.exit() as u8, 5);
    }
}
