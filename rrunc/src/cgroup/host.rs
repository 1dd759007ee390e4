//! The hierarchies that the host has, and where this process is in them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, TMPFS_MAGIC, statfs};

/// Where the host's hierarchies are mounted.
pub(super) const MOUNTPOINT: &str = "/sys/fs/cgroup";

/// Whether this host has cgroup v2 alone.
pub(crate) fn is_unified() -> bool {
    statfs(MOUNTPOINT).is_ok_and(|found| found.filesystem_type() == CGROUP2_SUPER_MAGIC)
}

/// One mounted hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hierarchy {
    /// As /proc/self/cgroup names them: `cpu,cpuacct`, `name=systemd`, or nothing for cgroup v2.
    pub(super) controllers: String,
    pub(super) mountpoint: PathBuf,
    /// This process's own group, below the mountpoint.
    pub(super) own: PathBuf,
}

/// Every hierarchy of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// cgroup v2 alone.
    pub(super) unified: bool,
    pub(super) hierarchies: Vec<Hierarchy>,
}

impl Host {
    /// Looks at the mountpoint's file system and /proc/self/cgroup. The mount table is not read: it
    /// grows with every container on the host.
    pub(super) fn discover() -> Result<Host> {
        let mountpoint = Path::new(MOUNTPOINT);
        let kind = statfs(mountpoint)
            .with_context(|| format!("statfs {MOUNTPOINT}"))?
            .filesystem_type();
        if kind != CGROUP2_SUPER_MAGIC && kind != TMPFS_MAGIC {
            bail!(
                "{MOUNTPOINT} is neither a cgroup2 mount nor a tmpfs with cgroup mounts: mount the control groups there"
            );
        }
        let own = fs::read_to_string("/proc/self/cgroup").context("read /proc/self/cgroup")?;
        Host::describe(mountpoint, kind == CGROUP2_SUPER_MAGIC, &own)
    }

    /// Builds the description from the text of /proc/self/cgroup.
    pub(super) fn describe(mountpoint: &Path, unified: bool, own: &str) -> Result<Host> {
        let mut hierarchies = Vec::new();
        for line in own.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
                return Err(anyhow!("/proc/self/cgroup has an unexpected line {line:?}"));
            };
            if unified && !controllers.is_empty() {
                continue;
            }
            let found = if unified {
                Some(mountpoint.to_owned())
            } else {
                mount_of(mountpoint, controllers)
            };
            if let Some(mountpoint) = found {
                let own = mountpoint.join(path.trim_start_matches('/'));
                hierarchies.push(Hierarchy {
                    controllers: controllers.to_owned(),
                    mountpoint,
                    own,
                });
            }
        }
        Ok(Host {
            unified,
            hierarchies,
        })
    }
}

/// The directory of a v1 hierarchy: named after all its controllers, else found by a link of one.
fn mount_of(root: &Path, controllers: &str) -> Option<PathBuf> {
    let name = match controllers {
        "" => "unified",
        named => named.strip_prefix("name=").unwrap_or(named),
    };
    let candidates = std::iter::once(name).chain(name.split(','));
    candidates
        .map(|name| root.join(name))
        .find(|path| path.is_dir())
}
