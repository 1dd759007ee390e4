//! What each command does, one file each.

mod copy;
mod generate_sigstore_key;
mod inspect;
mod list_tags;
mod login;
mod logout;
mod manifest_digest;
mod pack;
mod standalone_sign;
mod standalone_verify;
mod unpack;
mod untrusted_signature_dump;

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
        Command::GenerateSigstoreKey(args) => generate_sigstore_key::run(&args),
        Command::StandaloneSign(args) => standalone_sign::run(&args),
        Command::StandaloneVerify(args) => standalone_verify::run(&args),
        Command::UntrustedSignatureDump(args) => untrusted_signature_dump::run(&args),
        Command::Pack(args) => pack::run(&global, &args),
        Command::Unpack(args) => unpack::run(&global, &args),
    }
}

fn parse_image(text: &str) -> Result<Reference> {
    text.parse()
        .with_context(|| format!("Error parsing image name {text:?}"))
}
