//! Whether an ordinary user may make cgroups, and where.
//!
//! The kernel lets a user make groups only in one that was given to them (cgroups(7), "Delegation"), which is done with cgroup v2
//! and by the user's own systemd. Without that a container has no group of its own, as with podman: nothing limits it, and what
//! would is refused.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::unistd::{AccessFlags, access};

use super::hierarchies;
use crate::engine::container::record::{Container, Resources};
use crate::engine::pod::record::Pod;
use crate::engine::{Context, rootless};

/// Decides over a new container's cgroup. Root's are all root's.
pub fn settle(ctx: &Context, container: &mut Container) -> Result<()> {
    if !rootless() || ctx.systemd_cgroups() || container.resources.no_cgroup {
        return Ok(());
    }
    match own()? {
        Some(parent) if container.resources.cgroup_parent.is_none() => {
            container.resources.cgroup_parent = Some(format!("{parent}/rpod_parent"));
        }
        Some(_) => {}
        None => {
            refuse(&container.resources)?;
            container.resources.no_cgroup = true;
        }
    }
    Ok(())
}

/// The same for a new pod: without a place for it, its containers' cgroups are not put together.
pub fn settle_pod(ctx: &Context, pod: &mut Pod) -> Result<()> {
    if !rootless() || ctx.systemd_cgroups() || !pod.share_parent {
        return Ok(());
    }
    match own()? {
        Some(parent) if pod.cgroup_parent.is_empty() => {
            pod.cgroup_parent = format!("{parent}/rpod_parent");
        }
        Some(_) => {}
        None => {
            refuse(&pod.resources)?;
            pod.share_parent = false;
        }
    }
    Ok(())
}

/// For what only a group can do. `what` is what cannot be done without.
pub fn require(container: &Container, what: &str) -> Result<()> {
    if container.resources.no_cgroup {
        bail!(
            "cannot {what} {}: this container does not have a cgroup: make it without --cgroups disabled, and as an ordinary user on cgroup v2 in a systemd session that delegates controllers",
            container.id
        );
    }
    Ok(())
}

/// Limits need a cgroup that has them.
fn refuse(resources: &Resources) -> Result<()> {
    let Some(option) = first_limit(resources) else {
        return Ok(());
    };
    if option == DEVICE_RULES {
        bail!("device cgroup rules are not supported in rootless mode or in a user namespace");
    }
    bail!(
        "{option}: this user has no cgroup of their own, so nothing can be limited: use cgroup v2 and log in to a systemd session that delegates controllers (--cgroup-manager systemd), or leave the option out"
    )
}

/// The group in which this user may make others, by its path below the mount.
fn own() -> Result<Option<String>> {
    // Where version 1 is mounted too, its trees have the controllers, and they are root's.
    if !Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string("/proc/self/cgroup").context("reading /proc/self/cgroup")?;
    let Some(path) = text.lines().find_map(|line| line.strip_prefix("0::")) else {
        return Ok(None);
    };
    // Processes are in our own group, so it can have no limited groups below it: they are made beside it.
    let Some(parent) = Path::new(path).parent().and_then(Path::to_str) else {
        return Ok(None);
    };
    let root: Option<PathBuf> = hierarchies()?.into_iter().next().map(|tree| tree.root);
    let may = |file: &str| {
        let place = root
            .as_ref()
            .map(|root| root.join(parent.trim_start_matches('/')).join(file));
        place.is_some_and(|place| access(&place, AccessFlags::W_OK).is_ok())
    };
    let given = may("") && may("cgroup.subtree_control") && may("cgroup.procs");
    Ok(given.then(|| parent.trim_end_matches('/').to_owned()))
}

const DEVICE_RULES: &str = "--device-cgroup-rule";

fn first_limit(asked: &Resources) -> Option<&'static str> {
    let io = &asked.block_io;
    let limits = [
        ("--memory", asked.memory.is_some_and(|bytes| bytes != 0)),
        ("--memory-swap", asked.memory_swap.is_some()),
        ("--memory-reservation", asked.memory_reservation.is_some()),
        ("--memory-swappiness", asked.memory_swappiness.is_some()),
        ("--oom-kill-disable", asked.oom_kill_disable),
        ("--cpu-shares", asked.cpu_shares.is_some()),
        ("--cpus or --cpu-quota", asked.cpu_quota.is_some()),
        ("--cpu-period", asked.cpu_period.is_some()),
        ("--cpuset-cpus", asked.cpuset_cpus.is_some()),
        ("--cpuset-mems", asked.cpuset_mems.is_some()),
        ("--pids-limit", asked.pids.is_some_and(|pids| pids > 0)),
        ("--cgroup-conf", !asked.unified.is_empty()),
        ("--cgroup-parent", asked.cgroup_parent.is_some()),
        (DEVICE_RULES, !asked.device_rules.is_empty()),
        ("--blkio-weight", io.weight.is_some()),
        ("--blkio-weight-device", !io.weight_device.is_empty()),
        ("--device-read-bps", !io.read_bps.is_empty()),
        ("--device-write-bps", !io.write_bps.is_empty()),
        ("--device-read-iops", !io.read_iops.is_empty()),
        ("--device-write-iops", !io.write_iops.is_empty()),
    ];
    limits
        .iter()
        .find(|(_, given)| *given)
        .map(|(option, _)| *option)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_named_and_no_limit_is_none() {
        assert!(refuse(&Resources::default()).is_ok());
        let asked = Resources {
            pids: Some(-1),
            ..Resources::default()
        };
        assert!(refuse(&asked).is_ok());
        let asked = Resources {
            memory: Some(1 << 20),
            ..Resources::default()
        };
        let said = refuse(&asked).map_err(|error| error.to_string());
        assert!(said.is_err_and(|text| text.starts_with("--memory: ")));
    }
}
