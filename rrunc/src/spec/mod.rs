//! The runtime-spec's `config.json`: its types, how it is read, what is checked.
//!
//! The types hold what this runtime acts on. They are our own rather than a
//! generated set because reading the file is on the way of every start.

mod check;
mod linux;
mod load;
mod process;
mod resources;

use std::path::PathBuf;

use serde::Deserialize;

use crate::annotations::Annotations;

pub(crate) use check::{check, check_process};
pub(crate) use linux::{
    Device, IdMapping, IntelRdt, Linux, MemoryPolicy, NamespaceKind, NetDevice, Personality,
};
pub(crate) use load::{CONFIG_FILE, load, load_process, parse_resources};
pub(crate) use process::{Capabilities, ConsoleSize, IoPriority, Process, Rlimit, Scheduler};
pub(crate) use resources::{
    BlockIo, Cpu, DeviceRule, Hugepage, Memory, Network, Pids, Rdma, Resources, WeightDevice,
};

/// Oldest and newest runtime-spec this runtime was written against.
pub(crate) const OLDEST_VERSION: &str = "1.0.0";
pub(crate) const VERSION: &str = "1.3.0";

/// A whole `config.json`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    pub(crate) oci_version: String,
    pub(crate) process: Option<Process>,
    pub(crate) root: Option<Root>,
    pub(crate) hostname: Option<String>,
    pub(crate) domainname: Option<String>,
    #[serde(deserialize_with = "load::null_as_default")]
    pub(crate) mounts: Vec<Mount>,
    #[serde(deserialize_with = "load::null_as_default")]
    pub(crate) hooks: Hooks,
    #[serde(deserialize_with = "load::null_as_default")]
    pub(crate) annotations: Annotations,
    #[serde(deserialize_with = "load::null_as_default")]
    pub(crate) linux: Linux,
}

/// `root`: the directory that becomes `/`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Root {
    pub(crate) path: PathBuf,
    pub(crate) readonly: bool,
}

/// One entry of `mounts`, in the order they are to be made.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Mount {
    pub(crate) destination: PathBuf,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) source: Option<PathBuf>,
    #[serde(deserialize_with = "load::null_as_default")]
    pub(crate) options: Vec<String>,
    #[serde(deserialize_with = "load::null_as_default")]
    pub(crate) uid_mappings: Vec<IdMapping>,
    #[serde(deserialize_with = "load::null_as_default")]
    pub(crate) gid_mappings: Vec<IdMapping>,
}

/// `hooks`: the six moments at which other programs are run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Hooks {
    #[serde(deserialize_with = "load::null_as_default")]
    pub(crate) prestart: Vec<Hook>,
    #[serde(deserialize_with = "load::null_as_default")]
    pub(crate) create_runtime: Vec<Hook>,
    #[serde(deserialize_with = "load::null_as_default")]
    pub(crate) create_container: Vec<Hook>,
    #[serde(deserialize_with = "load::null_as_default")]
    pub(crate) start_container: Vec<Hook>,
    #[serde(deserialize_with = "load::null_as_default")]
    pub(crate) poststart: Vec<Hook>,
    #[serde(deserialize_with = "load::null_as_default")]
    pub(crate) poststop: Vec<Hook>,
}

/// One program of a hook list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Hook {
    pub(crate) path: PathBuf,
    #[serde(deserialize_with = "load::null_as_default")]
    pub(crate) args: Vec<String>,
    #[serde(deserialize_with = "load::null_as_default")]
    pub(crate) env: Vec<String>,
    /// Seconds; absent means as long as it takes.
    pub(crate) timeout: Option<i64>,
}
