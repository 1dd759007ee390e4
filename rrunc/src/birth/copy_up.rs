//! `tmpcopyup`: a tmpfs begins with what it hides.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::{Context, Result};
use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, fchmodat, fstatat, mkdirat, mknodat};
use nix::unistd::{Gid, Uid, fchownat, symlinkat};

/// Copy the tree below `from` into the directory `to`, owners and modes kept.
///
/// # Errors
/// Something cannot be read or made.
pub(super) fn fill(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<()> {
    let mut directory =
        Dir::from_fd(open(from, c".", OFlag::O_DIRECTORY)?).context("read the directory")?;
    for entry in directory.iter() {
        let entry = entry.context("read the directory")?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            copy(from, to, name).with_context(|| format!("copy {}", name.to_string_lossy()))?;
        }
    }
    Ok(())
}

fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    let stat = fstatat(from, name, AtFlags::AT_SYMLINK_NOFOLLOW).context("stat")?;
    let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
    match kind {
        SFlag::S_IFDIR => {
            mkdirat(to, name, Mode::from_bits_truncate(0o700)).context("mkdir")?;
            fill(
                open(from, name, OFlag::O_DIRECTORY)?.as_fd(),
                open(to, name, OFlag::O_DIRECTORY)?.as_fd(),
            )?;
        }
        SFlag::S_IFREG => {
            let mut source = File::from(open(from, name, OFlag::O_NONBLOCK)?);
            let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
            let copy =
                openat(to, name, flags, Mode::from_bits_truncate(0o600)).context("create")?;
            io::copy(&mut source, &mut File::from(copy)).context("write")?;
        }
        SFlag::S_IFLNK => {
            let destination = readlinkat(from, name).context("readlink")?;
            symlinkat(destination.as_os_str(), to, name).context("symlink")?;
        }
        other => mknodat(
            to,
            name,
            other,
            Mode::from_bits_truncate(0o600),
            stat.st_rdev,
        )
        .context("mknod")?,
    }
    keep_owner(to, name, kind, &stat)
}

fn keep_owner(to: BorrowedFd<'_>, name: &CStr, kind: SFlag, stat: &FileStat) -> Result<()> {
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    fchownat(to, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW).context("chown")?;
    if kind == SFlag::S_IFLNK {
        return Ok(());
    }
    // Last, since chown takes the set-id bits away.
    fchmodat(
        to,
        name,
        Mode::from_bits_truncate(stat.st_mode),
        FchmodatFlags::FollowSymlink,
    )
    .context("chmod")
}

fn open(from: BorrowedFd<'_>, name: &CStr, flags: OFlag) -> Result<OwnedFd> {
    openat(
        from,
        name,
        flags | OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC,
        Mode::empty(),
    )
    .context("open")
}
