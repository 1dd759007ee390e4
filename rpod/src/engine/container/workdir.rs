//! The working directory that was asked for has to be there; one that the image asks for is made by the runtime.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;

use super::record::Container;
use crate::engine::files::{Root, is_dir};

/// Before the runtime would make it. What is mounted is not looked into, and neither is what a link leads to: both may be there
/// only in the container.
pub(super) fn check(container: &Container, rootfs: &Path) -> Result<()> {
    let asked = Path::new(&container.process.workdir);
    // What holds a mount is made with it.
    let is_mounted = |destination: &str| {
        asked.starts_with(destination) || Path::new(destination).starts_with(asked)
    };
    if !container.process.workdir_asked
        || container
            .mounts
            .iter()
            .any(|mount| is_mounted(&mount.destination))
    {
        return Ok(());
    }
    let root = Root::open(rootfs)?;
    match root.stat(asked) {
        Ok(stat) if is_dir(&stat) => Ok(()),
        Ok(_) => bail!(
            "workdir {:?} exists on container {}, but is not a directory",
            container.process.workdir,
            container.id
        ),
        Err(Errno::ENOENT) if root.has_link(asked) => Ok(()),
        Err(Errno::ENOENT) => bail!(
            "workdir {:?} does not exist on container {}",
            container.process.workdir,
            container.id
        ),
        Err(error) => Err(error).with_context(|| format!("looking at workdir {}", asked.display())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::container::record::Mount;

    #[test]
    fn it_is_there_or_may_be() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("srv/www")).unwrap();
        std::fs::write(dir.path().join("srv/file"), "").unwrap();
        std::os::unix::fs::symlink("/mnt/later", dir.path().join("link")).unwrap();
        let check = |workdir: &str| {
            let mut container = Container::default();
            container.process.workdir = workdir.to_owned();
            container.process.workdir_asked = true;
            container.mounts.push(Mount {
                destination: "/data/in".to_owned(),
                ..Mount::default()
            });
            check(&container, dir.path()).is_ok()
        };
        assert!(check("/srv/www") && check("/data/in/x") && check("/link/x"));
        assert!(check("/") && check("/data"));
        assert!(!check("/srv/none") && !check("/srv/file"));
    }
}
