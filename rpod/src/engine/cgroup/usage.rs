//! What the processes of a group have used.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Groups, Version, read};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Nanoseconds of all processors, and the part of them in the kernel.
    pub cpu: u64,
    pub cpu_system: u64,
    /// Bytes.
    pub memory: u64,
    /// Bytes; `u64::MAX` without a limit.
    pub memory_limit: u64,
    /// Bytes read from and written to block devices.
    pub read: u64,
    pub written: u64,
    pub processes: u64,
}

impl Groups {
    /// What a tree does not count on this host is zero.
    pub fn usage(&self) -> Result<Usage> {
        let mut usage = Usage {
            memory_limit: u64::MAX,
            ..Usage::default()
        };
        match self.of_controller("cpuacct") {
            Some((_, group)) => {
                usage.cpu = number(&read(&group, "cpuacct.usage")?);
                usage.cpu_system = number(&read(&group, "cpuacct.usage_sys")?);
            }
            // Version 2 counts time in every group, whatever its controllers.
            None => {
                if let Some(group) = self.unified() {
                    let stat = read(&group, "cpu.stat")?;
                    usage.cpu = field(&stat, "usage_usec").saturating_mul(1000);
                    usage.cpu_system = field(&stat, "system_usec").saturating_mul(1000);
                }
            }
        }
        match self.of_controller("memory") {
            Some((Version::V1, group)) => {
                usage.memory = number(&read(&group, "memory.usage_in_bytes")?);
                usage.memory_limit = number(&read(&group, "memory.limit_in_bytes")?);
            }
            Some((Version::V2, group)) => {
                usage.memory = number(&read(&group, "memory.current")?);
                usage.memory_limit = number(&read(&group, "memory.max")?);
            }
            None => {}
        }
        if let Some((_, group)) = self.of_controller("pids") {
            usage.processes = number(&read(&group, "pids.current")?);
        }
        (usage.read, usage.written) = self.block_io()?;
        Ok(usage)
    }

    fn block_io(&self) -> Result<(u64, u64)> {
        if let Some((Version::V1, group)) = self.of_controller("blkio") {
            let file = "blkio.throttle.io_service_bytes_recursive";
            return Ok(if group.join(file).exists() {
                service_bytes(&read(&group, file)?)
            } else {
                (0, 0)
            });
        }
        match self.of_controller("io") {
            Some((_, group)) => io_stat(&group),
            None => Ok((0, 0)),
        }
    }
}

/// Lines of `8:0 Read 4096`.
fn service_bytes(text: &str) -> (u64, u64) {
    let sum = |kind: &str| {
        let lines = text
            .lines()
            .filter(|line| line.split(' ').nth(1) == Some(kind));
        lines
            .map(|line| number(line.rsplit(' ').next().unwrap_or_default()))
            .sum()
    };
    (sum("Read"), sum("Write"))
}

/// Lines of `8:0 rbytes=4096 wbytes=0 …`.
fn io_stat(group: &Path) -> Result<(u64, u64)> {
    let text = read(group, "io.stat")?;
    let sum = |key: &str| {
        let words = text.split_ascii_whitespace();
        words
            .filter_map(|word| word.strip_prefix(key))
            .map(number)
            .sum()
    };
    Ok((sum("rbytes="), sum("wbytes=")))
}

fn field(text: &str, key: &str) -> u64 {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines
        .find(|(name, _)| *name == key)
        .map_or(0, |(_, value)| number(value))
}

/// `max` and what no number can hold is as much as there can be.
fn number(text: &str) -> u64 {
    text.parse().unwrap_or(u64::MAX)
}

/// Bytes that came and went through the interfaces of a process's network namespace, by name; loopback is not counted.
pub fn network(pid: i32) -> Result<Vec<(String, u64, u64)>> {
    let path = format!("/proc/{pid}/net/dev");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    Ok(text.lines().filter_map(interface).collect())
}

/// `eth0: RECEIVED PACKETS … (8 fields) SENT …`
fn interface(line: &str) -> Option<(String, u64, u64)> {
    let (name, counts) = line.split_once(':')?;
    let counts: Vec<u64> = counts.split_ascii_whitespace().map(number).collect();
    let name = name.trim();
    (name != "lo").then_some(())?;
    Some((name.to_owned(), *counts.first()?, *counts.get(8)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_kernel() {
        let bytes = "8:0 Read 4096\n8:0 Write 10\n8:0 Sync 9\n8:16 Read 4\nTotal 4119\n";
        assert_eq!(service_bytes(bytes), (4100, 10));
        assert_eq!(field("usage_usec 7\nsystem_usec 3\n", "system_usec"), 3);
        assert_eq!(number("max"), u64::MAX);
        let line = "  eth0: 100 1 0 0 0 0 0 0 200 2 0 0 0 0 0 0";
        assert_eq!(interface(line), Some(("eth0".to_owned(), 100, 200)));
        assert_eq!(interface("    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0"), None);
    }
}
