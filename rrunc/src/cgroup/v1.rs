//! cgroup v1: one group in each hierarchy, with limits in the files of v1.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::limit::{Limit, write_or_explain};
use crate::spec::{BlockIo, Cpu, Hugepage, Memory, Network, Rdma, Resources};

/// Makes the group and its missing parents; whether it was there.
pub(super) fn create(controller: &str, group: &Path) -> Result<bool> {
    let was_there = match fs::create_dir(group) {
        Ok(()) => false,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => true,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let parent = group.parent().context("a group needs a parent")?;
            create(controller, parent)?;
            return create(controller, group);
        }
        Err(error) => return Err(error).with_context(|| format!("mkdir {}", group.display())),
    };
    if controller == "cpuset" {
        inherit_cpuset(group)?;
    }
    Ok(was_there)
}

/// A new cpuset is empty and takes no process: it starts as its parent, which another may have
/// made as empty.
fn inherit_cpuset(group: &Path) -> Result<()> {
    let Some(parent) = group.parent() else {
        return Ok(());
    };
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let read = |at: &Path| {
            let path = at.join(file);
            fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
        };
        if read(group)?.trim().is_empty() {
            if parent.join(file).exists() && read(parent)?.trim().is_empty() {
                inherit_cpuset(parent)?;
            }
            write_or_explain(&group.join(file), read(parent)?.trim())?;
        }
    }
    Ok(())
}

/// What is to be written for the limits asked for, devices apart.
pub(super) fn limits(resources: &Resources) -> Result<Vec<Limit>> {
    if !resources.unified.is_empty() {
        bail!(
            "invalid configuration: linux.resources.unified needs cgroup v2, this host has cgroup v1"
        );
    }
    let mut limits = Vec::new();
    if let Some(memory) = &resources.memory {
        memory_limits(memory, &mut limits)?;
    }
    if let Some(cpu) = &resources.cpu {
        cpu_limits(cpu, &mut limits)?;
    }
    if let Some(limit) = resources.pids.as_ref().and_then(|pids| pids.limit) {
        limits.push(Limit::new("pids", "pids.max", pids_max(limit)));
    }
    if let Some(io) = &resources.block_io {
        block_limits(io, &mut limits);
    }
    limits.extend(hugepage_limits(
        &resources.hugepage_limits,
        "limit_in_bytes",
    ));
    if let Some(network) = &resources.network {
        network_limits(network, &mut limits);
    }
    limits.extend(rdma_limits(&resources.rdma));
    Ok(limits)
}

fn memory_limits(memory: &Memory, limits: &mut Vec<Limit>) -> Result<()> {
    let mut set = |file: &str, value: Option<i64>| {
        if let Some(value) = value.filter(|value| *value != 0) {
            limits.push(Limit::new("memory", file, value));
        }
    };
    set("memory.limit_in_bytes", memory.limit);
    set("memory.memsw.limit_in_bytes", memory.swap);
    set("memory.soft_limit_in_bytes", memory.reservation);
    set("memory.kmem.limit_in_bytes", memory.kernel);
    set("memory.kmem.tcp.limit_in_bytes", memory.kernel_tcp);
    if memory.limit == Some(-1) && memory.swap.unwrap_or(0) == 0 {
        // No limit on memory means none on memory and swap together, where the kernel counts swap.
        limits.push(Limit::new("memory", "memory.memsw.limit_in_bytes", -1).optional());
    }
    if let Some(use_hierarchy) = memory.use_hierarchy {
        limits.push(Limit::new(
            "memory",
            "memory.use_hierarchy",
            u8::from(use_hierarchy),
        ));
    }
    if memory.disable_oom_killer == Some(true) {
        limits.push(Limit::new("memory", "memory.oom_control", 1));
    }
    match memory.swappiness {
        // u64::MAX is Go's -1: not set.
        None | Some(u64::MAX) => {}
        Some(value @ 0..=100) => limits.push(Limit::new("memory", "memory.swappiness", value)),
        Some(value) => {
            bail!("linux.resources.memory.swappiness is {value}, it has to be from 0 to 100")
        }
    }
    Ok(())
}

fn cpu_limits(cpu: &Cpu, limits: &mut Vec<Limit>) -> Result<()> {
    // The kernel would clamp these without a word.
    match cpu.shares {
        Some(1) => bail!("linux.resources.cpu.shares: the minimum allowed cpu-shares is 2"),
        Some(262_145..) => {
            bail!("linux.resources.cpu.shares: the maximum allowed cpu-shares is 262144")
        }
        _ => {}
    }
    let mut set = |file: &str, value: Option<i128>| {
        if let Some(value) = value.filter(|value| *value != 0) {
            limits.push(Limit::new("cpu", file, value));
        }
    };
    set("cpu.shares", cpu.shares.map(i128::from));
    set("cpu.cfs_period_us", cpu.period.map(i128::from));
    set("cpu.cfs_quota_us", cpu.quota.map(i128::from));
    set("cpu.rt_period_us", cpu.realtime_period.map(i128::from));
    set("cpu.rt_runtime_us", cpu.realtime_runtime.map(i128::from));
    if let Some(burst) = cpu.burst {
        limits.push(Limit::new("cpu", "cpu.cfs_burst_us", burst).optional());
    }
    if let Some(idle) = cpu.idle {
        limits.push(Limit::new("cpu", "cpu.idle", idle));
    }
    limits.extend(cpuset_limits(cpu));
    Ok(())
}

/// The same files in v1 and v2.
pub(super) fn cpuset_limits(cpu: &Cpu) -> impl Iterator<Item = Limit> {
    let files = [("cpuset.cpus", &cpu.cpus), ("cpuset.mems", &cpu.mems)];
    let given = files
        .into_iter()
        .filter_map(|(file, value)| Some((file, value.clone().filter(|v| !v.is_empty())?)));
    given.map(|(file, value)| Limit::new("cpuset", file, value))
}

/// `pids.max`. Zero is one: systemd cannot express zero, and a group with one task cannot fork either.
pub(super) fn pids_max(limit: i64) -> String {
    match limit {
        0 => "1".to_owned(),
        1.. => limit.to_string(),
        _ => "max".to_owned(),
    }
}

fn block_limits(io: &BlockIo, limits: &mut Vec<Limit>) {
    let mut set = |file: &str, value: String| limits.push(Limit::new("blkio", file, value));
    let weight_file = "blkio.weight";
    for (file, weight) in [
        (weight_file, io.weight),
        ("blkio.leaf_weight", io.leaf_weight),
    ] {
        if let Some(weight) = weight.filter(|weight| *weight != 0) {
            set(file, weight.to_string());
        }
    }
    for device in &io.weight_device {
        let weights = [
            ("blkio.weight_device", device.weight),
            ("blkio.leaf_weight_device", device.leaf_weight),
        ];
        for (file, weight) in weights {
            if let Some(weight) = weight.filter(|weight| *weight != 0) {
                set(file, format!("{}:{} {weight}", device.major, device.minor));
            }
        }
    }
    let rates = [
        ("read_bps", &io.throttle_read_bps_device),
        ("write_bps", &io.throttle_write_bps_device),
        ("read_iops", &io.throttle_read_iops_device),
        ("write_iops", &io.throttle_write_iops_device),
    ];
    for (name, devices) in rates {
        for device in devices {
            set(
                &format!("blkio.throttle.{name}_device"),
                format!("{}:{} {}", device.major, device.minor, device.rate),
            );
        }
    }
}

/// BFQ, the scheduler of today's kernels, has the weights under names of its own.
pub(super) fn use_bfq_names(limits: &mut [Limit], blkio: &Path) {
    for limit in limits
        .iter_mut()
        .filter(|limit| limit.file.starts_with("blkio.weight"))
    {
        let bfq = limit.file.replace("blkio.", "blkio.bfq.");
        if !blkio.join(&limit.file).exists() && blkio.join(&bfq).exists() {
            limit.file = bfq;
        }
    }
}

fn network_limits(network: &Network, limits: &mut Vec<Limit>) {
    if let Some(class) = network.class_id.filter(|class| *class != 0) {
        limits.push(Limit::new("net_cls", "net_cls.classid", class));
    }
    for priority in &network.priorities {
        limits.push(Limit::new(
            "net_prio",
            "net_prio.ifpriomap",
            format!("{} {}", priority.name, priority.priority),
        ));
    }
}

/// The files of v1 and v2 differ in the last part of their names alone.
pub(super) fn hugepage_limits(pages: &[Hugepage], last: &str) -> impl Iterator<Item = Limit> {
    pages.iter().flat_map(move |Hugepage { page_size, limit }| {
        let named = |file: String| Limit::new("hugetlb", file, limit);
        [
            named(format!("hugetlb.{page_size}.{last}")),
            named(format!("hugetlb.{page_size}.rsvd.{last}")).optional(),
        ]
    })
}

/// The same file in v1 and v2.
pub(super) fn rdma_limits<'a>(
    rdma: impl IntoIterator<Item = (&'a String, &'a Rdma)>,
) -> Vec<Limit> {
    let line = |(device, limit): (&String, &Rdma)| {
        let part = |name, value: Option<u32>| {
            value
                .map(|value| format!(" {name}={value}"))
                .unwrap_or_default()
        };
        let value = format!(
            "{device}{}{}",
            part("hca_handle", limit.hca_handles),
            part("hca_object", limit.hca_objects)
        );
        Limit::new("rdma", "rdma.max", value)
    };
    rdma.into_iter().map(line).collect()
}
