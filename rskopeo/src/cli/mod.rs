//! The command line, one file a subcommand. Parsed arguments are plain data; `commands` acts on them.

mod access;
mod completion;
mod copy;
mod delete;
mod download;
mod duration;
mod fields;
mod flags;
mod image_proxy;
mod inspect;
mod layers;
mod list_tags;
mod login;
mod manifest_digest;
mod mistakes;
mod pack;
mod retry;
mod search;
mod signing;
mod standalone;
mod sync;
mod unpack;

use std::env;
use std::path::PathBuf;

use crate::bounds::Bounds;
use crate::layer::Limits;
use anyhow::Result;
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use completion::Completion;
pub use copy::{CompressFormat, Copy, Format, MultiArch};
pub use delete::Delete;
pub use download::Download;
pub use duration::Duration;
pub use fields::Fields;
pub use image_proxy::ImageProxy;
pub use inspect::{Algorithm, Inspect};
pub use layers::{DEPRECATED as LAYERS_IS_DEPRECATED, Layers};
pub use list_tags::ListTags;
pub use login::{Login, Logout};
pub use manifest_digest::ManifestDigest;
pub use pack::Pack;
pub use retry::Retry;
pub use search::Search;
pub use signing::Signing;
pub use standalone::{
    GenerateSigstoreKey, StandaloneSign, StandaloneVerify, UntrustedSignatureDump,
};
pub use sync::Sync;
pub use unpack::Unpack;

/// Various operations with container images and container image registries
#[derive(Debug, Parser)]
#[command(name = "rskopeo", version = concat!("version ", env!("CARGO_PKG_VERSION")), disable_version_flag = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
    /// Version for rskopeo
    #[arg(short = 'v', long, action = ArgAction::Version)]
    version: Option<bool>,
}

/// Options of every command (skopeo(1) "OPTIONS").
#[derive(Debug, clap::Args)]
pub struct Global {
    /// Path to a trust policy file
    #[arg(long, value_name = "FILE", global = true)]
    pub policy: Option<PathBuf>,
    /// Run the tool without any policy check
    #[arg(long, global = true)]
    pub insecure_policy: bool,
    /// Require any pulled image to be signed, whatever the trust policy says
    #[arg(long, global = true)]
    pub require_signed: bool,
    /// Path to a containers-tls-details.yaml(5) file: what of TLS may be used
    #[arg(long, value_name = "FILE", global = true)]
    pub tls_details: Option<PathBuf>,
    /// Use OS instead of the running OS for choosing images
    #[arg(long, value_name = "OS", global = true)]
    pub override_os: Option<String>,
    /// Use ARCH instead of the architecture of the machine for choosing images
    #[arg(long, value_name = "ARCH", global = true)]
    pub override_arch: Option<String>,
    /// Use VARIANT instead of the running architecture variant for choosing images
    #[arg(long, value_name = "VARIANT", global = true)]
    pub override_variant: Option<String>,
    /// Directory used to store temporary files
    #[arg(long, value_name = "DIR", global = true)]
    pub tmpdir: Option<PathBuf>,
    /// Give the command no longer than this (as Go writes a time: 30s, 1h15m); 0 is no limit
    #[arg(long, value_name = "DURATION", global = true)]
    pub command_timeout: Option<Duration>,
    /// Tell on stderr what is being done
    #[arg(long, global = true)]
    pub debug: bool,
    /// For those who give it before the command's name
    #[arg(id = "deprecated-tls-verify", long = "tls-verify", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide = true)]
    pub tls_verify: Option<bool>,
    /// Path of the registries.conf to use
    #[arg(long, value_name = "FILE", global = true, hide = true)]
    pub registries_conf: Option<PathBuf>,
    /// Put PREFIX before the name by which registries know this client
    #[arg(long, value_name = "PREFIX", global = true)]
    pub user_agent_prefix: Option<String>,
    /// Refuse manifests, configurations and lists of tags larger than this (4 MiB)
    #[arg(long, value_name = "BYTES", global = true)]
    pub max_manifest_size: Option<u64>,
    /// Refuse a token server's answer larger than this (1 MiB)
    #[arg(long, value_name = "BYTES", global = true)]
    pub max_token_size: Option<u64>,
    /// Refuse to unpack a layer with more entries than this (4 million)
    #[arg(long, value_name = "N", global = true)]
    pub max_entries: Option<u64>,
    /// Refuse to unpack a layer with more file content than this (256 GiB)
    #[arg(long, value_name = "BYTES", global = true)]
    pub max_bytes: Option<u64>,
    /// Refuse a layer that unpacks to more than a gigabyte and to more than N times its size (500)
    #[arg(long, value_name = "N", global = true)]
    pub max_ratio: Option<u64>,
    /// Use registry configuration files in DIR (e.g. for container signature storage)
    #[arg(long = "registries.d", value_name = "DIR", global = true)]
    pub registries_d: Option<PathBuf>,
}

impl Global {
    pub fn bounds(&self) -> Bounds {
        let default = Bounds::default();
        Bounds {
            manifest: self.max_manifest_size.unwrap_or(default.manifest),
            token: self.max_token_size.unwrap_or(default.token),
            layer: Limits {
                entries: self.max_entries.unwrap_or(default.layer.entries),
                bytes: self.max_bytes.unwrap_or(default.layer.bytes),
                ratio: self.max_ratio.unwrap_or(default.layer.ratio),
            },
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Generate a shell completion script
    Completion(Completion),
    /// Copy an IMAGE-NAME from one location to another
    Copy(Box<Copy>),
    /// Delete image IMAGE-NAME
    Delete(Delete),
    /// Inspect image IMAGE-NAME
    Inspect(Inspect),
    /// Serve images to a program over a socket (EXPERIMENTAL)
    #[command(name = "experimental-image-proxy", hide = true)]
    ImageProxy(ImageProxy),
    /// Get layers of IMAGE-NAME
    #[command(hide = true)]
    Layers(Layers),
    /// List tags in the transport/repository specified by the SOURCE-IMAGE
    ListTags(ListTags),
    /// Login to a container registry
    Login(Login),
    /// Logout of a container registry
    Logout(Logout),
    /// Generate a sigstore public/private key pair
    GenerateSigstoreKey(GenerateSigstoreKey),
    /// Compute a manifest digest of a file
    ManifestDigest(ManifestDigest),
    /// Create a signature using local files
    StandaloneSign(StandaloneSign),
    /// Verify a signature using local files
    StandaloneVerify(StandaloneVerify),
    /// Dump contents of a signature WITHOUT VERIFYING IT
    #[command(name = "untrusted-signature-dump-without-verification", hide = true)]
    UntrustedSignatureDump(UntrustedSignatureDump),
    /// Make IMAGE of a bundle: the changes in its rootfs become a layer on top of the image that it was unpacked from
    Pack(Pack),
    /// Write a file of a web server to standard output
    #[command(hide = true)]
    Download(Download),
    /// Search a registry for repositories
    #[command(hide = true)]
    Search(Search),
    /// Synchronize one or more images from one location to another
    Sync(Box<Sync>),
    /// Unpack IMAGE into a runtime bundle, or into layers
    Unpack(Unpack),
}

/// Parses the process's arguments. Help and version are printed here and end the process.
///
/// # Errors
/// The arguments are not understood; the text is skopeo's where it has one.
pub fn parse() -> Result<Cli> {
    let mut command = Cli::command();
    let arguments = flags::plain(&command, env::args_os().skip(1))?;
    command
        .try_get_matches_from_mut(&arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches))
        .map_err(|error| {
            if !error.use_stderr() {
                error.exit();
            }
            mistakes::told(&error, &mut command, &arguments)
        })
}

/// What the man pages and completions are written from.
#[cfg(any(test, feature = "manual"))]
pub fn manual() -> manual::Manual {
    manual::Manual {
        command: <Cli as clap::CommandFactory>::command(),
        section: 1,
        words: concat!(env!("CARGO_MANIFEST_DIR"), "/man"),
        completions: crate::commands::completion::installed(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn everything_is_documented() {
        super::manual().check();
    }
}
