//! `sync --src TRANSPORT --dest TRANSPORT SOURCE DESTINATION`: many images, each as `copy` copies it, some at a time. An image
//! that is there already is not copied again.

mod job;
mod source;
mod version;
mod yaml;

use anyhow::{Context, Result, bail};

use crate::cli::{Global, Sync};
use crate::fatal;
use crate::retry::retrying;
use crate::signature::Terms;

use job::Job;

pub fn run(global: &Global, args: &Sync) -> Result<()> {
    let src = args
        .src
        .as_deref()
        .context("A source transport must be specified")?;
    if !["docker", "dir", "yaml"].contains(&src) {
        bail!("{src:?} is not a valid source transport");
    }
    let dest = args
        .dest
        .as_deref()
        .context("A destination transport must be specified")?;
    if !["docker", "dir"].contains(&dest) {
        bail!("{dest:?} is not a valid destination transport");
    }
    if src == "dir" && dest == "dir" {
        bail!("sync from 'dir' to 'dir' not implemented, consider using rsync instead");
    }
    let (from, to) = (args.from.resolve(global)?, args.to.resolve(global)?);
    let (from, to) = super::with_shared(from, to, args.authfile.as_ref(), args.tls_verify);
    let terms = Terms::new(global, &args.signing)?;
    let batches = retrying(&args.retry, || source::batches(src, &args.source, &from))?;
    if args.dry_run {
        fatal::warn("Running in dry-run mode");
    }
    let job = Job::new(global, args, dest, to, terms)?;
    for batch in &batches {
        job.batch(batch)?;
    }
    let verb = if args.dry_run {
        "Would have synced"
    } else {
        "Synced"
    };
    let sources = batches.len();
    let (images, failed) = job.end();
    fatal::info(
        &format!("{verb} {images} images from {sources} sources"),
        &[],
    );
    if failed {
        bail!("Sync failed due to previous reported error(s) for one or more images");
    }
    Ok(())
}
