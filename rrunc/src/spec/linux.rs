//! `linux`: namespaces, id maps, devices and what is hidden.

use std::collections::BTreeMap;
use std::path::PathBuf;

use nix::sched::CloneFlags;
use serde::Deserialize;

use super::Resources;
use super::load::null_as_default;
use crate::security::seccomp::Profile;

/// The Linux part of the configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Linux {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) uid_mappings: Vec<IdMapping>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) gid_mappings: Vec<IdMapping>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) sysctl: BTreeMap<String, String>,
    pub(crate) resources: Option<Resources>,
    pub(crate) cgroups_path: Option<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) namespaces: Vec<Namespace>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) devices: Vec<Device>,
    pub(crate) seccomp: Option<Profile>,
    pub(crate) rootfs_propagation: Option<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) masked_paths: Vec<PathBuf>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) readonly_paths: Vec<PathBuf>,
    pub(crate) mount_label: Option<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) time_offsets: BTreeMap<String, TimeOffset>,
    pub(crate) intel_rdt: Option<IntelRdt>,
    pub(crate) personality: Option<Personality>,
    /// By their names on the host.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) net_devices: BTreeMap<String, NetDevice>,
    pub(crate) memory_policy: Option<MemoryPolicy>,
}

impl Linux {
    /// The namespace of this kind, when the container has one of its own.
    pub(crate) fn namespace(&self, kind: NamespaceKind) -> Option<&Namespace> {
        self.namespaces
            .iter()
            .find(|namespace| namespace.kind == kind)
    }

    /// Whether the container gets a fresh namespace of this kind.
    pub(crate) fn makes(&self, kind: NamespaceKind) -> bool {
        self.namespace(kind)
            .is_some_and(|namespace| namespace.path.is_none())
    }

    /// Whether the container's ids are not the host's.
    pub(crate) fn has_user_namespace(&self) -> bool {
        self.namespace(NamespaceKind::User).is_some()
    }
}

/// A namespace to make, or with a path to join.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Namespace {
    #[serde(rename = "type")]
    pub(crate) kind: NamespaceKind,
    #[serde(default, deserialize_with = "super::load::empty_as_none")]
    pub(crate) path: Option<PathBuf>,
}

/// The eight kinds of namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NamespaceKind {
    Cgroup,
    Ipc,
    Mount,
    Network,
    Pid,
    Time,
    User,
    Uts,
}

impl NamespaceKind {
    /// Every kind, in the order `features` prints them.
    pub(crate) const ALL: [NamespaceKind; 8] = [
        NamespaceKind::Cgroup,
        NamespaceKind::Ipc,
        NamespaceKind::Mount,
        NamespaceKind::Network,
        NamespaceKind::Pid,
        NamespaceKind::Time,
        NamespaceKind::User,
        NamespaceKind::Uts,
    ];

    /// The flag of clone(2), unshare(2) and setns(2).
    pub(crate) fn flag(self) -> CloneFlags {
        match self {
            NamespaceKind::Cgroup => CloneFlags::CLONE_NEWCGROUP,
            NamespaceKind::Ipc => CloneFlags::CLONE_NEWIPC,
            NamespaceKind::Mount => CloneFlags::CLONE_NEWNS,
            NamespaceKind::Network => CloneFlags::CLONE_NEWNET,
            NamespaceKind::Pid => CloneFlags::CLONE_NEWPID,
            NamespaceKind::Time => CloneFlags::from_bits_retain(libc::CLONE_NEWTIME),
            NamespaceKind::User => CloneFlags::CLONE_NEWUSER,
            NamespaceKind::Uts => CloneFlags::CLONE_NEWUTS,
        }
    }

    /// The specification's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            NamespaceKind::Cgroup => "cgroup",
            NamespaceKind::Ipc => "ipc",
            NamespaceKind::Mount => "mount",
            NamespaceKind::Network => "network",
            NamespaceKind::Pid => "pid",
            NamespaceKind::Time => "time",
            NamespaceKind::User => "user",
            NamespaceKind::Uts => "uts",
        }
    }

    /// The file's name under `/proc/PID/ns`.
    pub(crate) fn proc_name(self) -> &'static str {
        match self {
            NamespaceKind::Mount => "mnt",
            NamespaceKind::Network => "net",
            other => other.name(),
        }
    }
}

/// One range of a user or group id map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct IdMapping {
    #[serde(rename = "containerID")]
    pub(crate) container_id: u32,
    #[serde(rename = "hostID")]
    pub(crate) host_id: u32,
    pub(crate) size: u32,
}

/// A clock's shift in a time namespace.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TimeOffset {
    pub(crate) secs: i64,
    pub(crate) nanosecs: u32,
}

/// A device node to make in the container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Device {
    pub(crate) path: PathBuf,
    /// `c` or `u`, `b`, or `p`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) major: u64,
    pub(crate) minor: u64,
    pub(crate) file_mode: Option<u32>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
}

/// Execution domain, `LINUX` or `LINUX32`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Personality {
    pub(crate) domain: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) flags: Vec<String>,
}

/// A network device to move into the container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NetDevice {
    /// Its name there; empty to keep its name.
    pub(crate) name: String,
}

/// Shares of caches and of the bandwidth to memory, by resctrl.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct IntelRdt {
    /// Class of service; the container's own when absent, `/` the default one.
    #[serde(rename = "closID")]
    pub(crate) clos_id: Option<String>,
    pub(crate) l3_cache_schema: Option<String>,
    pub(crate) mem_bw_schema: Option<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) schemata: Vec<String>,
    pub(crate) enable_monitoring: bool,
}

/// Where memory is allocated (set_mempolicy(2)).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MemoryPolicy {
    /// `MPOL_BIND` and so on.
    pub(crate) mode: String,
    /// A list like `0-3,7`.
    pub(crate) nodes: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) flags: Vec<String>,
}
