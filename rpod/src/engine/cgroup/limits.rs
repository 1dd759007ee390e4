//! Limits of a group that rpod makes: `resources` as a list of files to write.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Hierarchy, Version, block_io, hierarchies, read, with, write};
use crate::engine::container::record::Resources;

/// One file of one controller.
struct Limit {
    controller: &'static str,
    v1: (&'static str, String),
    v2: (&'static str, String),
}

/// Makes the group in the trees that limit something and sets the limits. Done again it changes nothing.
pub fn limit(path: &str, resources: &Resources) -> Result<()> {
    let limits = limits(resources);
    if limits.is_empty() && !block_io::is_asked(&resources.block_io) {
        return Ok(());
    }
    let trees = hierarchies()?;
    for limit in limits {
        let tree = with(&trees, limit.controller)?;
        make(tree, path, limit.controller)?;
        let (file, value) = match tree.version {
            Version::V1 => limit.v1,
            Version::V2 => limit.v2,
        };
        write(&tree.group(path), file, &value)?;
    }
    if block_io::is_asked(&resources.block_io) {
        let tree = with(&trees, "blkio").or_else(|_| with(&trees, "io"))?;
        make(
            tree,
            path,
            if tree.version == Version::V1 {
                "blkio"
            } else {
                "io"
            },
        )?;
        block_io::limit(&tree.group(path), tree.version, &resources.block_io)?;
    }
    Ok(())
}

fn limits(resources: &Resources) -> Vec<Limit> {
    let mut all = Vec::new();
    let mut add = |controller, v1, v2| {
        all.push(Limit { controller, v1, v2 });
    };
    if let Some(bytes) = resources.memory {
        add(
            "memory",
            ("memory.limit_in_bytes", bytes.to_string()),
            ("memory.max", or_max(bytes)),
        );
        let both = resources.memory_and_swap().unwrap_or(-1);
        let swap = if both < 0 { both } else { both - bytes };
        add(
            "memory",
            ("memory.memsw.limit_in_bytes", both.to_string()),
            ("memory.swap.max", or_max(swap)),
        );
    }
    if let Some(bytes) = resources.memory_reservation {
        add(
            "memory",
            ("memory.soft_limit_in_bytes", bytes.to_string()),
            ("memory.low", or_max(bytes)),
        );
    }
    if let Some(shares) = resources.cpu_shares {
        add(
            "cpu",
            ("cpu.shares", shares.to_string()),
            ("cpu.weight", weight(shares).to_string()),
        );
    }
    let period = resources.cpu_period.unwrap_or(100_000);
    if resources.cpu_period.is_some() {
        let quota = resources.cpu_quota.map_or("max".to_owned(), or_max);
        add(
            "cpu",
            ("cpu.cfs_period_us", period.to_string()),
            ("cpu.max", format!("{quota} {period}")),
        );
    }
    if let Some(quota) = resources.cpu_quota {
        add(
            "cpu",
            ("cpu.cfs_quota_us", quota.to_string()),
            ("cpu.max", format!("{} {period}", or_max(quota))),
        );
    }
    for (file, list) in [
        ("cpuset.cpus", &resources.cpuset_cpus),
        ("cpuset.mems", &resources.cpuset_mems),
    ] {
        if let Some(list) = list {
            add("cpuset", (file, list.clone()), (file, list.clone()));
        }
    }
    if let Some(count) = resources.pids {
        add(
            "pids",
            ("pids.max", or_max(count)),
            ("pids.max", or_max(count)),
        );
    }
    all
}

fn or_max(value: i64) -> String {
    if value < 0 {
        "max".to_owned()
    } else {
        value.to_string()
    }
}

/// Shares of v1 (2 to 262144) as a weight of v2 (1 to 10000), as the runtimes convert them.
pub fn weight(shares: u64) -> u64 {
    1 + (shares.clamp(2, 262_144) - 2) * 9999 / 262_142
}

/// Makes the group and those above it. In v2 each has to hand the controller down; in v1 a cpuset begins empty.
fn make(tree: &Hierarchy, path: &str, controller: &str) -> Result<()> {
    let mut above = tree.root.clone();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let group = above.join(name);
        if tree.version == Version::V2 {
            hand_down(&above, controller)?;
        }
        match fs::create_dir(&group) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(error).with_context(|| format!("making cgroup {}", group.display()));
            }
            _ => {}
        }
        if tree.version == Version::V1 && controller == "cpuset" {
            for file in ["cpuset.cpus", "cpuset.mems"] {
                if read(&group, file)?.is_empty() {
                    write(&group, file, &read(&above, file)?)?;
                }
            }
        }
        above = group;
    }
    Ok(())
}

fn hand_down(group: &Path, controller: &str) -> Result<()> {
    let file = "cgroup.subtree_control";
    let handed = read(group, file)?;
    if handed.split(' ').any(|name| name == controller) {
        return Ok(());
    }
    write(group, file, &format!("+{controller}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_become_weights() {
        assert_eq!((weight(2), weight(1024), weight(262_144)), (1, 39, 10_000));
    }

    #[test]
    fn memory_brings_swap() {
        let asked = Resources {
            memory: Some(1 << 20),
            ..Resources::default()
        };
        let all = limits(&asked);
        let values: Vec<_> = all.iter().map(|limit| limit.v2.1.as_str()).collect();
        assert_eq!(values, ["1048576", "1048576"]);
        assert_eq!(all[1].v1.1, "2097152");
    }
}
