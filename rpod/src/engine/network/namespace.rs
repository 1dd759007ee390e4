//! Network namespaces that are kept by a file, as `ip netns` keeps them.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};

use crate::engine::Context;

const OWN: &str = "/proc/self/ns/net";

pub fn path(ctx: &Context, container: &str) -> PathBuf {
    ctx.store.runroot.join("netns").join(container)
}

/// Makes a network namespace and binds it to the file. rpod has one thread, which goes there and comes back.
pub fn make(path: &Path) -> Result<()> {
    let making = || format!("making the network namespace {}", path.display());
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory).with_context(making)?;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .with_context(making)?;
    let before = File::open(OWN).with_context(making)?;
    unshare(CloneFlags::CLONE_NEWNET).with_context(making)?;
    let bound = mount(
        Some(OWN),
        path,
        None::<&str>,
        MsFlags::MS_BIND,
        None::<&str>,
    );
    setns(&before, CloneFlags::CLONE_NEWNET).context("coming back from a new network namespace")?;
    bound.with_context(making)
}

/// Lets go of a namespace. One that is not there is no error.
pub fn remove(path: &Path) -> Result<()> {
    let removing = || format!("removing the network namespace {}", path.display());
    match umount2(path, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
        Err(errno) => return Err(errno).with_context(removing),
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(removing)
        }
        _ => Ok(()),
    }
}
