//! To be told when the kernel kills for want of memory.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::errno::Errno;
use std::cell::Cell;
use std::os::fd::{FromRawFd, OwnedFd};

use super::limit::write_or_explain;

/// A descriptor that is readable when something may have happened.
#[derive(Debug)]
pub(crate) enum OomWatch {
    /// cgroup v1: an eventfd that counts (memory.oom_control).
    Counter(OwnedFd),
    /// cgroup v2: an inotify of memory.events, which counts itself.
    File {
        inotify: OwnedFd,
        events: PathBuf,
        seen: Cell<u64>,
    },
}

impl OomWatch {
    pub(super) fn v1(group: &Path) -> Result<OomWatch> {
        // SAFETY: takes numbers only.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        let fd = Errno::result(fd).context("eventfd")?;
        // SAFETY: the call just returned this descriptor to us alone.
        let counter = unsafe { OwnedFd::from_raw_fd(fd) };
        let control = group.join("memory.oom_control");
        let control =
            File::open(&control).with_context(|| format!("open {}", control.display()))?;
        let line = format!("{} {}", counter.as_raw_fd(), control.as_raw_fd());
        write_or_explain(&group.join("cgroup.event_control"), &line)?;
        Ok(OomWatch::Counter(counter))
    }

    pub(super) fn v2(group: &Path) -> Result<OomWatch> {
        let events = group.join("memory.events");
        // SAFETY: takes numbers only.
        let fd = unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) };
        let fd = Errno::result(fd).context("inotify_init1")?;
        // SAFETY: the call just returned this descriptor to us alone.
        let inotify = unsafe { OwnedFd::from_raw_fd(fd) };
        let path = std::ffi::CString::new(events.as_os_str().as_encoded_bytes())?;
        // SAFETY: the path is a C string that outlives the call.
        let watch =
            unsafe { libc::inotify_add_watch(inotify.as_raw_fd(), path.as_ptr(), libc::IN_MODIFY) };
        Errno::result(watch).with_context(|| {
            format!(
                "watch {}: is the memory controller enabled for the container?",
                events.display()
            )
        })?;
        let seen = Cell::new(kills(&events)?);
        Ok(OomWatch::File {
            inotify,
            events,
            seen,
        })
    }

    /// How often it happened since the last call.
    pub(crate) fn take(&self) -> Result<u64> {
        let mut buffer = [0; 4096];
        let read = File::from(self.as_fd().try_clone_to_owned()?).read(&mut buffer);
        match (self, read) {
            (_, Err(error)) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(0),
            (_, Err(error)) => Err(error).context("read what happened to the container's memory"),
            (OomWatch::Counter(_), Ok(_)) => {
                let count = buffer
                    .first_chunk()
                    .map_or(0, |bytes| u64::from_ne_bytes(*bytes));
                Ok(count)
            }
            (OomWatch::File { events, seen, .. }, Ok(_)) => {
                let now = kills(events)?;
                Ok(now.saturating_sub(seen.replace(now)))
            }
        }
    }
}

impl AsFd for OomWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            OomWatch::Counter(fd) | OomWatch::File { inotify: fd, .. } => fd.as_fd(),
        }
    }
}

/// A group that is gone has counted to its end.
fn kills(events: &Path) -> Result<u64> {
    let text = match fs::read_to_string(events) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        other => other.with_context(|| format!("read {}", events.display()))?,
    };
    let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
    Ok(count.and_then(|count| count.parse().ok()).unwrap_or(0))
}
