use std::path::PathBuf;

use super::access::{DestinationAccess, SourceAccess};
use super::copy::Format;
use super::{Retry, Signing};

/// skopeo-sync(1)
#[derive(Debug, clap::Args)]
pub struct Sync {
    /// A repository, a directory or a YAML file, as --src says
    #[arg(value_name = "SOURCE")]
    pub source: String,
    /// Registry or directory that the images are copied to
    #[arg(value_name = "DESTINATION")]
    pub destination: String,
    #[command(flatten)]
    pub from: SourceAccess,
    #[command(flatten)]
    pub to: DestinationAccess,
    #[command(flatten)]
    pub signing: Signing,
    #[command(flatten)]
    pub retry: Retry,
    /// Path of the authentication file, for source and destination
    #[arg(long, value_name = "FILE")]
    pub authfile: Option<PathBuf>,
    /// Require HTTPS and verify certificates, for source and destination
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide = true)]
    pub tls_verify: Option<bool>,
    /// SOURCE transport type: docker, dir or yaml
    #[arg(short, long, value_name = "TRANSPORT")]
    pub src: Option<String>,
    /// DESTINATION transport type: docker or dir
    #[arg(short, long, value_name = "TRANSPORT")]
    pub dest: Option<String>,
    /// Manifest type to use when syncing images (default is manifest type of source, with fallbacks)
    #[arg(short, long, value_name = "MANIFEST TYPE")]
    pub format: Option<Format>,
    /// Images at DESTINATION are prefix using the full source image path as scope
    #[arg(long)]
    pub scoped: bool,
    /// String to append to DESTINATION tags
    #[arg(long, value_name = "SUFFIX", default_value = "")]
    pub append_suffix: String,
    /// Copy all images if SOURCE-IMAGE is a list
    #[arg(short, long)]
    pub all: bool,
    /// Do not copy anything, only tell what would be
    #[arg(long)]
    pub dry_run: bool,
    /// Preserve digests of images and lists
    #[arg(long)]
    pub preserve_digests: bool,
    /// Do not abort the sync if any image copy fails
    #[arg(long)]
    pub keep_going: bool,
    /// Write the digests and image references of the resulting images to the specified file
    #[arg(long, value_name = "FILE")]
    pub digestfile: Option<PathBuf>,
}
