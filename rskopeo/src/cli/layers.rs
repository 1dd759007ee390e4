use super::Retry;
use super::access::ImageAccess;

/// Is said first, whatever follows.
pub const DEPRECATED: &str = "DEPRECATED: rskopeo layers is deprecated in favor of rskopeo copy";

/// The command that skopeo keeps for those who used it before `copy`.
#[derive(Debug, clap::Args)]
pub struct Layers {
    /// Name or ID of the image, as transport:details
    #[arg(value_name = "IMAGE-NAME")]
    pub image: String,
    /// Digests of layers; all, when none is given
    #[arg(value_name = "LAYER")]
    pub layers: Vec<String>,
    #[command(flatten)]
    pub access: ImageAccess,
    #[command(flatten)]
    pub retry: Retry,
    /// Use docker daemon host at HOST (docker-daemon: only)
    #[arg(long, value_name = "HOST")]
    pub daemon_host: Option<String>,
}
