//! What each command does, one file each.

mod manifest_digest;

use anyhow::Result;

use crate::cli::{Cli, Command};

/// Runs the parsed command.
pub fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::ManifestDigest(args) => manifest_digest::run(&args),
    }
}
