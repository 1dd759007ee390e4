use super::access::ImageAccess;

/// skopeo-inspect(1)
#[derive(Debug, clap::Args)]
pub struct Inspect {
    #[arg(value_name = "IMAGE-NAME")]
    pub image: String,
    #[command(flatten)]
    pub access: ImageAccess,
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
