//! stdin, stdout and stderr, where they are the caller's.

use std::os::fd::{AsFd, BorrowedFd};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, makedev};
use nix::unistd::{Uid, dup2_stderr, dup2_stdin, dup2_stdout, fchown};

/// Put the container's null device in the place of the host's, which is of a
/// mount that the container does not have.
///
/// # Errors
/// The container's cannot be opened; that it has none is no error.
pub(super) fn reopen_null() -> Result<()> {
    let streams = [
        fstat(std::io::stdin().as_fd()),
        fstat(std::io::stdout().as_fd()),
        fstat(std::io::stderr().as_fd()),
    ];
    let nulls = streams.map(|stat| stat.is_ok_and(|stat| is_null(&stat)));
    if nulls == [false; 3] {
        return Ok(());
    }
    let flags = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let place = match open("/dev/null", flags | OFlag::O_PATH, Mode::empty()) {
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(()),
        other => other.context("open /dev/null in the container")?,
    };
    if !is_null(&fstat(&place).context("stat /dev/null in the container")?) {
        return Ok(());
    }
    let null = open("/dev/null", flags | OFlag::O_RDWR, Mode::empty())
        .context("open /dev/null in the container")?;
    let [stdin, stdout, stderr] = nulls;
    let put = || -> nix::Result<()> {
        if stdin {
            dup2_stdin(&null)?;
        }
        if stdout {
            dup2_stdout(&null)?;
        }
        if stderr {
            dup2_stderr(&null)?;
        }
        Ok(())
    };
    put().context("put /dev/null in the place of the host's")
}

fn is_null(stat: &FileStat) -> bool {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFCHR
        && stat.st_rdev == makedev(1, 3)
}

/// The user may open its stdio anew; the null device stays root's.
///
/// # Errors
/// A stream cannot be given away for a reason that says more than that it is not ours.
pub(super) fn give(uid: u32) -> Result<()> {
    for stream in [
        std::io::stdin().as_fd(),
        std::io::stdout().as_fd(),
        std::io::stderr().as_fd(),
    ] {
        give_one(stream, uid).context("give stdio to the user")?;
    }
    Ok(())
}

fn give_one(stream: BorrowedFd<'_>, uid: u32) -> Result<(), Errno> {
    let stat = match fstat(stream) {
        Err(Errno::EBADF) => return Ok(()),
        other => other?,
    };
    if is_null(&stat) || stat.st_uid == uid {
        return Ok(());
    }
    match fchown(stream, Some(Uid::from_raw(uid)), None) {
        // Not ours to give: an unmapped owner, or a file system without.
        Err(Errno::EPERM | Errno::EINVAL | Errno::EROFS) => Ok(()),
        other => other,
    }
}
