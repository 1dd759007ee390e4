//! Containers, pods and images from the command line, with no daemon.

mod bundle;
mod cli;
mod config;
mod engine;
mod monitor;
mod output;
mod pidfd;
mod process;
mod rootless;
mod store;
mod systemd;
mod users;

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os()
        .next()
        .is_some_and(|name| name == engine::network::forward::NAME)
    {
        return engine::network::forward::main();
    }
    #[cfg(feature = "manual")]
    if let Some(code) = manual::asked(cli::manual) {
        return code;
    }
    match cli::run(std::env::args_os()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => cli::report(&error),
    }
}
