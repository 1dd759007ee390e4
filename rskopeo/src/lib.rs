//! rskopeo copies, inspects and unpacks container images, in the place of skopeo and umoci. This is all of the program but its
//! `main`, so that fuzzers can be linked with it, too.

// Nothing but `run` is reachable from outside: `pub` says what a module offers to the others.
#![allow(unreachable_pub)]

mod ahead;
mod atomic;
mod bounds;
mod bundle;
mod cli;
mod commands;
mod compression;
mod config;
mod copy;
mod digest;
mod encryption;
mod fatal;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod go_json;
mod go_template;
mod layer;
mod manifest;
mod pem;
mod platform;
mod podman_store;
mod reference;
mod registry;
mod retry;
mod signature;
mod store;
mod tar_split;
mod terminal;
mod transport;
mod turns;
mod user_namespace;
mod yaml;

use std::process::ExitCode;

/// The whole program: from the process's arguments to its exit code.
pub fn run() -> ExitCode {
    #[cfg(feature = "manual")]
    if let Some(code) = manual::asked(cli::manual) {
        return code;
    }
    match cli::parse().and_then(commands::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::complain(&fatal::line(&error));
            ExitCode::from(fatal::exit_code(&error))
        }
    }
}
