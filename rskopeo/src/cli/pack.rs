use std::path::PathBuf;

use super::access::ImageAccess;

/// umoci-repack(1)
#[derive(Debug, clap::Args)]
pub struct Pack {
    /// Bundle that rskopeo or umoci has unpacked
    #[arg(value_name = "BUNDLE")]
    pub bundle: PathBuf,
    /// Image to make, as TRANSPORT:NAME
    #[arg(value_name = "IMAGE")]
    pub image: String,
    #[command(flatten)]
    pub access: ImageAccess,
    /// Take the image that the bundle is of from here (the default is IMAGE's own layout, then where it was unpacked from)
    #[arg(long, value_name = "IMAGE")]
    pub from: Option<String>,
    /// Take no notice of changes at PATH and below
    #[arg(long, value_name = "PATH")]
    pub mask_path: Vec<PathBuf>,
    /// Take notice of changes in the image's volumes
    #[arg(long)]
    pub no_mask_volumes: bool,
    /// Let the bundle be one of the new image
    #[arg(long)]
    pub refresh_bundle: bool,
    /// Do not add to the image's history
    #[arg(
        long,
        conflicts_with_all = ["history_author", "history_comment", "history_created", "history_created_by"]
    )]
    pub no_history: bool,
    /// Author of the change (the default is the image's)
    #[arg(long = "history.author", value_name = "AUTHOR", id = "history_author")]
    pub history_author: Option<String>,
    /// Comment on the change
    #[arg(long = "history.comment", value_name = "TEXT", id = "history_comment")]
    pub history_comment: Option<String>,
    /// Time of the change, as RFC 3339 has it (the default is now)
    #[arg(long = "history.created", value_name = "TIME", id = "history_created")]
    pub history_created: Option<String>,
    /// What made the change
    #[arg(
        long = "history.created_by",
        value_name = "TEXT",
        id = "history_created_by"
    )]
    pub history_created_by: Option<String>,
}
