//! Mounts of new file systems: tmpfs, proc, sysfs and so on.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;
use nix::fcntl::ResolveFlag;
use nix::sys::stat::fstat;

use super::copy_up;
use super::mounts::Plan;
use super::rootfs::{Kind, Rootfs};
use crate::kernel::mount::{Attributes, Filesystem, attach, set_attributes, set_label};

impl Plan<'_> {
    /// Make a file system and mount it. A tmpfs that is to be read-only is
    /// returned, see [`make_readonly`].
    pub(super) fn mount_new(
        &self,
        kind: &str,
        rootfs: &Rootfs,
        resolve: ResolveFlag,
    ) -> Result<Option<OwnedFd>> {
        let is_made = kind == "tmpfs"
            && !self.options.has("mode")
            && matches!(rootfs.open(&self.destination, resolve), Err(Errno::ENOENT));
        let target = self.target(rootfs, Kind::Directory, resolve)?;
        let filesystem = CString::new(kind).map_err(|_| anyhow!("type contains a nul byte"))?;
        let filesystem =
            Filesystem::open(&filesystem).with_context(|| format!("file system type {kind:?}"))?;
        let configured = self.configure(&filesystem, kind, target.as_fd(), is_made);
        let readonly_later =
            kind == "tmpfs" && self.options.initial() & libc::MOUNT_ATTR_RDONLY != 0;
        let attributes = self.options.initial()
            & if readonly_later {
                !libc::MOUNT_ATTR_RDONLY
            } else {
                !0
            };
        let mount = configured
            .and_then(|()| filesystem.mount(attributes))
            .map_err(|text| anyhow!(text))?;
        if self.options.copy_up {
            copy_up::fill(target.as_fd(), mount.as_fd()).context("tmpcopyup")?;
        }
        if let Some((_, label)) = self.label
            && kind == "mqueue"
        {
            set_label(mount.as_fd(), label).context("label the mount")?;
        }
        attach(mount.as_fd(), target.as_fd()).context("attach the mount")?;
        self.propagate(mount.as_fd())?;
        Ok(readonly_later.then_some(mount))
    }

    fn configure(
        &self,
        filesystem: &Filesystem,
        kind: &str,
        target: BorrowedFd<'_>,
        is_made: bool,
    ) -> Result<(), String> {
        if let Some(source) = self.entry.source.as_deref().and_then(Path::to_str) {
            filesystem.set("source", Some(source))?;
        }
        for (key, value) in &self.options.data {
            filesystem.set(key, value.as_deref())?;
        }
        // The first two take no label, the third only later.
        if let Some((key, label)) = self.label
            && !matches!(kind, "proc" | "sysfs" | "mqueue")
        {
            filesystem.set(key, Some(label))?;
        }
        // A tmpfs over a directory looks like the directory; one over nothing
        // keeps the file system's own default.
        if kind == "tmpfs" && !is_made && !self.options.has("mode") {
            let mode = fstat(target)
                .map_err(|errno| errno.desc().to_owned())?
                .st_mode
                & 0o7777;
            filesystem.set("mode", Some(&format!("{mode:o}")))?;
        }
        Ok(())
    }
}

/// What was to be read-only from the start and had to be furnished first.
///
/// # Errors
/// An attribute cannot be set.
pub(super) fn make_readonly(mounts: Vec<OwnedFd>) -> Result<()> {
    let change = Attributes {
        set: libc::MOUNT_ATTR_RDONLY,
        ..Attributes::default()
    };
    for mount in mounts {
        set_attributes(mount.as_fd(), false, change).context("make a tmpfs read-only")?;
    }
    Ok(())
}
