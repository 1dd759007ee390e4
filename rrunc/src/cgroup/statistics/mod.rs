//! What a group has used, in the form of runc's `events` (its `types`
//! package): engines read it by these names.

mod files;
pub(super) mod v1;
pub(super) mod v2;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::resctrl::Usage;

/// All that is counted. CPU times in nanoseconds, sizes in bytes.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Statistics {
    pub(super) cpu: Cpu,
    pub(super) cpuset: CpuSet,
    pub(super) memory: Memory,
    pub(super) pids: Pids,
    pub(super) blkio: BlockIo,
    pub(super) hugetlb: BTreeMap<String, HugePages>,
    pub(crate) intel_rdt: Usage,
    /// runc counts none any more.
    pub(super) network_interfaces: Option<()>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Cpu {
    pub(super) usage: CpuUsage,
    #[serde(skip_serializing_if = "Throttling::is_none")]
    pub(super) throttling: Throttling,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) psi: Option<Pressure>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct CpuUsage {
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) total: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) percpu: Vec<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) percpu_kernel: Vec<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) percpu_user: Vec<u64>,
    pub(super) kernel: u64,
    pub(super) user: u64,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Throttling {
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) periods: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) throttled_periods: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) throttled_time: u64,
}

impl Throttling {
    fn is_none(&self) -> bool {
        self.periods == 0 && self.throttled_periods == 0 && self.throttled_time == 0
    }
}

#[derive(Debug, Default, Serialize)]
pub(super) struct CpuSet {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) cpus: Vec<u16>,
    pub(super) cpu_exclusive: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) mems: Vec<u16>,
    pub(super) mem_hardwall: u64,
    pub(super) mem_exclusive: u64,
    pub(super) memory_migrate: u64,
    pub(super) memory_spread_page: u64,
    pub(super) memory_spread_slab: u64,
    pub(super) memory_pressure: u64,
    pub(super) sched_load_balance: u64,
    pub(super) sched_relax_domain_level: i64,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Memory {
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) cache: u64,
    #[serde(skip_serializing_if = "MemoryEntry::is_none")]
    pub(super) usage: MemoryEntry,
    #[serde(skip_serializing_if = "MemoryEntry::is_none")]
    pub(super) swap: MemoryEntry,
    #[serde(skip_serializing_if = "MemoryEntry::is_none")]
    pub(super) kernel: MemoryEntry,
    #[serde(rename = "kernelTCP", skip_serializing_if = "MemoryEntry::is_none")]
    pub(super) kernel_tcp: MemoryEntry,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) raw: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) psi: Option<Pressure>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct MemoryEntry {
    pub(super) limit: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) usage: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) max: u64,
    pub(super) failcnt: u64,
}

impl Memory {
    /// Bytes in use.
    pub(super) fn usage(&self) -> u64 {
        self.usage.usage
    }
}

impl MemoryEntry {
    fn is_none(&self) -> bool {
        self.limit == 0 && self.usage == 0 && self.max == 0 && self.failcnt == 0
    }
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Pids {
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) current: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) limit: u64,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlockIo {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) io_service_bytes_recursive: Vec<BlockEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) io_serviced_recursive: Vec<BlockEntry>,
    #[serde(rename = "ioQueueRecursive", skip_serializing_if = "Vec::is_empty")]
    pub(super) io_queued_recursive: Vec<BlockEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) io_service_time_recursive: Vec<BlockEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) io_wait_time_recursive: Vec<BlockEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) io_merged_recursive: Vec<BlockEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) io_time_recursive: Vec<BlockEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) sectors_recursive: Vec<BlockEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) psi: Option<Pressure>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub(super) struct BlockEntry {
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) major: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) minor: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) op: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) value: u64,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct HugePages {
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) usage: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) max: u64,
    pub(super) failcnt: u64,
}

/// Time lost for want of a resource (`*.pressure`).
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Pressure {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) some: Option<PressureLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) full: Option<PressureLine>,
}

/// Averages in percent, the total in microseconds.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct PressureLine {
    pub(super) avg10: f64,
    pub(super) avg60: f64,
    pub(super) avg300: f64,
    pub(super) total: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
