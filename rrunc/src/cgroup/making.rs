//! Making a container's groups.

use std::path::Path;

use anyhow::Result;

use super::{Holder, Manager, procs, v1, v2};
use crate::spec::Spec;

/// A group that was there is another's: the container would share its limits, and its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InUse {
    #[error(
        "container's cgroup is not empty: {0} process(es) found: choose another linux.cgroupsPath"
    )]
    Processes(usize),
    #[error("container's cgroup unexpectedly frozen: thaw it, or choose another linux.cgroupsPath")]
    Frozen,
    #[error("systemd has a unit {0} already: choose another linux.cgroupsPath")]
    Scope(String),
}

impl Manager {
    /// Makes all that a new container's first process is to find: the scope, if there is to be one, the groups, their limits.
    ///
    /// # Errors
    /// As of [`Manager::start_scope`] and [`Manager::create`], or a limit is refused.
    pub(crate) fn make(&self, id: &str, spec: &Spec) -> Result<Option<Holder>> {
        let holder = self.start_scope(id, spec)?;
        self.create()?;
        if let Some(resources) = &spec.linux.resources {
            self.set(resources)?;
        }
        Ok(holder)
    }

    /// Makes the groups where they are missing.
    ///
    /// # Errors
    /// One cannot be made; or [`InUse`], and then what was there is left as it is.
    pub(crate) fn create(&self) -> Result<()> {
        let mut fresh = Vec::new();
        // A scope is new, and its holder in it.
        if !self.create_groups(&mut fresh)? || self.scope.is_some() {
            return Ok(());
        }
        let others = self.pids()?.len();
        let in_use = match others {
            0 if self.is_frozen()? => InUse::Frozen,
            0 => return Ok(()),
            others => InUse::Processes(others),
        };
        fresh.into_iter().try_for_each(procs::remove)?;
        Err(in_use.into())
    }

    /// Lets systemd make the scope, if there is to be one, with a process that holds it.
    ///
    /// # Errors
    /// It refuses, or cannot be reached.
    fn start_scope(&self, id: &str, spec: &Spec) -> Result<Option<Holder>> {
        let Some(scope) = &self.scope else {
            return Ok(None);
        };
        let holder = scope.start(id, spec, self.unified().is_some())?;
        if let Some(group) = self.unified() {
            scope.move_holder(&holder, group)?;
        }
        Ok(Some(holder))
    }

    /// Whether one of them was there; the others are listed.
    fn create_groups<'a>(&'a self, fresh: &mut Vec<&'a Path>) -> Result<bool> {
        let mut was_there = false;
        for (controller, group) in &self.paths {
            let there = match controller.as_str() {
                "" if self.paths.len() == 1 => v2::create(&self.mountpoint, group, true)?,
                "" => v2::create(&self.mountpoint.join("unified"), group, false)?,
                _ => v1::create(controller, group)?,
            };
            // Some controllers share a group.
            let ours = fresh.contains(&group.as_path());
            was_there |= there && !ours;
            if !there && !ours {
                fresh.push(group);
            }
        }
        Ok(was_there)
    }
}
