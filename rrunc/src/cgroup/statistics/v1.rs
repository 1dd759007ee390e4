//! Statistics of cgroup v1: each controller has its own group.

use std::path::Path;

use anyhow::Result;

use super::files::{list, number, numbers, table, text};
use super::{BlockEntry, BlockIo, Cpu, CpuSet, HugePages, Memory, MemoryEntry, Pids, Statistics};
use crate::cgroup::Manager;

/// Ticks of cpuacct.stat a second, USER_HZ of every architecture here.
const NANOSECONDS_OF_TICK: u64 = 10_000_000;

pub(in crate::cgroup) fn read(manager: &Manager) -> Result<Statistics> {
    let mut statistics = Statistics::default();
    if let Some(group) = manager.group("cpuacct") {
        statistics.cpu = cpu(group)?;
    }
    if let Some(group) = manager.group("cpu") {
        let counted = table(group, "cpu.stat")?;
        let count = |name| counted.get(name).copied().unwrap_or(0);
        statistics.cpu.throttling.periods = count("nr_periods");
        statistics.cpu.throttling.throttled_periods = count("nr_throttled");
        statistics.cpu.throttling.throttled_time = count("throttled_time");
    }
    if let Some(group) = manager.group("cpuset") {
        statistics.cpuset = cpuset(group)?;
    }
    if let Some(group) = manager.group("memory") {
        statistics.memory = memory(group)?;
    }
    if let Some(group) = manager.group("pids") {
        statistics.pids = Pids {
            current: number(group, "pids.current")?,
            limit: limit(number(group, "pids.max")?),
        };
    }
    if let Some(group) = manager.group("blkio") {
        statistics.blkio = block_io(group)?;
    }
    if let Some(group) = manager.group("hugetlb") {
        for size in huge_page_sizes(group)? {
            let file = |what: &str| format!("hugetlb.{size}.{what}");
            let pages = HugePages {
                usage: number(group, &file("usage_in_bytes"))?,
                max: number(group, &file("max_usage_in_bytes"))?,
                failcnt: number(group, &file("failcnt"))?,
            };
            statistics.hugetlb.insert(size, pages);
        }
    }
    Ok(statistics)
}

/// No limit is 0, as runc has it.
pub(super) fn limit(limit: u64) -> u64 {
    if limit == u64::MAX { 0 } else { limit }
}

fn cpu(group: &Path) -> Result<Cpu> {
    let mut cpu = Cpu::default();
    let ticks = table(group, "cpuacct.stat")?;
    let ticks = |name| ticks.get(name).copied().unwrap_or(0) * NANOSECONDS_OF_TICK;
    cpu.usage.total = number(group, "cpuacct.usage")?;
    cpu.usage.percpu = numbers(group, "cpuacct.usage_percpu")?;
    cpu.usage.user = ticks("user");
    cpu.usage.kernel = ticks("system");
    for line in text(group, "cpuacct.usage_all")?
        .unwrap_or_default()
        .lines()
    {
        let fields: Vec<u64> = line
            .split(' ')
            .filter_map(|field| field.parse().ok())
            .collect();
        if let [_, user, kernel] = fields[..] {
            cpu.usage.percpu_user.push(user);
            cpu.usage.percpu_kernel.push(kernel);
        }
    }
    Ok(cpu)
}

fn cpuset(group: &Path) -> Result<CpuSet> {
    let relax = text(group, "cpuset.sched_relax_domain_level")?;
    Ok(CpuSet {
        cpus: list(group, "cpuset.cpus")?,
        cpu_exclusive: number(group, "cpuset.cpu_exclusive")?,
        mems: list(group, "cpuset.mems")?,
        mem_hardwall: number(group, "cpuset.mem_hardwall")?,
        mem_exclusive: number(group, "cpuset.mem_exclusive")?,
        memory_migrate: number(group, "cpuset.memory_migrate")?,
        memory_spread_page: number(group, "cpuset.memory_spread_page")?,
        memory_spread_slab: number(group, "cpuset.memory_spread_slab")?,
        memory_pressure: number(group, "cpuset.memory_pressure")?,
        sched_load_balance: number(group, "cpuset.sched_load_balance")?,
        sched_relax_domain_level: relax
            .and_then(|level| level.trim().parse().ok())
            .unwrap_or(0),
    })
}

fn memory(group: &Path) -> Result<Memory> {
    let raw = table(group, "memory.stat")?;
    let entry = |name: &str| -> Result<MemoryEntry> {
        let file = |what: &str| format!("memory.{name}{what}");
        Ok(MemoryEntry {
            limit: number(group, &file("limit_in_bytes"))?,
            usage: number(group, &file("usage_in_bytes"))?,
            max: number(group, &file("max_usage_in_bytes"))?,
            failcnt: number(group, &file("failcnt"))?,
        })
    };
    Ok(Memory {
        cache: raw.get("cache").copied().unwrap_or(0),
        usage: entry("")?,
        swap: entry("memsw.")?,
        kernel: entry("kmem.")?,
        kernel_tcp: entry("kmem.tcp.")?,
        raw,
        psi: None,
    })
}

/// BFQ counts for itself; where it does not schedule, the throttle counts.
fn block_io(group: &Path) -> Result<BlockIo> {
    let read = |file: &str| -> Result<Vec<BlockEntry>> {
        Ok(entries(
            &text(group, &format!("blkio.{file}"))?.unwrap_or_default(),
        ))
    };
    let first_of = |files: [&str; 2]| -> Result<Vec<BlockEntry>> {
        let first = read(files[0])?;
        if first.is_empty() {
            read(files[1])
        } else {
            Ok(first)
        }
    };
    let bytes = first_of([
        "bfq.io_service_bytes_recursive",
        "throttle.io_service_bytes_recursive",
    ])?;
    let count = first_of([
        "bfq.io_serviced_recursive",
        "throttle.io_serviced_recursive",
    ])?;
    Ok(BlockIo {
        io_service_bytes_recursive: match bytes.is_empty() {
            true => read("throttle.io_service_bytes")?,
            false => bytes,
        },
        io_serviced_recursive: match count.is_empty() {
            true => read("throttle.io_serviced")?,
            false => count,
        },
        io_queued_recursive: read("bfq.io_queued_recursive")?,
        io_service_time_recursive: read("bfq.io_service_time_recursive")?,
        io_wait_time_recursive: read("bfq.io_wait_time_recursive")?,
        io_merged_recursive: read("bfq.io_merged_recursive")?,
        io_time_recursive: read("bfq.time_recursive")?,
        sectors_recursive: read("bfq.sectors_recursive")?,
        psi: None,
    })
}

/// Lines `major:minor [operation] number`; a last line with the total is not
/// of a device.
fn entries(text: &str) -> Vec<BlockEntry> {
    let entry = |line: &str| {
        let mut fields = line.split(' ');
        let (major, minor) = fields.next()?.split_once(':')?;
        let rest: Vec<&str> = fields.collect();
        let (op, value) = match rest[..] {
            [op, value] => (op, value),
            [value] => ("", value),
            _ => return None,
        };
        Some(BlockEntry {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
            op: op.to_owned(),
            value: value.parse().ok()?,
        })
    };
    text.lines().filter_map(entry).collect()
}

/// The sizes that the group has files for.
pub(super) fn huge_page_sizes(group: &Path) -> Result<Vec<String>> {
    let mut sizes = Vec::new();
    let Ok(entries) = std::fs::read_dir(group) else {
        return Ok(sizes);
    };
    for entry in entries {
        let name = entry?.file_name();
        let size = name
            .to_str()
            .and_then(|name| name.strip_prefix("hugetlb."))
            .and_then(|rest| {
                rest.strip_suffix(".limit_in_bytes")
                    .or(rest.strip_suffix(".max"))
            })
            .filter(|size| !size.contains('.'));
        sizes.extend(size.map(str::to_owned));
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_entries_are_of_devices() {
        let text = "8:0 Read 7\n8:0 Total 7\n8:16 9\nTotal 7\n";
        let read: Vec<_> = entries(text)
            .into_iter()
            .map(|entry| (entry.minor, entry.op, entry.value))
            .collect();
        let expected = [(0, "Read", 7), (0, "Total", 7), (16, "", 9)];
        assert_eq!(
            read,
            expected.map(|(minor, op, value)| (minor, op.to_owned(), value))
        );
    }
}
