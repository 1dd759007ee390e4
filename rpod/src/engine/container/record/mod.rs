//! `container.json`: what a container was asked to be, resolved once, when it was created.
//!
//! Only `rename` and `update` change it, under the container's lock; what happens to it is told by files of its run directory
//! (see [`super::status`]).

mod mount;
mod network;
mod resources;
mod security;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::health::Settings;
use crate::engine::quota::Quota;
use crate::engine::secret::attach::Attached;
use crate::engine::user_namespace::{Maps, UserNamespace};
use crate::systemd::notify::Readiness;
pub use mount::{Mount, Over};
pub use network::{Endpoint, Network, UserMode};
pub use resources::{BlockIo, Resources, Ulimit};
pub use security::Security;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Container {
    pub id: String,
    pub name: String,
    /// When it was created, RFC 3339.
    pub created: String,
    pub image: Image,
    /// Its files are a directory's and no image's.
    pub rootfs: Option<Directory>,
    /// How much may be written over them.
    pub quota: Quota,
    /// The OCI runtime that it was created with, and that alone knows of it from then on.
    pub runtime: Option<PathBuf>,
    pub process: Process,
    pub namespaces: Namespaces,
    pub user_namespace: UserNamespace,
    pub hostname: Option<String>,
    /// Without a host name of its own it is called by its name.
    pub hostname_is_name: bool,
    /// `/etc/hostname` is left as the image has it.
    pub no_hostname: bool,
    /// Directories into which `/etc/hosts` and its kin are put, too.
    pub chroot_dirs: Vec<String>,
    pub accounts: Accounts,
    /// `local`, or a zone's name; empty for the image's.
    pub time_zone: String,
    pub network: Network,
    pub mounts: Vec<Mount>,
    /// `CONTAINER[:OPTIONS]`: whose mounts are among them.
    pub volumes_from: Vec<String>,
    /// Of /dev/shm, in bytes.
    pub shm_size: u64,
    pub read_only: bool,
    /// `HOST[:CONTAINER][:rwm]`, or the name of one that is described.
    pub devices: Vec<String>,
    /// `all`, or what their vendor calls them.
    pub gpus: Vec<String>,
    pub security: Security,
    pub resources: Resources,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// Id of the pod it belongs to.
    pub pod: Option<String>,
    /// It is the container that holds its pod's namespaces.
    pub infra: bool,
    /// It runs to its end before the other containers of its pod are started.
    pub init_ctr: Option<InitContainer>,
    /// Ids of the containers that have to run before this one is started, besides those whose namespaces it joins.
    pub requires: Vec<String>,
    /// Removed when it ends.
    pub remove: bool,
    /// Its image goes with it, if nobody else needs it.
    pub remove_image: bool,
    /// What happens when it has ended by itself.
    pub restart: Restart,
    /// Signal number.
    pub stop_signal: i32,
    /// Seconds between the stop signal and SIGKILL.
    pub stop_timeout: u64,
    /// The streams that somebody is to be connected to, as it was made to say.
    pub attached: Vec<String>,
    /// Seconds that it may run.
    pub timeout: u64,
    /// Where its id was written; the file goes with it.
    pub cidfile: Option<PathBuf>,
    /// Where the monitor's pid is written, too.
    pub conmon_pidfile: Option<PathBuf>,
    /// Where the pid of its process is written, too.
    pub pidfile: Option<PathBuf>,
    /// With a read-only root: no tmpfs on /run, /tmp and /var/tmp.
    pub no_read_only_tmpfs: bool,
    pub log_driver: String,
    /// Bytes.
    pub log_size_max: Option<i64>,
    /// The log elsewhere than in the container's directory.
    pub log_file: Option<PathBuf>,
    /// What entries of the journal are marked with.
    pub log_tag: Option<String>,
    /// More fields of theirs: name and template.
    pub log_labels: BTreeMap<String, String>,
    /// Run an init as pid 1.
    pub init: Option<PathBuf>,
    /// The program that holds a pod's namespaces, bound into an infra container's empty root file system.
    pub pause: Option<PathBuf>,
    /// Its init is systemd, or is treated as if.
    pub systemd: bool,
    /// Bytes of each tmpfs that systemd is given.
    pub shm_size_systemd: Option<u64>,
    /// Who tells the unit that started it that it is ready.
    pub sdnotify: Readiness,
    pub health: Settings,
    /// Copies of them are in its directory, by their number.
    pub secrets: Vec<Attached>,
    /// The command line that made it.
    pub create_command: Vec<String>,
}

impl Container {
    /// Ids of the containers without which it cannot run.
    pub fn needs(&self) -> Vec<&str> {
        let mut needs = self.namespaces.owners();
        if let UserNamespace::Container(owner, _) = &self.user_namespace
            && !needs.contains(&owner.as_str())
        {
            needs.push(owner);
        }
        needs.extend(self.requires.iter().map(String::as_str));
        needs
    }
}

/// podman-create(1), "--init-ctr".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InitContainer {
    /// Whenever the pod is started.
    Always,
    /// The first time; then it is removed.
    Once,
}

/// podman-run(1), "--restart".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Restart {
    /// `always`, `unless-stopped`, `on-failure`; empty for none.
    pub policy: String,
    /// Of `on-failure`: how often at most, 0 for no limit.
    pub retries: u32,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Image {
    /// Empty for a container of a root file system that is no image.
    pub id: String,
    pub name: String,
    /// The name as it was typed.
    pub raw_name: String,
    pub digest: String,
    /// chainIDs, lowest layer first.
    pub layers: Vec<String>,
    /// Paths that the image declares as volumes.
    pub volumes: Vec<String>,
}

/// podman-run(1), "--rootfs".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Directory {
    pub path: PathBuf,
    pub kind: DirectoryKind,
}

/// How a directory becomes a root file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DirectoryKind {
    #[default]
    Plain,
    /// What is written lies over it, and goes when the container has ended.
    Overlay,
    /// Its owners are mapped: as the container's users are, or as is said here.
    Mapped(Option<Maps>),
}

/// What is added to the container's passwd(5) and group(5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Accounts {
    /// Anything at all.
    pub added: bool,
    /// Lines with `$USERNAME`, `$UID` and so on in it.
    pub passwd_entry: Option<String>,
    pub group_entry: Option<String>,
    /// Names or numbers of the host's users.
    pub host_users: Vec<String>,
}

impl Default for Accounts {
    fn default() -> Accounts {
        Accounts {
            added: true,
            passwd_entry: None,
            group_entry: None,
            host_users: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Process {
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    pub env: Vec<String>,
    /// Variables that rpod does not set by itself.
    pub unset_env: Vec<String>,
    pub unset_all_env: bool,
    pub workdir: String,
    /// The working directory was asked for, so it has to be there.
    pub workdir_asked: bool,
    pub user: String,
    pub groups: Vec<String>,
    pub umask: Option<String>,
    /// The execution domain of personality(2): `LINUX` or `LINUX32`.
    pub personality: Option<String>,
    pub tty: bool,
    pub stdin: bool,
}

impl Process {
    pub fn args(&self) -> Vec<String> {
        self.entrypoint
            .iter()
            .chain(&self.command)
            .cloned()
            .collect()
    }
}

/// Whose namespace a container lives in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Namespace {
    #[default]
    Private,
    Host,
    /// The namespace of another container, by its id.
    Container(String),
    /// A namespace file.
    Path(PathBuf),
}

/// Who else may come into a private IPC namespace: podman-run(1), "--ipc".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpcSharing {
    #[default]
    Shareable,
    Private,
    /// Nobody, and it has no /dev/shm.
    None,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Namespaces {
    pub pid: Namespace,
    pub ipc: Namespace,
    pub ipc_sharing: IpcSharing,
    pub uts: Namespace,
    pub net: Namespace,
    pub cgroup: Namespace,
}

impl Namespaces {
    /// Ids of the containers that have to run before this one can.
    pub fn owners(&self) -> Vec<&str> {
        let mut owners = Vec::new();
        for namespace in [&self.pid, &self.ipc, &self.uts, &self.net, &self.cgroup] {
            if let Namespace::Container(id) = namespace
                && !owners.contains(&id.as_str())
            {
                owners.push(id.as_str());
            }
        }
        owners
    }
}

#[cfg(test)]
mod tests;
