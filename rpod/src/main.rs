//! Containers, pods and images from the command line, with no daemon.

mod bundle;
mod cli;
mod config;
mod engine;
mod monitor;
mod output;
mod store;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => cli::report(&error),
    }
}
