//! `process`: what is run, as whom, with which powers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::load::null_as_default;

/// The process that `create`, `run` or `exec` starts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Process {
    pub(crate) terminal: bool,
    pub(crate) console_size: Option<ConsoleSize>,
    pub(crate) user: User,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) args: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) env: Vec<String>,
    pub(crate) cwd: PathBuf,
    pub(crate) capabilities: Option<Capabilities>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) rlimits: Vec<Rlimit>,
    pub(crate) no_new_privileges: bool,
    pub(crate) apparmor_profile: Option<String>,
    pub(crate) selinux_label: Option<String>,
    pub(crate) oom_score_adj: Option<i32>,
    pub(crate) scheduler: Option<Scheduler>,
    pub(crate) io_priority: Option<IoPriority>,
    #[serde(rename = "execCPUAffinity")]
    pub(crate) exec_cpu_affinity: Option<CpuAffinity>,
}

/// Rows and columns of the terminal at start.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct ConsoleSize {
    pub(crate) height: u16,
    pub(crate) width: u16,
}

/// User and groups, as numbers inside the container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) umask: Option<u32>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) additional_gids: Vec<u32>,
}

/// The five capability sets, by name (`CAP_KILL`).
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Capabilities {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) bounding: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) effective: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) inheritable: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) permitted: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) ambient: Vec<String>,
}

/// One resource limit (`RLIMIT_NOFILE`).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Rlimit {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) hard: u64,
    pub(crate) soft: u64,
}

/// Scheduling policy (sched_setattr(2)); times in nanoseconds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Scheduler {
    /// `SCHED_OTHER` and so on.
    pub(crate) policy: String,
    pub(crate) nice: i32,
    pub(crate) priority: i32,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) flags: Vec<String>,
    pub(crate) runtime: u64,
    pub(crate) deadline: u64,
    pub(crate) period: u64,
}

/// Class (`IOPRIO_CLASS_BE`) and priority (0 to 7) of input and output.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct IoPriority {
    pub(crate) class: String,
    pub(crate) priority: i32,
}

/// CPUs of a process that `exec` starts: until it is in the container's
/// cgroup, and from then on. Lists as in cpuset(7).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CpuAffinity {
    pub(crate) initial: Option<String>,
    #[serde(rename = "final")]
    pub(crate) last: Option<String>,
}
