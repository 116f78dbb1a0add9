//! The program: everything is in the library, so that tests reach it.

use std::process::ExitCode;

/// What one thread reads from the store another one sends and frees: that is where the system's allocator makes threads
/// wait for each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rescind::cli::run(std::env::args_os(), std::env::vars_os())
}
