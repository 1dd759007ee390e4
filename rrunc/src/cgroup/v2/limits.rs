//! Limits as files of a group of cgroup v2.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::cgroup::limit::Limit;
use crate::cgroup::v1::{cpuset_limits, hugepage_limits, pids_max, rdma_limits};
use crate::spec::{BlockIo, Cpu, Memory, Resources, WeightDevice};

/// What is to be written for the limits asked for, devices apart.
pub(in crate::cgroup) fn limits(resources: &Resources) -> Result<Vec<Limit>> {
    refuse_what_v1_had(resources)?;
    let mut limits = Vec::new();
    if let Some(memory) = &resources.memory {
        memory_limits(memory, &mut limits)?;
    }
    if let Some(cpu) = &resources.cpu {
        cpu_limits(cpu, &mut limits);
    }
    if let Some(limit) = resources.pids.as_ref().and_then(|pids| pids.limit) {
        limits.push(Limit::new("pids", "pids.max", pids_max(limit)));
    }
    if let Some(io) = &resources.block_io {
        block_limits(io, &mut limits);
    }
    limits.extend(hugepage_limits(&resources.hugepage_limits, "max"));
    limits.extend(rdma_limits(&resources.rdma));
    for (file, value) in &resources.unified {
        limits.push(unified_limit(file, value)?);
    }
    Ok(limits)
}

/// Limits that cgroup v2 has no file for. Engines write zeros for what nobody asked for.
fn refuse_what_v1_had(resources: &Resources) -> Result<()> {
    let memory = resources.memory.clone().unwrap_or_default();
    let cpu = resources.cpu.clone().unwrap_or_default();
    let network = resources.network.clone().unwrap_or_default();
    let io = resources.block_io.clone().unwrap_or_default();
    let leaf = |device: &WeightDevice| device.leaf_weight.unwrap_or(0) != 0;
    let limited = |limit: Option<i64>| limit.unwrap_or(0) > 0;
    for (field, asked) in [
        ("memory.kernel", limited(memory.kernel)),
        ("memory.kernelTCP", limited(memory.kernel_tcp)),
        (
            "memory.swappiness",
            memory.swappiness.is_some_and(|value| value != u64::MAX),
        ),
        (
            "memory.disableOOMKiller",
            memory.disable_oom_killer == Some(true),
        ),
        ("memory.useHierarchy", memory.use_hierarchy == Some(false)),
        ("cpu.realtimeRuntime", limited(cpu.realtime_runtime)),
        ("cpu.realtimePeriod", cpu.realtime_period.unwrap_or(0) != 0),
        ("network.classID", network.class_id.unwrap_or(0) != 0),
        ("network.priorities", !network.priorities.is_empty()),
        ("blockIO.leafWeight", io.leaf_weight.unwrap_or(0) != 0),
        (
            "blockIO.weightDevice: leafWeight",
            io.weight_device.iter().any(leaf),
        ),
    ] {
        if asked {
            bail!("linux.resources.{field}: cgroup v2 has no such limit: remove it");
        }
    }
    Ok(())
}

/// `cpu.max` holds quota and period: an update of one leaves the other as it is.
pub(in crate::cgroup) fn keep_quota(
    limits: &mut [Limit],
    resources: &Resources,
    group: &Path,
) -> Result<()> {
    let cpu = resources.cpu.as_ref();
    let quota = cpu.and_then(|cpu| cpu.quota).filter(|quota| *quota != 0);
    let period = cpu.and_then(|cpu| cpu.period).filter(|period| *period != 0);
    let Some(limit) = limits.iter_mut().find(|limit| limit.file == "cpu.max") else {
        return Ok(());
    };
    if quota.is_some() == period.is_some() {
        return Ok(());
    }
    let path = group.join("cpu.max");
    let Ok(now) = fs::read_to_string(&path) else {
        // The write will tell.
        return Ok(());
    };
    let (old_quota, old_period) = now
        .trim()
        .split_once(' ')
        .with_context(|| format!("read {}: {now:?}", path.display()))?;
    limit.value = match (quota, period) {
        (Some(1..), _) => format!("{} {old_period}", quota.unwrap_or(0)),
        (Some(_), _) => format!("max {old_period}"),
        (None, period) => format!("{old_quota} {}", period.unwrap_or(100_000)),
    };
    Ok(())
}

/// A file of the group by its name; a path would lead out of the group.
fn unified_limit(file: &str, value: &str) -> Result<Limit> {
    if file.contains('/') || !file.contains('.') {
        bail!("linux.resources.unified: {file:?} is not a file of a control group");
    }
    Ok(Limit::new("unified", file, value))
}

fn memory_limits(memory: &Memory, limits: &mut Vec<Limit>) -> Result<()> {
    let given = |value: Option<i64>| value.filter(|value| *value != 0);
    if let Some(swap) = swap_max(memory.limit.unwrap_or(0), memory.swap.unwrap_or(0))? {
        let limit = Limit::new("memory", "memory.swap.max", &swap);
        // A kernel without swap has nothing to forbid or to allow.
        limits.push(if swap == "max" || swap == "0" {
            limit.optional()
        } else {
            limit
        });
    }
    if let Some(limit) = given(memory.limit) {
        limits.push(Limit::new("memory", "memory.max", max_or(limit)));
    }
    if let Some(reservation) = given(memory.reservation) {
        limits.push(Limit::new("memory", "memory.low", max_or(reservation)));
    }
    Ok(())
}

fn max_or(value: i64) -> String {
    if value < 0 {
        "max".to_owned()
    } else {
        value.to_string()
    }
}

/// `memory.swap.max` counts swap alone, the specification's `swap` counts memory with it.
pub(in crate::cgroup) fn swap_max(memory: i64, swap: i64) -> Result<Option<String>> {
    match (memory, swap) {
        (-1, 0) | (_, -1) => Ok(Some("max".to_owned())),
        (_, 0) => Ok(None),
        (_, ..-1) => {
            bail!("linux.resources.memory.swap is {swap}: it has to be -1 or a number of bytes")
        }
        (-1, _) => Ok(Some(swap.to_string())),
        (0, _) => bail!("linux.resources.memory.swap needs memory.limit: it is the sum of both"),
        (..-1, _) => {
            bail!("linux.resources.memory.limit is {memory}: it has to be -1 or a number of bytes")
        }
        _ if swap < memory => bail!(
            "linux.resources.memory.swap ({swap}) is less than memory.limit ({memory}): it is the sum of both"
        ),
        _ => Ok(Some((swap - memory).to_string())),
    }
}

fn cpu_limits(cpu: &Cpu, limits: &mut Vec<Limit>) {
    if let Some(idle) = cpu.idle {
        limits.push(Limit::new("cpu", "cpu.idle", idle));
    }
    if let Some(shares) = cpu.shares.filter(|shares| *shares != 0) {
        limits.push(Limit::new("cpu", "cpu.weight", cpu_weight(shares)));
    }
    let (quota, period) = (
        cpu.quota.unwrap_or(0),
        cpu.period.filter(|period| *period != 0),
    );
    if let Some(burst) = cpu.burst {
        limits.push(Limit::new("cpu", "cpu.max.burst", burst));
    }
    if quota != 0 || period.is_some() {
        let quota = if quota > 0 {
            quota.to_string()
        } else {
            "max".to_owned()
        };
        limits.push(Limit::new(
            "cpu",
            "cpu.max",
            format!("{quota} {}", period.unwrap_or(100_000)),
        ));
    }
    limits.extend(cpuset_limits(cpu));
}

/// `cpu.weight` for v1's shares: the curve through (2, 1), (1024, 100) and (262144, 10000), so that
/// the defaults of both sides meet (as runc 1.3 and crun 1.23 have it).
pub(in crate::cgroup) fn cpu_weight(shares: u64) -> u64 {
    match shares {
        ..=2 => 1,
        262_144.. => 10_000,
        _ => {
            let l = (shares as f64).log2();
            let exponent = (l * l + 125.0 * l) / 612.0 - 7.0 / 34.0;
            10f64.powf(exponent).ceil() as u64
        }
    }
}

/// `io.weight` (1 to 10000) for v1's 10 to 1000.
fn io_weight(weight: u16) -> u64 {
    1 + u64::from(weight.max(10) - 10) * 9999 / 990
}

fn block_limits(io: &BlockIo, limits: &mut Vec<Limit>) {
    if let Some(weight) = io.weight.filter(|weight| *weight != 0) {
        limits.push(Limit::new("io", "io.weight", io_weight(weight)));
    }
    for device in &io.weight_device {
        if let Some(weight) = device.weight.filter(|weight| *weight != 0) {
            limits.push(Limit::new(
                "io",
                "io.bfq.weight",
                format!("{}:{} {weight}", device.major, device.minor),
            ));
        }
    }
    let rates = [
        ("rbps", &io.throttle_read_bps_device),
        ("wbps", &io.throttle_write_bps_device),
        ("riops", &io.throttle_read_iops_device),
        ("wiops", &io.throttle_write_iops_device),
    ];
    for (name, devices) in rates {
        for device in devices {
            limits.push(Limit::new(
                "io",
                "io.max",
                format!("{}:{} {name}={}", device.major, device.minor, device.rate),
            ));
        }
    }
}

/// Where BFQ schedules, the weight is its own, on v1's scale.
pub(in crate::cgroup) fn use_bfq_weight(limits: &mut [Limit], resources: &Resources, group: &Path) {
    let weight = resources.block_io.as_ref().and_then(|io| io.weight);
    let limit = limits.iter_mut().find(|limit| limit.file == "io.weight");
    if let (Some(limit), Some(weight)) = (limit, weight)
        && group.join("io.bfq.weight").exists()
    {
        limit.file = "io.bfq.weight".to_owned();
        limit.value = weight.to_string();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn weights_meet_at_the_ends_and_at_the_defaults() {
        let weights = [1, 2, 1024, 262_144, u64::MAX].map(cpu_weight);
        assert_eq!(weights, [1, 1, 100, 10_000, 10_000]);
        assert!((2..262_144).step_by(97).map(cpu_weight).is_sorted());
        assert_eq!([10, 500, 1000].map(io_weight), [1, 4950, 10_000]);
    }

    #[test]
    fn swap_is_what_is_beyond_memory() {
        let swap = |memory, swap| swap_max(memory, swap).ok();
        let text = |text: &str| Some(Some(text.to_owned()));
        assert_eq!(swap(100, 300), text("200"));
        assert_eq!(swap(100, 100), text("0"));
        assert_eq!(swap(100, -1), text("max"));
        assert_eq!(swap(-1, 0), text("max"));
        assert_eq!(swap(-1, 300), text("300"));
        assert_eq!(swap(100, 0), Some(None));
        assert_eq!(swap(0, 300), None);
        assert_eq!(swap(300, 100), None);
    }

    #[test]
    fn unified_takes_names_of_files_only() {
        assert!(unified_limit("memory.high", "1").is_ok());
        assert!(unified_limit("../memory.high", "1").is_err());
        assert!(unified_limit("memory", "1").is_err());
    }
}
