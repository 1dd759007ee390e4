//! Statistics of cgroup v2: one group with the files of all controllers.

use std::path::Path;

use anyhow::Result;

use super::files::{list, number, pressure, table, text};
use super::v1::{huge_page_sizes, limit};
use super::{BlockEntry, BlockIo, Cpu, HugePages, Memory, MemoryEntry, Pids, Statistics};

pub(in crate::cgroup) fn read(group: &Path) -> Result<Statistics> {
    let mut statistics = Statistics {
        cpu: cpu(group)?,
        memory: memory(group)?,
        pids: Pids {
            current: number(group, "pids.current")?,
            limit: limit(number(group, "pids.max")?),
        },
        blkio: block_io(group)?,
        ..Statistics::default()
    };
    statistics.cpuset.cpus = list(group, "cpuset.cpus.effective")?;
    statistics.cpuset.mems = list(group, "cpuset.mems.effective")?;
    for size in huge_page_sizes(group)? {
        let events = table(group, &format!("hugetlb.{size}.events"))?;
        let pages = HugePages {
            usage: number(group, &format!("hugetlb.{size}.current"))?,
            max: 0,
            failcnt: events.get("max").copied().unwrap_or(0),
        };
        statistics.hugetlb.insert(size, pages);
    }
    Ok(statistics)
}

fn cpu(group: &Path) -> Result<Cpu> {
    let counted = table(group, "cpu.stat")?;
    let count = |name| counted.get(name).copied().unwrap_or(0);
    let mut cpu = Cpu {
        psi: pressure(group, "cpu.pressure")?,
        ..Cpu::default()
    };
    cpu.usage.total = count("usage_usec") * 1000;
    cpu.usage.user = count("user_usec") * 1000;
    cpu.usage.kernel = count("system_usec") * 1000;
    cpu.throttling.periods = count("nr_periods");
    cpu.throttling.throttled_periods = count("nr_throttled");
    cpu.throttling.throttled_time = count("throttled_usec") * 1000;
    Ok(cpu)
}

/// The swap entry is memory and swap together, as in v1.
fn memory(group: &Path) -> Result<Memory> {
    let raw = table(group, "memory.stat")?;
    let events = table(group, "memory.events")?;
    let usage = MemoryEntry {
        limit: number(group, "memory.max")?,
        usage: number(group, "memory.current")?,
        max: number(group, "memory.peak")?,
        failcnt: events.get("max").copied().unwrap_or(0),
    };
    let swap = MemoryEntry {
        limit: match number(group, "memory.swap.max")? {
            u64::MAX => u64::MAX,
            swap => swap.saturating_add(usage.limit),
        },
        usage: number(group, "memory.swap.current")?.saturating_add(usage.usage),
        ..MemoryEntry::default()
    };
    Ok(Memory {
        cache: raw.get("file").copied().unwrap_or(0),
        usage,
        swap,
        raw,
        psi: pressure(group, "memory.pressure")?,
        ..Memory::default()
    })
}

fn block_io(group: &Path) -> Result<BlockIo> {
    let mut io = BlockIo {
        psi: pressure(group, "io.pressure")?,
        ..BlockIo::default()
    };
    for line in text(group, "io.stat")?.unwrap_or_default().lines() {
        take_line(line, &mut io);
    }
    Ok(io)
}

/// `major:minor rbytes=1 wbytes=2 rios=3 …`
fn take_line(line: &str, io: &mut BlockIo) {
    let mut fields = line.split(' ');
    let Some((major, minor)) = fields.next().and_then(|device| device.split_once(':')) else {
        return;
    };
    let (Ok(major), Ok(minor)) = (major.parse(), minor.parse()) else {
        return;
    };
    for (name, value) in fields.filter_map(|field| field.split_once('=')) {
        let (entries, op) = match name {
            "rbytes" => (&mut io.io_service_bytes_recursive, "Read"),
            "wbytes" => (&mut io.io_service_bytes_recursive, "Write"),
            "dbytes" => (&mut io.io_service_bytes_recursive, "Discard"),
            "rios" => (&mut io.io_serviced_recursive, "Read"),
            "wios" => (&mut io.io_serviced_recursive, "Write"),
            "dios" => (&mut io.io_serviced_recursive, "Discard"),
            _ => continue,
        };
        if let Ok(value) = value.parse() {
            entries.push(BlockEntry {
                major,
                minor,
                op: op.to_owned(),
                value,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_stat_is_split_by_operation() {
        let mut io = BlockIo::default();
        take_line(
            "8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0",
            &mut io,
        );
        let of = |entries: &[BlockEntry]| -> Vec<(String, u64)> {
            entries
                .iter()
                .map(|entry| (entry.op.clone(), entry.value))
                .collect()
        };
        let expected = |values: [u64; 3]| -> Vec<(String, u64)> {
            ["Read", "Write", "Discard"]
                .map(str::to_owned)
                .into_iter()
                .zip(values)
                .collect()
        };
        assert_eq!(of(&io.io_service_bytes_recursive), expected([1, 2, 0]));
        assert_eq!(of(&io.io_serviced_recursive), expected([3, 4, 0]));
    }
}
