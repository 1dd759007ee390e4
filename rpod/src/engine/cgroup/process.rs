//! The groups that a process is in: /proc/PID/cgroup.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::{Hierarchy, Version, hierarchies, read, words};

/// The groups of one process in all trees.
#[derive(Debug)]
pub struct Groups(Vec<(Hierarchy, String)>);

impl Groups {
    pub fn of(pid: i32) -> Result<Groups> {
        let path = format!("/proc/{pid}/cgroup");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        let trees = hierarchies()?;
        let groups = trees.into_iter().filter_map(|mut tree| {
            let group = text.lines().find_map(|line| group_in(line, &tree))?;
            // Not all that the host has are handed down to an ordinary user's groups.
            if tree.version == Version::V2
                && let Ok(controllers) = read(&tree.group(&group), "cgroup.controllers")
            {
                tree.controllers = words(&controllers, ' ');
            }
            Some((tree, group))
        });
        Ok(Groups(groups.collect()))
    }

    /// The group that this controller acts on.
    pub(super) fn of_controller(&self, controller: &str) -> Option<(Version, PathBuf)> {
        let (tree, path) = self.0.iter().find(|(tree, _)| tree.controls(controller))?;
        Some((tree.version, tree.group(path)))
    }

    pub(super) fn unified(&self) -> Option<PathBuf> {
        let mut all = self.0.iter();
        let (tree, path) = all.find(|(tree, _)| tree.version == Version::V2)?;
        Some(tree.group(path))
    }

    /// True while the process is frozen with its group.
    pub fn frozen(&self) -> Result<bool> {
        if let Some((Version::V1, group)) = self.of_controller("freezer") {
            return Ok(read(&group, "freezer.state")? != "THAWED");
        }
        match self.unified() {
            Some(group) => Ok(read(&group, "cgroup.freeze")? == "1"),
            None => Ok(false),
        }
    }
}

/// `ID:CONTROLLER,…:PATH`, without controllers in version 2.
fn group_in(line: &str, tree: &Hierarchy) -> Option<String> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, path) = (fields.next()?, fields.next()?);
    let is_in = match tree.version {
        Version::V2 => controllers.is_empty(),
        Version::V1 => controllers.split(',').any(|name| tree.controls(name)),
    };
    is_in.then(|| path.to_owned())
}
