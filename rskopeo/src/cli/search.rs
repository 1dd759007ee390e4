use super::Retry;
use super::access::ImageAccess;

/// What skopeo has not: an engine's search.
#[derive(Debug, clap::Args)]
pub struct Search {
    /// Registry that is searched
    #[arg(value_name = "REGISTRY")]
    pub registry: String,
    /// Part of the repositories' names; empty for all of them
    #[arg(value_name = "TERM", default_value = "")]
    pub term: String,
    /// Most repositories to tell of
    #[arg(long, value_name = "N", default_value_t = 25)]
    pub limit: usize,
    #[command(flatten)]
    pub access: ImageAccess,
    #[command(flatten)]
    pub retry: Retry,
}
