//! rconmon watches one container: it starts the runtime, holds the container's
//! standard streams or terminal, writes its log, serves attach clients, and
//! keeps the exit code. Its command line, pipes and files are conmon(8)'s.
#![deny(unsafe_code)]

mod args;
mod attach;
mod child;
mod console;
mod control;
mod exit;
mod files;
mod log;
mod memory;
mod monitor;
mod notify;
mod oom;
mod parent;
mod poll;
mod report;
mod runtime;
mod settings;
mod socket;
mod streams;

use std::process::ExitCode;

use args::Request;

/// The conmon whose interface this is. Callers read it from `--version` and
/// refuse a monitor that looks too old.
const INTERFACE: &str = "2.2.1";

fn main() -> ExitCode {
    let request = match args::parse(std::env::args_os().skip(1)) {
        Ok(request) => request,
        Err(error) => {
            eprintln!("conmon: {error}");
            return ExitCode::FAILURE;
        }
    };
    match request {
        Request::Version => {
            println!(
                "conmon version {INTERFACE}\ncommit: rconmon {}",
                env!("CARGO_PKG_VERSION")
            );
            ExitCode::SUCCESS
        }
        Request::Help => {
            print!("{}", args::help());
            ExitCode::SUCCESS
        }
        Request::Run(options) => match monitor::run(*options) {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                report::error(format_args!("{error:#}"));
                ExitCode::FAILURE
            }
        },
    }
}
