//! `U`: what is mounted becomes the container's user's, with all that is in it.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{Gid, Uid, fchownat};

use crate::bundle;
use crate::engine::Context;
use crate::engine::container::record::{Container, Mount};
use crate::engine::files::walk;

/// Makes the mount's source the user's that the container runs as.
pub(super) fn give(ctx: &Context, container: &Container, mount: &Mount) -> Result<()> {
    if walk::is_the_hosts(&mount.source) {
        bail!(
            "changing the owner of {}: it is the host's own, so U is not allowed",
            mount.source
        );
    }
    let (uid, gid) = bundle::owner(&container.home(ctx).join("rootfs"), &container.process.user)?;
    let owner = match container.user_namespace.maps() {
        Some(maps) => maps.outside(uid, gid),
        None => (uid, gid),
    };
    chown(Path::new(&mount.source), owner)
        .with_context(|| format!("changing the owner of {}", mount.source))
}

fn chown(path: &Path, (uid, gid): (u32, u32)) -> Result<()> {
    let owner = (Uid::from_raw(uid), Gid::from_raw(gid));
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let top = open(path, flags, Mode::empty())?;
    // What was given once is left as its user has it: only the top is looked at, as podman does.
    let about = fstat(&top)?;
    if (about.st_uid, about.st_gid) == (uid, gid) {
        return Ok(());
    }
    if path.is_dir() {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        walk::below(open(path, flags, Mode::empty())?, &mut |parent, name| {
            let (uid, gid) = (Some(owner.0), Some(owner.1));
            Ok(fchownat(
                parent,
                name,
                uid,
                gid,
                AtFlags::AT_SYMLINK_NOFOLLOW,
            )?)
        })?;
    }
    // Last, so that it tells that all was given.
    fchownat(
        &top,
        c"",
        Some(owner.0),
        Some(owner.1),
        AtFlags::AT_EMPTY_PATH,
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn a_tree_is_given_and_what_links_lead_to_is_not() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (tree, other) = (dir.path().join("tree"), dir.path().join("other"));
        std::fs::create_dir_all(tree.join("a/b")).unwrap();
        std::fs::write(&other, "").unwrap();
        std::os::unix::fs::symlink(&other, tree.join("a/link")).unwrap();
        chown(&tree, (7, 8)).unwrap();
        for path in ["", "a", "a/b", "a/link"] {
            let about = std::fs::symlink_metadata(tree.join(path)).unwrap();
            assert_eq!((about.uid(), about.gid()), (7, 8), "{path}");
        }
        assert_eq!(std::fs::metadata(&other).unwrap().uid(), 0);
        // What changes hands inside of a tree that was given stays there.
        std::os::unix::fs::chown(tree.join("a"), Some(9), None).unwrap();
        chown(&tree, (7, 8)).unwrap();
        assert_eq!(std::fs::metadata(tree.join("a")).unwrap().uid(), 9);
        chown(&tree, (10, 8)).unwrap();
        assert_eq!(std::fs::metadata(tree.join("a")).unwrap().uid(), 10);
    }
}
