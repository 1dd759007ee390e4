//! The keys that rpod reads, by table.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContainersConf {
    pub containers: Containers,
    pub engine: Engine,
    pub network: Network,
    pub secrets: Secrets,
}

/// `[secrets]`: where new secrets are kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Secrets {
    pub driver: Option<String>,
    pub opts: BTreeMap<String, String>,
}

/// `[containers]`: defaults of new containers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Containers {
    pub annotations: Option<Vec<String>>,
    pub apparmor_profile: Option<String>,
    pub base_hosts_file: Option<String>,
    pub cgroup_conf: Option<Vec<String>>,
    pub cgroupns: Option<String>,
    pub cgroups: Option<String>,
    pub container_name_as_hostname: bool,
    pub default_capabilities: Option<Vec<String>>,
    pub default_sysctls: Option<Vec<String>>,
    pub default_ulimits: Option<Vec<String>>,
    pub devices: Option<Vec<String>>,
    pub dns_options: Option<Vec<String>>,
    pub dns_searches: Option<Vec<String>>,
    pub dns_servers: Option<Vec<String>>,
    pub env: Option<Vec<String>>,
    pub env_host: bool,
    /// An address, or `none` for no such line in `/etc/hosts`.
    pub host_containers_internal_ip: Option<String>,
    pub http_proxy: Option<bool>,
    pub init: bool,
    pub init_path: Option<PathBuf>,
    pub ipcns: Option<String>,
    /// Containers have SELinux labels; true if not given.
    pub label: Option<bool>,
    /// Their user and role are rpod's own.
    pub label_users: Option<bool>,
    pub log_driver: Option<String>,
    /// A directory, or one file for all.
    pub log_path: Option<PathBuf>,
    /// Bytes; -1 for no limit.
    pub log_size_max: Option<i64>,
    pub log_tag: Option<String>,
    pub mounts: Option<Vec<String>>,
    pub netns: Option<String>,
    pub no_hosts: bool,
    pub oom_score_adj: Option<i32>,
    pub pidns: Option<String>,
    pub pids_limit: Option<i64>,
    pub privileged: bool,
    pub read_only: bool,
    pub seccomp_profile: Option<PathBuf>,
    pub shm_size: Option<String>,
    pub tz: Option<String>,
    pub umask: Option<String>,
    pub userns: Option<String>,
    pub utsns: Option<String>,
    pub volumes: Option<Vec<String>>,
}

/// `[engine]`: which programs do the work, and how.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Engine {
    /// Directories of device descriptions.
    pub cdi_spec_dirs: Option<Vec<PathBuf>>,
    pub cgroup_manager: Option<String>,
    pub compression_format: Option<String>,
    pub compression_level: Option<u32>,
    pub conmon_path: Option<Vec<PathBuf>>,
    pub detach_keys: Option<String>,
    /// Nobody else gets a published port of root's while the container runs; true if not given.
    pub enable_port_reservation: Option<bool>,
    pub events_container_create_inspect_data: bool,
    pub events_logfile_max_size: Option<Size>,
    pub events_logfile_path: Option<PathBuf>,
    pub events_logger: Option<String>,
    /// Options of slirp4netns.
    pub network_cmd_options: Option<Vec<String>>,
    /// A health check is an event; true if not given.
    pub healthcheck_events: Option<bool>,
    pub helper_binaries_dir: Option<Vec<PathBuf>>,
    /// Directories of hook descriptions.
    pub hooks_dir: Option<Vec<PathBuf>>,
    /// Where images lie that are on their way: a directory, or `storage` for one in the store.
    pub image_copy_tmp_dir: Option<String>,
    pub image_default_format: Option<String>,
    pub image_volume_mode: Option<String>,
    pub infra_command: Option<String>,
    pub infra_image: Option<String>,
    pub multi_image_archive: bool,
    pub pod_exit_policy: Option<String>,
    pub pull_policy: Option<String>,
    pub retry: Option<u32>,
    pub retry_delay: Option<String>,
    pub runtime: Option<String>,
    pub runtimes: BTreeMap<String, Vec<PathBuf>>,
    pub runtimes_flags: BTreeMap<String, Vec<String>>,
    /// Seconds.
    pub stop_timeout: Option<u64>,
    pub volume_path: Option<PathBuf>,
}

/// Bytes, or a text such as `1m`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Size {
    Bytes(u64),
    Text(String),
}

/// `[network]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Network {
    /// Where ports are published that are not given an address.
    pub default_host_ips: Option<Vec<String>>,
    pub default_network: Option<String>,
    pub default_subnet: Option<String>,
    /// `pasta` or `slirp4netns`.
    pub default_rootless_network_cmd: Option<String>,
    pub pasta_options: Option<Vec<String>>,
    pub network_config_dir: Option<PathBuf>,
}
