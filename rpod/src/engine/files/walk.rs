//! Every file of a tree that somebody may change meanwhile: each step is taken from an open directory, and no link is followed.

use std::ffi::CStr;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use anyhow::{Context as _, Result, bail};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fstatat};

use super::is_dir;

/// Deeper than any honest tree.
const DEEPEST: usize = 1024;

/// Directories that are the host's own, which no container may take over: podman's list.
const SYSTEM: [&str; 26] = [
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/etc/passwd",
    "/etc/pki",
    "/etc/shadow",
    "/home",
    "/lib",
    "/lib64",
    "/media",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/run/shm",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/var",
    "/var/lib",
    "/var/log",
    "/var/tmp",
];

/// Whether it is a directory of the host's own.
pub fn is_the_hosts(path: &str) -> bool {
    path == "/" || SYSTEM.contains(&path.trim_end_matches('/'))
}

/// What is done with a file: the directory that it is in, and its name.
pub type Act<'a> = dyn FnMut(BorrowedFd<'_>, &CStr) -> Result<()> + 'a;

/// Does something with all that is below a directory, with a directory before what is in it. What goes meanwhile is let go.
///
/// # Errors
/// The names on the way to the file come before what `act` says.
pub fn below(directory: OwnedFd, act: &mut Act<'_>) -> Result<()> {
    descend(directory, act, 0)
}

fn descend(directory: OwnedFd, act: &mut Act<'_>, depth: usize) -> Result<()> {
    if depth > DEEPEST {
        bail!("its directories are nested deeper than {DEEPEST}");
    }
    let mut directory = Dir::from_fd(directory)?;
    let names: Vec<_> = directory
        .iter()
        .map(|entry| entry.map(|entry| entry.file_name().to_owned()))
        .collect::<nix::Result<_>>()?;
    for name in names {
        if name.as_c_str() == c"." || name.as_c_str() == c".." {
            continue;
        }
        match one(directory.as_fd(), &name, act, depth) {
            // It went while we looked.
            Err(error) if error.downcast_ref() == Some(&Errno::ENOENT) => {}
            other => other.with_context(|| name.to_string_lossy().into_owned())?,
        }
    }
    Ok(())
}

fn one(parent: BorrowedFd<'_>, name: &CStr, act: &mut Act<'_>, depth: usize) -> Result<()> {
    act(parent, name)?;
    if !is_dir(&fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW)?) {
        return Ok(());
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    descend(openat(parent, name, flags, Mode::empty())?, act, depth + 1)
}
