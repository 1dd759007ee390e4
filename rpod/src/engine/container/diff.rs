//! What a container or an image changes: podman-diff(1).

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::mount::Reached;
use super::record::Container;
use crate::engine::Context;
use crate::engine::container::overlay;
use crate::engine::files::diff::{Change, of_layer, of_trees};
use crate::engine::image::{self, Image};

/// One side of a comparison.
#[derive(Debug)]
pub enum Subject {
    Container(Box<Container>),
    Image(Box<Image>),
}

/// Paths that every container gets, which are no change that somebody made.
const MADE_BY_RPOD: [&str; 13] = [
    "/dev",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/mtab",
    "/etc/resolv.conf",
    "/proc",
    "/run",
    "/run/.containerenv",
    "/run/notify",
    "/run/podman-init",
    "/run/secrets",
    "/sys",
    "/sys/fs/cgroup",
];

/// What the container changed of its image, or the image's last layer of those below it.
pub fn own(ctx: &Context, subject: &Subject) -> Result<Vec<Change>> {
    let diff = |layer: &String| ctx.store.layers().join(layer).join("diff");
    match subject {
        Subject::Container(container) => {
            let upper = container.home(ctx).join("upper");
            if !upper.exists() {
                return Ok(Vec::new());
            }
            let lower: Vec<PathBuf> = container.image.layers.iter().map(diff).collect();
            Ok(made_by_somebody(of_layer(&upper, &lower)?))
        }
        Subject::Image(image) => {
            image::unpack_missing_layers(ctx, image)?;
            let layers: Vec<PathBuf> = image.layers.iter().map(diff).collect();
            match layers.split_last() {
                Some((top, lower)) => Ok(made_by_somebody(of_layer(top, lower)?)),
                None => Ok(Vec::new()),
            }
        }
    }
}

/// What differs in the first from the second.
pub fn between(ctx: &Context, new: &Subject, old: &Subject) -> Result<Vec<Change>> {
    let (new, old) = (Seen::new(ctx, new)?, Seen::new(ctx, old)?);
    Ok(made_by_somebody(of_trees(new.path(), old.path())?))
}

fn made_by_somebody(mut changes: Vec<Change>) -> Vec<Change> {
    changes.retain(|change| {
        !MADE_BY_RPOD
            .iter()
            .any(|path| change.path == std::path::Path::new(path))
    });
    changes
}

/// The whole tree of a subject, for as long as this lives.
enum Seen<'a> {
    Container(Reached<'a>),
    Image(PathBuf),
}

impl<'a> Seen<'a> {
    fn new(ctx: &Context, subject: &'a Subject) -> Result<Seen<'a>> {
        match subject {
            Subject::Container(container) => Ok(Seen::Container(Reached::new(ctx, container)?)),
            Subject::Image(image) => {
                image::unpack_missing_layers(ctx, image)?;
                let own = format!("diff-{}-{}", std::process::id(), image.id);
                let target = ctx.store.runroot.join("image-mounts").join(own);
                image::mount::mount_at(ctx, image, &target, None)?;
                Ok(Seen::Image(target))
            }
        }
    }

    fn path(&self) -> &std::path::Path {
        match self {
            Seen::Container(reached) => reached.rootfs(),
            Seen::Image(path) => path,
        }
    }
}

impl Drop for Seen<'_> {
    fn drop(&mut self) {
        if let Seen::Image(path) = self {
            // Nothing depends on it; what is left is an unused mount.
            let _ = overlay::unmount(path)
                .and_then(|()| std::fs::remove_dir(&*path).context("removing"));
        }
    }
}
