//! What the containers of a pod may use together: limits of the pod's own cgroup.

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::options::bytes;
use crate::engine::Context;
use crate::engine::container::record::Resources;

#[derive(Args, Debug)]
pub(super) struct LimitOptions {
    /// CPU shares (relative weight)
    #[arg(short, long, value_name = "SHARES")]
    cpu_shares: Option<u64>,
    /// Number of CPUs. The default is 0.000 which means no limit
    #[arg(long, value_name = "N")]
    cpus: Option<f64>,
    /// CPUs in which to allow execution (0-3, 0,1)
    #[arg(long, value_name = "CPUS")]
    cpuset_cpus: Option<String>,
    /// Memory nodes in which to allow execution (0-3, 0,1)
    #[arg(long, value_name = "NODES")]
    cpuset_mems: Option<String>,
    /// Memory limit
    #[arg(short, long, value_name = "SIZE")]
    memory: Option<String>,
    /// Swap limit equal to memory plus swap: -1 for unlimited
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    memory_swap: Option<String>,
}

impl LimitOptions {
    pub(super) fn resources(&self, ctx: &Context, share_parent: bool) -> Result<Resources> {
        let Some(first) = self.first() else {
            return Ok(Resources::default());
        };
        if !share_parent {
            bail!("{first}: with --share-parent=false the pod has no cgroup that could be limited");
        }
        if ctx.systemd_cgroups() {
            bail!("{first}: limits of a pod need --cgroup-manager cgroupfs");
        }
        let size = |text: &Option<String>| text.as_deref().map(bytes).transpose();
        let cpus = self.cpus.filter(|cpus| *cpus > 0.0);
        let resources = Resources {
            cpu_shares: self.cpu_shares,
            cpu_period: cpus.map(|_| 100_000),
            cpu_quota: cpus.map(|cpus| (cpus * 100_000.0) as i64),
            cpuset_cpus: self.cpuset_cpus.clone(),
            cpuset_mems: self.cpuset_mems.clone(),
            memory: size(&self.memory)?,
            memory_swap: size(&self.memory_swap)?,
            ..Resources::default()
        };
        match (resources.memory, resources.memory_swap) {
            (None, Some(_)) => {
                bail!("--memory-swap: a limit of memory and swap needs --memory, too")
            }
            (Some(memory), Some(both)) if both >= 0 && both < memory => {
                bail!("--memory-swap: minimum memory swap limit is the memory limit, {memory}")
            }
            _ => Ok(resources),
        }
    }

    /// The first option that was given.
    fn first(&self) -> Option<&'static str> {
        let given = [
            ("--cpu-shares", self.cpu_shares.is_some()),
            ("--cpus", self.cpus.is_some()),
            ("--cpuset-cpus", self.cpuset_cpus.is_some()),
            ("--cpuset-mems", self.cpuset_mems.is_some()),
            ("--memory", self.memory.is_some()),
            ("--memory-swap", self.memory_swap.is_some()),
        ];
        given
            .iter()
            .find(|(_, given)| *given)
            .map(|(name, _)| *name)
    }
}
