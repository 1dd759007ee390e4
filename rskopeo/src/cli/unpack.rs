use std::path::PathBuf;

use super::access::ImageAccess;
use crate::layer::IdMap;

#[derive(Debug, clap::Args)]
pub struct Unpack {
    /// Image to unpack, as TRANSPORT:NAME
    #[arg(value_name = "IMAGE")]
    pub image: String,
    /// Directory to make the bundle in; with --layers, the directory of unpacked layers
    #[arg(value_name = "BUNDLE")]
    pub target: PathBuf,
    #[command(flatten)]
    pub access: ImageAccess,
    /// Unpack each missing layer to BUNDLE/CHAINID/diff in overlayfs form, and make no bundle
    #[arg(long, conflicts_with = "rootless")]
    pub layers: bool,
    /// Map user ids, and run in a user namespace
    #[arg(long, value_name = "CONTAINER:HOST[:SIZE]")]
    pub uid_map: Vec<IdMap>,
    /// Map group ids, and run in a user namespace
    #[arg(long, value_name = "CONTAINER:HOST[:SIZE]")]
    pub gid_map: Vec<IdMap>,
    /// Make all files the caller's, and a bundle that an ordinary user can run (the default when not root)
    #[arg(long)]
    pub rootless: bool,
}
