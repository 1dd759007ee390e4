//! Stopping all processes of a container where they are.

use std::path::Path;

use anyhow::{Result, anyhow};

use super::{Manager, procs};

impl Manager {
    /// Stops every process of the group.
    pub(crate) fn freeze(&self) -> Result<()> {
        self.set_frozen(true)
    }

    /// Lets them go on.
    pub(crate) fn thaw(&self) -> Result<()> {
        self.set_frozen(false)
    }

    fn set_frozen(&self, frozen: bool) -> Result<()> {
        match (self.unified(), self.group("freezer")) {
            (Some(group), _) => procs::freeze_v2(group, frozen),
            (None, Some(group)) => procs::freeze_v1(group, frozen),
            (None, None) => Err(anyhow!(
                "this host has no freezer controller mounted, so the container cannot be paused"
            )),
        }
    }

    /// The group whose freezer stops the processes, where there is one.
    pub(crate) fn freezer(&self) -> Option<&Path> {
        self.unified().or_else(|| self.group("freezer"))
    }

    /// Whether the group is frozen.
    pub(crate) fn is_frozen(&self) -> Result<bool> {
        match (self.unified(), self.group("freezer")) {
            (Some(group), _) if !group.exists() => Ok(false),
            (Some(group), _) => procs::is_frozen_v2(group),
            (None, Some(group)) => procs::is_frozen_v1(group),
            (None, None) => Ok(false),
        }
    }
}
