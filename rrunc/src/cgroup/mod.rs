//! The container's control group.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;

use crate::spec::Resources;

/// Where a container's groups are: controller name, or "" for cgroup v2, to
/// the directory. Recorded in the container's state.
pub(crate) type Paths = BTreeMap<String, PathBuf>;

/// What `type: cgroup` mounts into the container, worked out before its birth.
#[derive(Debug, Clone)]
pub(crate) enum View {
    /// cgroup v2: one mount of this group.
    Unified(PathBuf),
    /// cgroup v1: a tmpfs with one mount for each hierarchy.
    Hierarchies {
        mounts: Vec<Hierarchy>,
        links: Vec<(String, String)>,
    },
}

/// One hierarchy of cgroup v1 as the container sees it.
#[derive(Debug, Clone)]
pub(crate) struct Hierarchy {
    /// Directory below the mount's destination (`cpu,cpuacct`, `systemd`).
    pub(crate) name: String,
    /// Mount data of the hierarchy (`cpu,cpuacct`, `none,name=systemd`), `None` for cgroup v2.
    pub(crate) data: Option<String>,
    /// The container's own group on the host.
    pub(crate) group: PathBuf,
}

/// One container's groups in every hierarchy of the host.
#[derive(Debug, Clone)]
pub(crate) struct Manager {
    paths: Paths,
}

impl Manager {
    /// Plans the groups of a new container; makes nothing.
    pub(crate) fn new(_cgroups_path: Option<&str>, _id: &str) -> Result<Manager> {
        Ok(Manager {
            paths: Paths::new(),
        })
    }

    /// The groups of a container that is there already.
    pub(crate) fn from_paths(paths: Paths) -> Manager {
        Manager { paths }
    }

    /// Makes the groups where they are missing and puts the process in.
    pub(crate) fn apply(&self, _pid: i32) -> Result<()> {
        Ok(())
    }

    /// Sets the limits.
    pub(crate) fn set(&self, _resources: &Resources) -> Result<()> {
        Ok(())
    }

    /// Where the groups are, for the container's state.
    pub(crate) fn paths(&self) -> &Paths {
        &self.paths
    }

    /// What a mount of type `cgroup` shows.
    pub(crate) fn view(&self) -> Result<View> {
        Ok(View::Hierarchies {
            mounts: Vec::new(),
            links: Vec::new(),
        })
    }

    /// Stops every process of the group.
    pub(crate) fn freeze(&self) -> Result<()> {
        Ok(())
    }

    /// Lets them go on.
    pub(crate) fn thaw(&self) -> Result<()> {
        Ok(())
    }

    /// Whether the group is frozen.
    pub(crate) fn is_frozen(&self) -> Result<bool> {
        Ok(false)
    }

    /// Every process of the group and the groups below.
    pub(crate) fn pids(&self) -> Result<Vec<i32>> {
        Ok(Vec::new())
    }

    /// Sends SIGKILL to every process of the group and the groups below.
    pub(crate) fn kill_all(&self) -> Result<()> {
        Ok(())
    }

    /// Removes the groups; it is no error when they are gone.
    pub(crate) fn destroy(&self) -> Result<()> {
        Ok(())
    }
}
