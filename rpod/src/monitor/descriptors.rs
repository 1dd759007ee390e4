//! Descriptors of the caller's that stay at their numbers through monitor and runtime, up to the process inside.
//!
//! A runtime passes on all numbers from 3 up to the last, so those between that are not meant to get through are `/dev/null`.

use std::fs::File;
use std::os::fd::{AsRawFd as _, BorrowedFd, RawFd};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};

/// The first after standard error.
pub const FIRST: RawFd = 3;

#[derive(Clone, Copy, Debug, Default)]
pub struct Preserved {
    /// How many numbers there are from 3 on.
    pub count: u32,
}

impl Preserved {
    /// Those of a list, and the first `first` after standard error. Each has to be the caller's.
    pub fn new(list: &[RawFd], first: u16) -> Result<Preserved> {
        let end = FIRST + RawFd::from(first);
        for (option, fd) in list
            .iter()
            .map(|fd| ("preserve-fd", *fd))
            .chain((FIRST..end).map(|fd| ("preserve-fds", fd)))
        {
            if !is_inherited(fd) {
                bail!(
                    "file descriptor {fd} is not available - the {option} option requires that file descriptors must be passed"
                );
            }
        }
        let last = list.iter().map(|fd| fd + 1).max().unwrap_or(end).max(end);
        for fd in (end..last).filter(|fd| !list.contains(fd)) {
            close_to_others(fd)?;
        }
        let preserved = Preserved {
            count: (last - FIRST).unsigned_abs(),
        };
        preserved.hold()?;
        Ok(preserved)
    }

    /// Keeps them from every program that is not meant to have them.
    pub fn hold(self) -> Result<()> {
        self.set(FdFlag::FD_CLOEXEC)
    }

    /// Lets the next program have them.
    pub fn let_through(self) -> Result<()> {
        self.set(FdFlag::empty())
    }

    /// True if all of them are the caller's.
    pub fn are_inherited(self) -> bool {
        self.numbers().all(is_inherited)
    }

    fn numbers(self) -> impl Iterator<Item = RawFd> {
        (FIRST..).take(self.count as usize)
    }

    fn set(self, flag: FdFlag) -> Result<()> {
        for fd in self.numbers() {
            // SAFETY: only marked; a number that is no open descriptor is an error of fcntl(2).
            let fd = unsafe { BorrowedFd::borrow_raw(fd) };
            fcntl(fd, FcntlArg::F_SETFD(flag))
                .with_context(|| format!("passing on descriptor {fd:?}"))?;
        }
        Ok(())
    }
}

/// What rpod opens itself is closed by execve(2).
fn is_inherited(fd: RawFd) -> bool {
    // SAFETY: only asked about; a number that is no open descriptor is an error of fcntl(2).
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    fcntl(fd, FcntlArg::F_GETFD) == Ok(0)
}

/// Puts `/dev/null` at a number, so that nothing else can be there.
fn close_to_others(fd: RawFd) -> Result<()> {
    let null = File::open("/dev/null").context("opening /dev/null")?;
    if null.as_raw_fd() == fd {
        // It stays open as long as rpod runs.
        std::mem::forget(null);
        return Ok(());
    }
    // SAFETY: asked about and replaced: what the caller has there is none of rpod's own files, which are closed by execve(2) and so
    // told from it.
    let busy = unsafe { BorrowedFd::borrow_raw(fd) };
    if fcntl(busy, FcntlArg::F_GETFD).is_ok_and(|flags| flags != 0) {
        bail!("descriptor {fd} is in use by rpod: pass it, too, or choose lower numbers");
    }
    // SAFETY: plain numbers; the number is nobody's, or the caller's and not to be passed on.
    Errno::result(unsafe { libc::dup2(null.as_raw_fd(), fd) })
        .map(drop)
        .with_context(|| format!("closing descriptor {fd} to the container"))
}
