//! rskopeo copies, inspects and unpacks container images, in the place of skopeo and umoci.

// In a program nothing is reachable from outside: `pub` says what a module offers to the others.
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

use std::process::ExitCode;

fn main() -> ExitCode {
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
