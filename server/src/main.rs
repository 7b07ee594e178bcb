//! The program `yufu`.

use std::process::ExitCode;

fn main() -> ExitCode {
    yufu::command::main()
}
