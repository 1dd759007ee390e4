//! `linux.resources`: limits of the container's control group.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::load::null_as_default;

/// All limits; what is absent is left as the kernel has it.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Resources {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) devices: Vec<DeviceRule>,
    pub(crate) memory: Option<Memory>,
    pub(crate) cpu: Option<Cpu>,
    pub(crate) pids: Option<Pids>,
    #[serde(rename = "blockIO")]
    pub(crate) block_io: Option<BlockIo>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) hugepage_limits: Vec<Hugepage>,
    pub(crate) network: Option<Network>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) rdma: BTreeMap<String, Rdma>,
    /// Files of cgroup v2, written as they are.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) unified: BTreeMap<String, String>,
}

/// One rule of the device group; the later rule wins.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct DeviceRule {
    pub(crate) allow: bool,
    /// `a`, `b` or `c`; absent means `a`.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) major: Option<i64>,
    pub(crate) minor: Option<i64>,
    /// Letters of `rwm`.
    pub(crate) access: Option<String>,
}

/// Bytes, except `swappiness` (0 to 100). -1 is no limit.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Memory {
    pub(crate) limit: Option<i64>,
    pub(crate) reservation: Option<i64>,
    /// Memory and swap together.
    pub(crate) swap: Option<i64>,
    pub(crate) kernel: Option<i64>,
    #[serde(rename = "kernelTCP")]
    pub(crate) kernel_tcp: Option<i64>,
    pub(crate) swappiness: Option<u64>,
    #[serde(rename = "disableOOMKiller")]
    pub(crate) disable_oom_killer: Option<bool>,
    pub(crate) use_hierarchy: Option<bool>,
    pub(crate) check_before_update: Option<bool>,
}

/// Periods and quotas in microseconds.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Cpu {
    pub(crate) shares: Option<u64>,
    pub(crate) quota: Option<i64>,
    pub(crate) burst: Option<u64>,
    pub(crate) period: Option<u64>,
    pub(crate) realtime_runtime: Option<i64>,
    pub(crate) realtime_period: Option<u64>,
    pub(crate) cpus: Option<String>,
    pub(crate) mems: Option<String>,
    pub(crate) idle: Option<i64>,
}

/// Number of tasks; 0 or less is no limit.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Pids {
    pub(crate) limit: Option<i64>,
}

/// Weights and rates of block devices.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BlockIo {
    pub(crate) weight: Option<u16>,
    pub(crate) leaf_weight: Option<u16>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) weight_device: Vec<WeightDevice>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) throttle_read_bps_device: Vec<ThrottleDevice>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) throttle_write_bps_device: Vec<ThrottleDevice>,
    #[serde(rename = "throttleReadIOPSDevice")]
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) throttle_read_iops_device: Vec<ThrottleDevice>,
    #[serde(rename = "throttleWriteIOPSDevice")]
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) throttle_write_iops_device: Vec<ThrottleDevice>,
}

/// A device's weight.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WeightDevice {
    pub(crate) major: u64,
    pub(crate) minor: u64,
    pub(crate) weight: Option<u16>,
    pub(crate) leaf_weight: Option<u16>,
}

/// A device's rate: bytes or operations a second.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct ThrottleDevice {
    pub(crate) major: u64,
    pub(crate) minor: u64,
    pub(crate) rate: u64,
}

/// Bytes of one huge page size (`2MB`).
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Hugepage {
    /// Go's reader knows no case, and so some write it like this.
    #[serde(alias = "pagesize")]
    pub(crate) page_size: String,
    pub(crate) limit: u64,
}

/// Class and priorities of outgoing packets.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Network {
    #[serde(rename = "classID")]
    pub(crate) class_id: Option<u32>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) priorities: Vec<Priority>,
}

/// Priority on one interface.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Priority {
    pub(crate) name: String,
    pub(crate) priority: u32,
}

/// Limits of one RDMA device.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Rdma {
    pub(crate) hca_handles: Option<u32>,
    pub(crate) hca_objects: Option<u32>,
}
