//! What the containers of a pod may use together: limits of the pod's own cgroup.

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::cli::options::{block_io, bytes, is_set};
use crate::engine::container::record::{BlockIo, Resources};

#[derive(Args, Debug)]
pub(super) struct LimitOptions {
    /// Block IO weight (relative weight), between 10 and 1000
    #[arg(long, value_name = "WEIGHT")]
    blkio_weight: Option<String>,
    /// Block IO weight of a device
    #[arg(long, value_name = "DEVICE:WEIGHT")]
    blkio_weight_device: Vec<String>,
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
    /// Limit read rate from a device, in bytes a second
    #[arg(long, value_name = "DEVICE:SIZE")]
    device_read_bps: Vec<String>,
    /// Limit write rate to a device, in bytes a second
    #[arg(long, value_name = "DEVICE:SIZE")]
    device_write_bps: Vec<String>,
    /// Memory limit
    #[arg(short, long, value_name = "SIZE")]
    memory: Option<String>,
    /// Swap limit equal to memory plus swap: -1 for unlimited
    #[arg(long, value_name = "SIZE")]
    memory_swap: Option<String>,
}

impl LimitOptions {
    /// Sets what was asked for and leaves the rest.
    pub(super) fn apply(&self, share_parent: bool, resources: &mut Resources) -> Result<()> {
        if let Some(first) = self.first()
            && !share_parent
        {
            bail!("{first}: with --share-parent=false the pod has no cgroup that could be limited");
        }
        if let Some(cpus) = self.cpus {
            let is_limit = cpus > 0.0;
            resources.cpu_period = is_limit.then_some(100_000);
            resources.cpu_quota = is_limit.then_some((cpus * 100_000.0) as i64);
        }
        for list in self.cpuset_cpus.iter().chain(&self.cpuset_mems) {
            if !is_set(list) {
                bail!("could not parse list: invalid format: {list}");
            }
        }
        set(&mut resources.cpu_shares, &self.cpu_shares);
        set(&mut resources.cpuset_cpus, &self.cpuset_cpus);
        set(&mut resources.cpuset_mems, &self.cpuset_mems);
        let size = |text: &Option<String>| {
            let text = text.as_deref().filter(|text| !text.is_empty());
            let size = text.map(bytes).transpose();
            size.context("invalid value for memory")
        };
        if let Some(memory) = size(&self.memory)? {
            resources.memory = Some(memory).filter(|memory| *memory != 0);
            // The swap of another limit makes no sense with this one.
            resources.memory_swap = None;
        }
        set(&mut resources.memory_swap, &size(&self.memory_swap)?);
        self.block_io(&mut resources.block_io)?;
        match (resources.memory, resources.memory_swap) {
            (None, Some(_)) => {
                bail!("--memory-swap: a limit of memory and swap needs --memory, too")
            }
            (Some(memory), Some(both)) if both >= 0 && both < memory => {
                bail!("--memory-swap: minimum memory swap limit is the memory limit, {memory}")
            }
            _ => Ok(()),
        }
    }

    fn block_io(&self, io: &mut BlockIo) -> Result<()> {
        if let Some(text) = self.blkio_weight.as_ref().filter(|text| !text.is_empty()) {
            io.weight = Some(block_io::weight(text)?);
        }
        type Read = fn(&str) -> Result<(String, u64)>;
        let lists = [
            (
                &self.blkio_weight_device,
                &mut io.weight_device,
                block_io::weight_of_device as Read,
            ),
            (
                &self.device_read_bps,
                &mut io.read_bps,
                block_io::bytes_a_second,
            ),
            (
                &self.device_write_bps,
                &mut io.write_bps,
                block_io::bytes_a_second,
            ),
        ];
        for (asked, own, read) in lists {
            if !asked.is_empty() {
                *own = asked.iter().map(|text| read(text)).collect::<Result<_>>()?;
            }
        }
        Ok(())
    }

    /// The first option that was given.
    fn first(&self) -> Option<&'static str> {
        let given = [
            ("--blkio-weight", self.blkio_weight.is_some()),
            (
                "--blkio-weight-device",
                !self.blkio_weight_device.is_empty(),
            ),
            ("--device-read-bps", !self.device_read_bps.is_empty()),
            ("--device-write-bps", !self.device_write_bps.is_empty()),
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

fn set<T: Clone>(own: &mut Option<T>, asked: &Option<T>) {
    if asked.is_some() {
        own.clone_from(asked);
    }
}
