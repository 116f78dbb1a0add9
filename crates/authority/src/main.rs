//! The program: everything is in the library, so that tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    rescind::cli::run(std::env::args_os(), std::env::vars_os())
}
