use std::path::PathBuf;

use clap::ValueEnum;

use super::Retry;
use super::access::ImageAccess;
use crate::digest::{Digest, Hasher};

/// skopeo-inspect(1)
#[derive(Debug, clap::Args)]
pub struct Inspect {
    /// Name or ID of the image, as transport:details
    #[arg(value_name = "IMAGE-NAME")]
    pub image: String,
    #[command(flatten)]
    pub access: ImageAccess,
    #[command(flatten)]
    pub retry: Retry,
    /// Use docker daemon host at HOST (docker-daemon: only)
    #[arg(long, value_name = "HOST")]
    pub daemon_host: Option<String>,
    /// Directory to use to share blobs across OCI repositories
    #[arg(long, value_name = "DIRECTORY")]
    pub shared_blob_dir: Option<PathBuf>,
    /// Output raw manifest or configuration
    #[arg(long)]
    pub raw: bool,
    /// Output configuration
    #[arg(long)]
    pub config: bool,
    /// Format the output to a Go template
    #[arg(short, long, value_name = "FORMAT", conflicts_with = "raw")]
    pub format: Option<String>,
    /// Algorithm of the digest of the manifest that is shown
    #[arg(long, value_name = "ALGORITHM")]
    pub manifest_digest: Option<Algorithm>,
    /// Do not list the available tags from the repository in the output
    #[arg(short, long)]
    pub no_tags: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Algorithm {
    Sha256,
    Sha512,
}

impl Algorithm {
    pub fn of(self, bytes: &[u8]) -> Digest {
        let mut hasher = match self {
            Self::Sha256 => Hasher::sha256(),
            Self::Sha512 => Hasher::sha512(),
        };
        hasher.update(bytes);
        hasher.finish()
    }
}
