//! Processes that outlive the command that started them, and so must not be killed with the unit or session that it is part of.

use anyhow::Result;

use crate::engine::Context;
use crate::engine::container::record::Resources;
use crate::systemd::manager;

/// Puts a process into a scope of its own beside its container's, where systemd manages cgroups and the person has not said
/// otherwise.
pub fn set_apart(ctx: &Context, resources: &Resources, name: &str, pid: u32) -> Result<()> {
    if !resources.systemd_cgroup() || resources.monitor_stays {
        return Ok(());
    }
    let slice = resources.cgroup_parent.as_deref().unwrap_or(ctx.slice());
    let description = format!("what watches {name}");
    manager::scope(&format!("{name}.scope"), &description, slice, pid)
}

/// The unit that a container's cgroup is, where systemd manages cgroups.
pub fn of(id: &str) -> String {
    format!("rpod-{id}.scope")
}
