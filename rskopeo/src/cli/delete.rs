use std::path::PathBuf;

use super::Retry;
use super::access::ImageAccess;

/// skopeo-delete(1)
#[derive(Debug, clap::Args)]
pub struct Delete {
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
}
