//! What the host has mounted (proc_pid_mountinfo(5)), read only where a
//! container asks for something that depends on it.

use std::ffi::{CString, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::kernel::mount::{Attributes, set_attributes_at};

/// pivot_root(2) refuses a new root whose parent mount is shared. One that only follows another is left to do so. The path has
/// no links in it.
pub(super) fn make_parent_private(path: &Path) -> Result<()> {
    let mounts = read()?;
    let (parent, shared) = mounts
        .lines()
        .filter_map(|line| Some((unescape(line.split(' ').nth(4)?), is_shared(line))))
        .filter(|(point, _)| path.starts_with(point))
        .max_by_key(|(point, _)| point.as_os_str().len())
        .ok_or_else(|| {
            anyhow!(
                "{} is below no mount of /proc/self/mountinfo",
                path.display()
            )
        })?;
    if !shared {
        return Ok(());
    }
    let point = CString::new(parent.as_os_str().as_bytes())?;
    set_attributes_at(
        &point,
        false,
        Attributes {
            propagation: libc::MS_PRIVATE,
            ..Attributes::default()
        },
    )
    .with_context(|| format!("make {} private", parent.display()))
}

/// Without pivot_root(2) the host's root stays in the mount namespace, and whoever finds a whole
/// procfs or sysfs there may mount another without the container's masks: they are taken away.
///
/// # Errors
/// One can neither be unmounted nor covered.
pub(super) fn hide_pseudo_filesystems(rootfs: &Path) -> Result<()> {
    for point in whole_pseudo_filesystems(&read()?, rootfs) {
        let (none, tree) = (None::<&str>, MsFlags::MS_SLAVE | MsFlags::MS_REC);
        let hidden = match mount(none, &point, none, tree, none) {
            // Gone with one above it.
            Err(Errno::ENOENT) => continue,
            Err(errno) => Err(errno),
            Ok(()) => umount2(&point, MntFlags::MNT_DETACH),
        };
        match hidden {
            // Locked: it came from a more powerful user namespace.
            Err(Errno::EINVAL | Errno::EPERM) => {
                mount(Some("tmpfs"), &point, Some("tmpfs"), MsFlags::empty(), none)
            }
            other => other,
        }
        .with_context(|| format!("hide {} from the container", point.display()))?;
    }
    Ok(())
}

/// By the optional fields, from the seventh up to the dash.
fn is_shared(line: &str) -> bool {
    line.split(' ')
        .skip(6)
        .take_while(|field| *field != "-")
        .any(|field| field.starts_with("shared:"))
}

fn whole_pseudo_filesystems(mounts: &str, rootfs: &Path) -> Vec<PathBuf> {
    let wanted = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        let (root, point) = (*fields.get(3)?, unescape(fields.get(4)?));
        let kind = line.split_once(" - ")?.1.split(' ').next()?;
        let found = root == "/" && matches!(kind, "proc" | "sysfs") && !point.starts_with(rootfs);
        found.then_some(point)
    };
    mounts.lines().filter_map(wanted).collect()
}

fn read() -> Result<String> {
    fs::read_to_string("/proc/self/mountinfo").context("read /proc/self/mountinfo")
}

/// mountinfo writes blanks as octal.
fn unescape(field: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = field.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail
            .get(..3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if first == b'\\' => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    PathBuf::from(OsStr::from_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_in_mountinfo_are_read() {
        assert_eq!(unescape(r"/a\040b\134"), Path::new(r"/a b\"));
    }

    #[test]
    fn shared_mounts_are_told() {
        assert!(is_shared("1 0 8:1 / / rw shared:1 master:2 - ext4 a rw"));
        assert!(!is_shared("1 0 8:1 / / rw master:2 - ext4 shared:1 rw"));
        assert!(!is_shared("1 0 8:1 / / rw - ext4 a rw"));
    }

    #[test]
    fn whole_pseudo_filesystems_outside_of_the_root_are_found() {
        let mounts = "22 1 0:21 / /proc rw - proc proc rw\n\
                      23 1 0:21 /sys /x rw - proc proc rw\n\
                      24 1 0:22 / /r/proc rw shared:1 - proc proc rw\n\
                      25 1 0:23 / /sys rw shared:1 - sysfs sysfs rw\n";
        assert_eq!(
            whole_pseudo_filesystems(mounts, Path::new("/r")),
            [Path::new("/proc"), Path::new("/sys")]
        );
    }
}
