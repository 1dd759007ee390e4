//! The cheap way into the groups: a process is born into its v2 group and walks into its v1 groups
//! by itself.
//!
//! Moving another process costs the kernel a grace period of RCU (milliseconds), because the process
//! may fork or exec meanwhile. Neither clone3(2) with CLONE_INTO_CGROUP nor a thread that writes 0
//! to a v1 `tasks` file needs that.

use std::fs::{File, OpenOptions};
use std::os::fd::AsFd;
use std::path::Path;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::unistd::write;

use super::systemd;
use crate::kernel::process::{Side, clone};

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

    /// clone3(2) into the v2 group. From some groups, as a login's is, the kernel lets nobody but root go there: then the user's
    /// systemd takes this process to where it may.
    ///
    /// # Errors
    /// It does not, or the process is not born.
    ///
    /// # Safety
    /// As for [`clone`].
    pub(crate) unsafe fn clone(&self, flags: CloneFlags) -> Result<Side> {
        let group = self.unified.as_ref().map(File::as_fd);
        // SAFETY: the caller's promise.
        match unsafe { clone(flags, group) } {
            Err(Errno::EACCES) if group.is_some() => {
                systemd::step_out().context(
                    "enter the container's cgroup: this process is in a group that it may not leave by itself, as a login's is: run it by `systemd-run --user --scope`",
                )?;
                // SAFETY: the caller's promise.
                Ok(unsafe { clone(flags, group) }?)
            }
            born => Ok(born?),
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
