//! `rrunc`: an OCI runtime. Starts the process that a bundle describes.

mod annotations;
mod birth;
mod cgroup;
mod cli;
mod commands;
mod container;
mod criu;
mod kernel;
mod log;
mod resctrl;
mod security;
mod spec;
mod tuning;

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "manual")]
    if let Some(code) = manual::asked(cli::manual) {
        return code;
    }
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let log = match log::Log::open(&cli.global) {
        Ok(log) => log,
        Err(error) => return log::Log::to_stderr().fail(&error),
    };
    match commands::run(cli, &log) {
        Ok(code) => code,
        Err(error) => log.fail(&error),
    }
}
