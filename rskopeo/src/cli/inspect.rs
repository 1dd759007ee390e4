use std::path::PathBuf;

use super::access::ImageAccess;

/// skopeo-inspect(1)
#[derive(Debug, clap::Args)]
pub struct Inspect {
    #[arg(value_name = "IMAGE-NAME")]
    pub image: String,
    #[command(flatten)]
    pub access: ImageAccess,
    /// Directory to use to share blobs across OCI repositories
    #[arg(long, value_name = "DIRECTORY")]
    pub shared_blob_dir: Option<PathBuf>,
    /// Output raw manifest or configuration
    #[arg(long)]
    pub raw: bool,
    /// Output configuration
    #[arg(long)]
    pub config: bool,
    /// Do not list the available tags from the repository in the output
    #[arg(short, long)]
    pub no_tags: bool,
}
