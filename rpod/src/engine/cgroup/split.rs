//! `--cgroups=split`: the container's group and its monitor's are made in the caller's own, as a unit with Delegate= wants it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, Result};

const ROOT: &str = "/sys/fs/cgroup";
/// Where the caller goes, since in version 2 a group with groups in it can have no processes.
const OWN: &str = "runtime";

/// The group that is split: the caller's, or that from which it has moved.
pub fn own() -> Result<String> {
    let path = "/proc/self/cgroup";
    let text = fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
    let group = text.lines().find_map(|line| line.strip_prefix("0::"));
    let group = group.context("--cgroups=split needs cgroup v2, and this host has none")?;
    Ok(whole(group).to_owned())
}

fn whole(group: &str) -> &str {
    let above = group
        .strip_suffix(OWN)
        .and_then(|above| above.strip_suffix('/'));
    above.unwrap_or(group)
}

/// Moves this process, and with it what it starts, out of the way.
pub fn step_aside() -> Result<()> {
    let group = Path::new(ROOT)
        .join(own()?.trim_start_matches('/'))
        .join(OWN);
    match fs::create_dir(&group) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| {
                format!(
                    "making cgroup {}: --cgroups=split needs a unit with Delegate=yes",
                    group.display()
                )
            });
        }
        _ => {}
    }
    super::write(&group, "cgroup.procs", "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_split_once() {
        assert_eq!(whole("/system.slice/a.service"), "/system.slice/a.service");
        assert_eq!(
            whole("/system.slice/a.service/runtime"),
            "/system.slice/a.service"
        );
        assert_eq!(whole("/a.service/otherruntime"), "/a.service/otherruntime");
    }
}
