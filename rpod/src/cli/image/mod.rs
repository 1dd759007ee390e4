//! Commands on images.

mod exists;
mod history;
mod import;
mod inspect;
mod list;
mod load;
mod mount;
mod prune;
mod pull;
mod push;
mod rmi;
mod save;
mod scp;
mod search;
mod sign;
mod tag;
mod tree;
pub mod trust;
pub mod writing;

use std::fs;
use std::path::PathBuf;

use anyhow::Error;
use clap::Args;

pub use exists::Exists;
pub use history::History;
pub use import::Import;
pub use inspect::Inspect;
pub use list::{ImageList, Images};
pub use load::Load;
pub use mount::{Mount, Unmount};
pub use prune::Prune;
pub use pull::Pull;
pub(super) use pull::chosen_platform;
pub use push::Push;
pub use rmi::{ImageRemove, Rmi};
pub use save::Save;
pub use scp::Scp;
pub use search::Search;
pub use sign::Sign;
pub use tag::{Tag, Untag};
pub use tree::Tree;

use super::ExitStatus;
use super::choice::Amiss;
use super::errors::worded;
use crate::engine::image::Access;
use crate::output::parse_go_duration;

/// The file of `--authfile`, for commands that only read it. One that is not there is told before anything is done.
pub(super) fn authfile(text: &str) -> Result<PathBuf, Amiss> {
    match fs::metadata(text) {
        Err(error) if !text.is_empty() => {
            let error = Error::new(error).context(format!("faccessat {text}"));
            Err(Amiss(worded(
                &error.context("credential file is not accessible"),
            )))
        }
        _ => Ok(PathBuf::from(text)),
    }
}

/// How a registry is reached, of every command that speaks to one.
#[derive(Args, Clone, Debug)]
pub(super) struct RegistryOptions {
    /// Path of the authentication file
    #[arg(long, value_name = "PATH", value_parser = authfile)]
    authfile: Option<PathBuf>,
    /// Directory with TLS certificates for the registry
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,
    /// USERNAME:PASSWORD for the registry
    #[arg(long, value_name = "CREDENTIALS")]
    creds: Option<String>,
    /// Require HTTPS and verify certificates when contacting registries
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
}

impl From<RegistryOptions> for Access {
    fn from(options: RegistryOptions) -> Self {
        Self {
            authfile: options.authfile,
            cert_dir: options.cert_dir,
            creds: options.creds,
            tls_verify: options.tls_verify,
            ..Self::default()
        }
    }
}

/// Options of commands that copy to or from a registry.
#[derive(Args, Clone, Debug)]
pub(super) struct CopyOptions {
    #[command(flatten)]
    registry: RegistryOptions,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    /// How often to try again when the registry fails
    #[arg(long, value_name = "COUNT")]
    retry: Option<u32>,
    /// How long to wait before trying again (the waiting grows by itself if not given)
    #[arg(long, value_name = "DURATION", value_parser = delay)]
    retry_delay: Option<String>,
}

/// A length of time for rskopeo, which reads it, too.
fn delay(text: &str) -> Result<String, Amiss> {
    match parse_go_duration(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(Amiss(format!("time: invalid duration {text:?}"))),
    }
}

/// The same, of commands that Docker has, too.
#[derive(Args, Clone, Debug)]
pub(super) struct AccessOptions {
    #[command(flatten)]
    copy: CopyOptions,
    /// Docker's option: it does nothing
    #[arg(long)]
    disable_content_trust: bool,
}

impl From<AccessOptions> for Access {
    fn from(options: AccessOptions) -> Self {
        // podman-pull(1): for scripts written for Docker, without effect.
        let AccessOptions {
            copy,
            disable_content_trust: _,
        } = options;
        copy.into()
    }
}

impl From<CopyOptions> for Access {
    fn from(options: CopyOptions) -> Self {
        Self {
            retry: options.retry,
            retry_delay: options.retry_delay,
            quiet: options.quiet,
            ..Self::from(options.registry)
        }
    }
}

/// One error of a command that does many things, or all of them in podman's list.
pub(super) fn joined(errors: &[anyhow::Error], code: u8) -> anyhow::Error {
    let message = match errors {
        [error] => worded(error),
        errors => {
            let items: String = errors
                .iter()
                .map(|error| format!("\t* {}\n", worded(error)))
                .collect();
            format!("{} errors occurred:\n{items}", errors.len())
        }
    };
    ExitStatus { code, message }.into()
}
