//! What each command does, one file each.

mod copy;
mod inspect;
mod list_tags;
mod login;
mod logout;
mod manifest_digest;
mod unpack;

use anyhow::{Context, Result};

use crate::cli::{Cli, Command};
use crate::reference::Reference;

/// Runs the parsed command.
pub fn run(cli: Cli) -> Result<()> {
    let Cli {
        global, command, ..
    } = cli;
    match command {
        Command::Copy(args) => copy::run(&global, &args),
        Command::Inspect(args) => inspect::run(&global, &args),
        Command::ListTags(args) => list_tags::run(&global, &args),
        Command::Login(args) => login::run(&args),
        Command::Logout(args) => logout::run(&args),
        Command::ManifestDigest(args) => manifest_digest::run(&args),
        Command::Unpack(args) => unpack::run(&global, &args),
    }
}

fn parse_image(text: &str) -> Result<Reference> {
    text.parse()
        .with_context(|| format!("Error parsing image name {text:?}"))
}
