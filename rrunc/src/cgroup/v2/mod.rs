//! cgroup v2: one group in one tree, with controllers enabled down the path.

mod limits;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::limit::write;

pub(super) use limits::{cpu_weight, keep_quota, limits, swap_max, use_bfq_weight};

/// Makes the group and its missing parents. In a tree of its own (`delegate`), every controller that
/// is available is enabled down to the group's parent; beside v1 hierarchies nothing is.
///
/// Returns whether the group was there.
pub(super) fn create(mountpoint: &Path, group: &Path, delegate: bool) -> Result<bool> {
    let below = group
        .strip_prefix(mountpoint)
        .with_context(|| format!("{} is not in {}", group.display(), mountpoint.display()))?;
    let mut current = mountpoint.to_owned();
    let mut was_there = true;
    for name in below {
        if delegate {
            enable_controllers(&current)?;
        }
        current.push(name);
        match fs::create_dir(&current) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).with_context(|| format!("mkdir {}", current.display()));
            }
            made => was_there = made.is_err(),
        }
    }
    refuse_threaded(group)?;
    Ok(was_there)
}

/// Enables for the group's children what is available and not enabled yet. What cannot be enabled
/// (a group with processes of its own, a controller not delegated) shows when a limit needs it.
fn enable_controllers(group: &Path) -> Result<()> {
    let read = |file: &str| {
        let path = group.join(file);
        fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    };
    let enabled = read("cgroup.subtree_control")?;
    let available = read("cgroup.controllers")?;
    let missing: Vec<String> = available
        .split_whitespace()
        .filter(|name| !enabled.split_whitespace().any(|enabled| enabled == *name))
        .map(|name| format!("+{name}"))
        .collect();
    let control = group.join("cgroup.subtree_control");
    if !missing.is_empty() && write(&control, &missing.join(" ")).is_err() {
        // All or nothing failed: one that cannot be enabled must not keep the others out.
        for controller in missing {
            write(&control, &controller).ok();
        }
    }
    Ok(())
}

/// A group in a threaded subtree takes no process that is not of the same program.
fn refuse_threaded(group: &Path) -> Result<()> {
    let path = group.join("cgroup.type");
    match fs::read_to_string(&path) {
        Ok(kind) if kind.trim() == "domain" || kind.trim() == "domain threaded" => Ok(()),
        Ok(kind) => bail!(
            "cgroup {} is {}: a parent of it has processes of its own; choose another linux.cgroupsPath",
            group.display(),
            kind.trim()
        ),
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}
