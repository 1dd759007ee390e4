use super::Retry;
use super::access::ImageAccess;

/// skopeo-list-tags(1)
#[derive(Debug, clap::Args)]
pub struct ListTags {
    /// Repository whose tags are listed, as transport:details
    #[arg(value_name = "SOURCE-IMAGE")]
    pub repository: String,
    #[command(flatten)]
    pub access: ImageAccess,
    #[command(flatten)]
    pub retry: Retry,
}
