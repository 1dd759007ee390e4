//! Limits that can be changed while the container lives: podman-update(1).

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::{block_io, bytes};
use crate::engine::container::record::Resources;

#[derive(Args, Debug)]
pub(in crate::cli) struct LimitOptions {
    /// Block IO weight (relative weight), between 10 and 1000
    #[arg(long, value_name = "WEIGHT")]
    blkio_weight: Option<String>,
    /// Block IO weight of a device
    #[arg(long, value_name = "DEVICE:WEIGHT")]
    blkio_weight_device: Vec<String>,
    /// Limit read rate from a device, in bytes a second
    #[arg(long, value_name = "DEVICE:SIZE")]
    device_read_bps: Vec<String>,
    /// Limit read rate from a device, in operations a second
    #[arg(long, value_name = "DEVICE:N")]
    device_read_iops: Vec<String>,
    /// Limit write rate to a device, in bytes a second
    #[arg(long, value_name = "DEVICE:SIZE")]
    device_write_bps: Vec<String>,
    /// Limit write rate to a device, in operations a second
    #[arg(long, value_name = "DEVICE:N")]
    device_write_iops: Vec<String>,
    /// Tune the container's memory swappiness, 0 to 100: cgroup v1 only
    #[arg(long, value_name = "N")]
    memory_swappiness: Option<i64>,
    /// Period of real-time processes, in microseconds: cgroup v1 only
    #[arg(long, value_name = "USEC")]
    cpu_rt_period: Option<u64>,
    /// Time of real-time processes in each period, in microseconds: cgroup v1 only
    #[arg(long, value_name = "USEC")]
    cpu_rt_runtime: Option<i64>,
    /// CPU shares (relative weight)
    #[arg(short, long, value_name = "SHARES")]
    cpu_shares: Option<u64>,
    /// Limit CPU CFS period, in microseconds
    #[arg(long, value_name = "USEC")]
    cpu_period: Option<u64>,
    /// Limit CPU CFS quota, in microseconds
    #[arg(long, value_name = "USEC")]
    cpu_quota: Option<i64>,
    /// Number of CPUs
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
    /// Memory soft limit
    #[arg(long, value_name = "SIZE")]
    memory_reservation: Option<String>,
    /// Swap limit equal to memory plus swap: -1 for unlimited
    #[arg(long, value_name = "SIZE")]
    memory_swap: Option<String>,
    /// Tune container pids limit: -1 for unlimited
    #[arg(long, value_name = "N")]
    pids_limit: Option<i64>,
}

impl LimitOptions {
    /// Sets what was asked for; the rest stays as it is.
    pub(in crate::cli) fn apply(&self, resources: &mut Resources) -> Result<()> {
        self.check()?;
        set_size(&mut resources.memory, self.memory.as_deref())?;
        set_size(&mut resources.memory_swap, self.memory_swap.as_deref())?;
        set_size(
            &mut resources.memory_reservation,
            self.memory_reservation.as_deref(),
        )?;
        // Swap that was less than the new limit follows it, as it would by default.
        if self.memory.is_some()
            && self.memory_swap.is_none()
            && resources
                .memory_swap
                .is_some_and(|both| both >= 0 && Some(both) < resources.memory)
        {
            resources.memory_swap = None;
        }
        if resources.memory.is_none() && resources.memory_swap.is_some_and(|both| both > 0) {
            bail!("you should always set a memory limit when using a memoryswap limit, see usage");
        }
        if let Some(cpus) = self.cpus {
            resources.cpu_period = Some(100_000);
            resources.cpu_quota = Some((cpus * 100_000.0) as i64);
        }
        set(&mut resources.cpu_period, self.cpu_period.as_ref());
        set(&mut resources.cpu_quota, self.cpu_quota.as_ref());
        set(&mut resources.cpu_rt_period, self.cpu_rt_period.as_ref());
        set(&mut resources.cpu_rt_runtime, self.cpu_rt_runtime.as_ref());
        set(&mut resources.cpu_shares, self.cpu_shares.as_ref());
        set(&mut resources.cpuset_cpus, self.cpuset_cpus.as_ref());
        set(&mut resources.cpuset_mems, self.cpuset_mems.as_ref());
        set(&mut resources.pids, self.pids_limit.as_ref());
        // -1 is what there is anyway.
        let swappiness = self.memory_swappiness.and_then(|n| u64::try_from(n).ok());
        set(&mut resources.memory_swappiness, swappiness.as_ref());
        self.devices(resources)
    }

    fn check(&self) -> Result<()> {
        let others = [
            ("--cpu-period", self.cpu_period.is_some()),
            ("--cpu-quota", self.cpu_quota.is_some()),
        ];
        if let Some((option, _)) = others.iter().find(|(_, given)| *given)
            && self.cpus.is_some()
        {
            bail!("{option} and --cpus cannot be set together");
        }
        if self.memory_swappiness.is_some_and(|percent| percent >= 0) {
            only_v1("--memory-swappiness")?;
        }
        if self.cpu_rt_period.is_some() || self.cpu_rt_runtime.is_some() {
            only_v1("--cpu-rt-period and --cpu-rt-runtime")?;
        }
        if let Some(percent) = self.memory_swappiness
            && !(-1..=100).contains(&percent)
        {
            bail!("invalid value: {percent}, valid memory swappiness range is 0-100");
        }
        for (what, list) in [("cpus", &self.cpuset_cpus), ("mems", &self.cpuset_mems)] {
            if let Some(list) = list.as_ref().filter(|list| !is_set(list)) {
                bail!("invalid value {list} for cpuset {what}");
            }
        }
        Ok(())
    }

    fn devices(&self, resources: &mut Resources) -> Result<()> {
        let io = &mut resources.block_io;
        if let Some(text) = self.blkio_weight.as_ref().filter(|text| !text.is_empty()) {
            io.weight = Some(block_io::weight(text)?);
        }
        type Read = fn(&str) -> Result<(String, u64)>;
        let (bytes, operations): (Read, Read) =
            (block_io::bytes_a_second, block_io::operations_a_second);
        for (rates, asked, read) in [
            (
                &mut io.weight_device,
                &self.blkio_weight_device,
                block_io::weight_of_device as Read,
            ),
            (&mut io.read_bps, &self.device_read_bps, bytes),
            (&mut io.read_iops, &self.device_read_iops, operations),
            (&mut io.write_bps, &self.device_write_bps, bytes),
            (&mut io.write_iops, &self.device_write_iops, operations),
        ] {
            for text in asked {
                let (device, rate) = read(text)?;
                rates.retain(|(other, _)| *other != device);
                rates.push((device, rate));
            }
        }
        Ok(())
    }
}

fn set<T: Clone>(place: &mut Option<T>, asked: Option<&T>) {
    if let Some(asked) = asked {
        *place = Some(asked.clone());
    }
}

fn set_size(place: &mut Option<i64>, asked: Option<&str>) -> Result<()> {
    if let Some(asked) = asked.filter(|asked| !asked.is_empty()) {
        *place = Some(bytes(asked).context("invalid value for memory")?);
    }
    Ok(())
}

/// Where cgroups are v2 alone there is nothing that these could be.
pub(super) fn only_v1(options: &str) -> Result<()> {
    if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        bail!("{options}: this needs cgroup v1, and this host has v2");
    }
    Ok(())
}

/// `0-3,5`: numbers and ranges.
pub(in crate::cli) fn is_set(list: &str) -> bool {
    let is_number = |text: &str| text.trim().parse::<u32>().is_ok();
    list.split(',').all(|part| match part.split_once('-') {
        Some((first, last)) => is_number(first) && is_number(last),
        None => is_number(part),
    })
}
