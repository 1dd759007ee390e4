//! `process.ioPriority` (ioprio_set(2)).

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;

use crate::spec::IoPriority;

const WHO_PROCESS: libc::c_int = 1;
const CLASS_SHIFT: u32 = 13;

/// Class and priority as ioprio_set(2) takes them.
#[derive(Debug)]
pub(super) struct Priority(u32);

impl Priority {
    pub(super) fn new(wanted: &IoPriority) -> Result<Priority> {
        let class = match wanted.class.as_str() {
            "IOPRIO_CLASS_RT" => 1,
            "IOPRIO_CLASS_BE" => 2,
            "IOPRIO_CLASS_IDLE" => 3,
            other => bail!("invalid ioPriority.Class: {other:?}"),
        };
        ensure!(
            (0..=7).contains(&wanted.priority),
            "invalid ioPriority.Priority: {}",
            wanted.priority
        );
        Ok(Priority(class << CLASS_SHIFT | wanted.priority as u32))
    }

    pub(super) fn apply(&self) -> Result<()> {
        // SAFETY: takes numbers only.
        let done = unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0, self.0) };
        Errno::result(done).map(drop).context("ioprio_set")
    }
}
