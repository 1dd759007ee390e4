//! What containers use, and how much of it since they were last asked.

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::Timestamp;

use super::record::Container;
use super::status::Status;
use crate::engine::Context;
use crate::engine::cgroup::{Groups, Usage, delegation, network};

/// One look at a container; all zero for one that does not run.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub id: String,
    pub name: String,
    pub usage: Usage,
    /// Bytes received and sent, by interface.
    pub network: Vec<(String, u64, u64)>,
    /// When it was, in nanoseconds since 1970.
    pub at: u64,
    /// Per cent of one processor since the last look, and since it was started.
    pub cpu: f64,
    pub average_cpu: f64,
}

/// Remembers the last look at each container.
#[derive(Debug, Default)]
pub struct Observer {
    last: BTreeMap<String, (u64, u64)>,
}

impl Observer {
    pub fn look(&mut self, ctx: &Context, container: &Container) -> Result<Stats> {
        let mut stats = Stats {
            id: container.id.clone(),
            name: container.name.clone(),
            ..Stats::default()
        };
        let (Status::Running(started) | Status::Paused(started)) =
            ctx.store.status(&container.id)?
        else {
            self.last.remove(&container.id);
            return Ok(stats);
        };
        delegation::require(container, "count what is used by container")?;
        // It may end while we look; then it uses nothing any more.
        let usage = Groups::of(started.pid).and_then(|groups| groups.usage());
        let (Ok(usage), Ok(network)) = (usage, network(started.pid)) else {
            return Ok(stats);
        };
        stats.usage = usage;
        stats.usage.memory_limit = usage.memory_limit.min(physical_memory());
        stats.network = network;
        stats.at = nanoseconds(Timestamp::now());
        let begin = (0, nanoseconds(started.at));
        let last = self
            .last
            .insert(container.id.clone(), (usage.cpu, stats.at))
            // Less than before is another run.
            .filter(|(cpu, _)| *cpu <= usage.cpu)
            .unwrap_or(begin);
        stats.cpu = percent(&stats, last);
        stats.average_cpu = percent(&stats, begin);
        Ok(stats)
    }
}

fn percent(stats: &Stats, (cpu, at): (u64, u64)) -> f64 {
    let (used, elapsed) = (
        stats.usage.cpu.saturating_sub(cpu),
        stats.at.saturating_sub(at),
    );
    if elapsed == 0 {
        return 0.0;
    }
    used as f64 / elapsed as f64 * 100.0
}

impl Stats {
    pub fn memory_percent(&self) -> f64 {
        match self.usage.memory_limit {
            0 => 0.0,
            limit => self.usage.memory as f64 / limit as f64 * 100.0,
        }
    }
}

fn nanoseconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_nanosecond()).unwrap_or_default()
}

fn physical_memory() -> u64 {
    nix::sys::sysinfo::sysinfo().map_or(u64::MAX, |info| info.ram_total())
}
