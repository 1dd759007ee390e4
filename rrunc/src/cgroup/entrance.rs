//! The cheap way into the groups: a process is born into its v2 group and walks into its v1 groups
//! by itself.
//!
//! Moving another process costs the kernel a grace period of RCU (milliseconds), because the process
//! may fork or exec meanwhile. Neither clone3(2) with CLONE_INTO_CGROUP nor a thread that writes 0
//! to a v1 `tasks` file needs that.

use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow};
use nix::errno::Errno;
use nix::unistd::write;

/// Opened before the process is born, so that it enters with its runtime's rights and without
/// resolving a path.
#[derive(Debug)]
pub(crate) struct Entrance {
    unified: Option<File>,
    tasks: Vec<File>,
}

impl Entrance {
    pub(super) fn open<'a>(
        unified: Option<&Path>,
        v1: impl IntoIterator<Item = &'a Path>,
    ) -> Result<Entrance> {
        let open = |path: &Path, options: &OpenOptions| {
            options
                .open(path)
                .with_context(|| format!("open {}", path.display()))
        };
        let unified = unified
            .map(|group| open(group, OpenOptions::new().read(true)))
            .transpose()?;
        let tasks = v1
            .into_iter()
            .map(|group| open(&group.join("tasks"), OpenOptions::new().write(true)));
        Ok(Entrance {
            unified,
            tasks: tasks.collect::<Result<_>>()?,
        })
    }

    /// The v2 group's directory, which clone3(2) takes with CLONE_INTO_CGROUP.
    pub(crate) fn unified(&self) -> Option<BorrowedFd<'_>> {
        self.unified.as_ref().map(File::as_fd)
    }

    /// What clone3(2) into the v2 group means by its errno.
    pub(crate) fn refusal(&self, errno: Errno) -> Error {
        match (errno, &self.unified) {
            (Errno::EACCES, Some(_)) => anyhow!(
                "enter the container's cgroup: this process is in a group that it may not leave by itself, as a login's is: run it by `systemd-run --user --scope`"
            ),
            _ => errno.into(),
        }
    }

    /// Takes the calling process, which has one thread, into the v1 groups; its first act.
    pub(crate) fn enter(&self) -> Result<()> {
        for tasks in &self.tasks {
            write(tasks, b"0").context("enter a control group")?;
        }
        Ok(())
    }
}
