//! How much a container may use.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// Bytes.
    pub memory: Option<i64>,
    pub memory_swap: Option<i64>,
    pub memory_reservation: Option<i64>,
    pub cpu_shares: Option<u64>,
    /// Microseconds.
    pub cpu_quota: Option<i64>,
    pub cpu_period: Option<u64>,
    /// Of real-time processes, microseconds; cgroup v1 only.
    pub cpu_rt_period: Option<u64>,
    pub cpu_rt_runtime: Option<i64>,
    pub cpuset_cpus: Option<String>,
    pub cpuset_mems: Option<String>,
    pub pids: Option<i64>,
    pub oom_score_adj: Option<i32>,
    /// cgroup v1 only: the kernel holds the container back rather than ending a process of it.
    pub oom_kill_disable: bool,
    /// 0 to 100; cgroup v1 only.
    pub memory_swappiness: Option<u64>,
    pub block_io: BlockIo,
    /// Files of cgroup v2 and their values.
    pub unified: BTreeMap<String, String>,
    /// `type major:minor access`, as given.
    pub device_rules: Vec<String>,
    pub ulimits: Vec<Ulimit>,
    /// The class of service below `/sys/fs/resctrl`.
    pub rdt_class: Option<String>,
    pub cgroup_parent: Option<String>,
    /// No cgroup of its own.
    pub no_cgroup: bool,
    /// Its cgroup and its monitor's lie in the caller's, whoever manages that.
    pub split_cgroup: bool,
    /// The monitor stays in its caller's cgroup.
    pub monitor_stays: bool,
    /// Who makes the cgroup: `systemd` or `cgroupfs`; empty in records of before there was a choice.
    pub cgroup_manager: String,
}

impl Resources {
    /// Without a limit of its own, swap gets as much again as memory, as docker's and podman's users expect.
    pub fn memory_and_swap(&self) -> Option<i64> {
        let twice = || self.memory.map(|bytes| bytes.saturating_mul(2));
        self.memory_swap.or_else(twice)
    }

    /// True if the cgroup is a scope of systemd's.
    pub fn systemd_cgroup(&self) -> bool {
        self.cgroup_manager == "systemd" && !self.no_cgroup && !self.split_cgroup
    }
}

/// podman-run(1), "--blkio-weight", "--device-read-bps" and their kin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockIo {
    /// 10 to 1000.
    pub weight: Option<u16>,
    /// Device and weight, rate in bytes or operations a second.
    pub weight_device: Vec<(String, u64)>,
    pub read_bps: Vec<(String, u64)>,
    pub write_bps: Vec<(String, u64)>,
    pub read_iops: Vec<(String, u64)>,
    pub write_iops: Vec<(String, u64)>,
}

/// A limit that was asked for: `name=soft:hard`, -1 for unlimited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    pub name: String,
    pub soft: i64,
    pub hard: i64,
}
