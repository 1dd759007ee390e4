//! `delete IMAGE-NAME`

use anyhow::{Context, Result};

use crate::cli::{Delete, Global};
use crate::reference::Reference;
use crate::retry::retrying;
use crate::transport;

pub fn run(global: &Global, args: &Delete) -> Result<()> {
    let reference: Reference = args
        .image
        .parse()
        .with_context(|| format!("Invalid source name {}", args.image))?;
    let mut access = args.access.resolve(global)?;
    access.shared_blob_dir.clone_from(&args.shared_blob_dir);
    access.daemon_host.clone_from(&args.daemon_host);
    retrying(&args.retry, || transport::delete(&reference, &access))
}
