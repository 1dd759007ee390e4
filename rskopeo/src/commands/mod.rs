//! What each command does, one file each.

pub(crate) mod completion;
mod copy;
mod delete;
mod download;
mod generate_sigstore_key;
mod image_proxy;
mod inspect;
mod layers;
mod list_tags;
mod login;
mod logout;
mod manifest_digest;
mod pack;
mod search;
mod standalone_sign;
mod standalone_verify;
mod sync;
mod unpack;
mod untrusted_signature_dump;

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::thread;

use anyhow::{Context, Result, anyhow, bail};

use crate::bounds;
use crate::cli::{Cli, Command, Duration, Global};
use crate::config::Registries;
use crate::fatal;
use crate::reference::Reference;
use crate::registry::choose_tls_details;
use crate::terminal;
use crate::transport::{self, Access};
use crate::user_namespace;

/// Runs the parsed command.
pub fn run(cli: Cli) -> Result<()> {
    let Cli {
        global, command, ..
    } = cli;
    if images(&command).any(|image| transport::is_of_many_users(&image)) {
        // While there is only this thread.
        user_namespace::enter()?;
    }
    start(&global)?;
    match command {
        Command::Completion(args) => completion::run(&args),
        Command::Copy(args) => copy::run(&global, &args),
        Command::Delete(args) => delete::run(&global, &args),
        Command::Download(args) => download::run(&args),
        Command::Inspect(args) => inspect::run(&global, &args),
        Command::ImageProxy(args) => image_proxy::run(&global, &args),
        Command::Layers(args) => layers::run(&global, &args),
        Command::ListTags(args) => list_tags::run(&global, &args),
        Command::Login(args) => login::run(&args),
        Command::Logout(args) => logout::run(&args),
        Command::ManifestDigest(args) => manifest_digest::run(&args),
        Command::GenerateSigstoreKey(args) => generate_sigstore_key::run(&args),
        Command::StandaloneSign(args) => standalone_sign::run(&args),
        Command::StandaloneVerify(args) => standalone_verify::run(&args),
        Command::UntrustedSignatureDump(args) => untrusted_signature_dump::run(&args),
        Command::Pack(args) => pack::run(&global, &args),
        Command::Search(args) => search::run(&global, &args),
        Command::Sync(args) => sync::run(&global, &args),
        Command::Unpack(args) => unpack::run(&global, &args),
    }
}

/// The source and the destination of a copy, with what is said of both.
fn with_shared(
    mut from: Access,
    mut to: Access,
    authfile: Option<&PathBuf>,
    tls_verify: Option<bool>,
) -> (Access, Access) {
    if tls_verify.is_some() {
        fatal::warn(
            "'--tls-verify' is deprecated, instead use: --src-tls-verify, --dest-tls-verify",
        );
    }
    for access in [&mut from, &mut to] {
        access.authfile = access.authfile.take().or_else(|| authfile.cloned());
        access.tls_verify = access.tls_verify.or(tls_verify);
    }
    (from, to)
}

/// The images that the command names; what is no image's name is the command's to complain about.
fn images(command: &Command) -> impl Iterator<Item = Reference> {
    let names = match command {
        Command::Copy(args) => vec![&args.source, &args.destination],
        Command::Delete(args) => vec![&args.image],
        Command::Inspect(args) => vec![&args.image],
        Command::Layers(args) => vec![&args.image],
        Command::Pack(args) => vec![&args.image],
        Command::Unpack(args) => vec![&args.image],
        _ => Vec::new(),
    };
    names.into_iter().filter_map(|name| name.parse().ok())
}

/// What the global options change for all that follows.
fn start(global: &Global) -> Result<()> {
    if global.debug {
        fatal::show_debug();
    }
    if global.insecure_policy && global.require_signed {
        bail!("--insecure-policy and --require-signed are mutually exclusive");
    }
    if global.tls_verify.is_some() {
        fatal::warn("'--tls-verify' is deprecated, please set this on the specific subcommand");
    }
    bounds::choose(global.bounds());
    if let Some(path) = &global.tls_details {
        choose_tls_details(path)?;
    }
    if let Some(path) = &global.registries_conf {
        Registries::use_file(path.clone());
    }
    if let Some(Duration(limit)) = global.command_timeout
        && !limit.is_zero()
    {
        thread::spawn(move || {
            thread::sleep(limit);
            // Whatever is half-written has no name yet, or one that the next command sweeps.
            let error = anyhow!(
                "context deadline exceeded: the command took longer than {limit:?} (--command-timeout)"
            );
            terminal::complain(&fatal::line(&error));
            process::exit(1);
        });
    }
    Ok(())
}

/// Reads a file that is named on the command line; `what` stands before its name in skopeo's error.
fn read(what: &str, path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("Error reading {what}{0}: open {0}", path.display()))
}

fn parse_image(text: &str) -> Result<Reference> {
    text.parse()
        .with_context(|| format!("Error parsing image name {text:?}"))
}
