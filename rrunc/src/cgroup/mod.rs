//! The container's control group: one group in each hierarchy of cgroup v1, or one in the tree of
//! cgroup v2 (cgroups(7)).

mod devices;
mod entrance;
mod freezer;
mod guest;
mod host;
mod limit;
mod making;
mod oom;
mod procs;
mod statistics;
mod systemd;
#[cfg(test)]
mod tests;
mod v1;
mod v2;
mod view;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};

use crate::annotations::Annotations;
use crate::kernel::process::is_host_root;
use crate::spec::{Memory, Resources};
pub(crate) use entrance::Entrance;
pub(crate) use host::is_unified;
use host::{Host, MOUNTPOINT};
pub(crate) use making::InUse;
use nix::errno::Errno;
pub(crate) use oom::OomWatch;
use serde::{Deserialize, Serialize};
pub(crate) use statistics::Statistics;
pub(crate) use systemd::Holder;
use systemd::Scope;
pub(crate) use view::{Hierarchy, View};

/// Controller name, or "" for cgroup v2, to the group's directory.
type Groups = BTreeMap<String, PathBuf>;

/// Where a container's groups are. Recorded in the container's state.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Paths {
    #[serde(flatten)]
    groups: Groups,
    /// Whose groups they are, where systemd made them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
}

impl Paths {
    /// Whether the container has no groups of its own.
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// One container's groups in every hierarchy of the host.
#[derive(Debug, Clone)]
pub(crate) struct Manager {
    paths: Groups,
    mountpoint: PathBuf,
    scope: Option<Scope>,
}

impl Manager {
    /// Plans the groups of a new container; makes nothing.
    ///
    /// An absolute `linux.cgroupsPath` is below the hierarchies' roots, a relative one and the
    /// container's name, its default, below this process's own group (beside it in cgroup v2, where a
    /// group with processes cannot have children with controllers).
    pub(crate) fn new(cgroups_path: Option<&str>, id: &str) -> Result<Manager> {
        Manager::plan(&Host::discover()?, Path::new(MOUNTPOINT), cgroups_path, id)
    }

    fn plan(
        host: &Host,
        mountpoint: &Path,
        cgroups_path: Option<&str>,
        id: &str,
    ) -> Result<Manager> {
        let wanted = Path::new(cgroups_path.filter(|path| !path.is_empty()).unwrap_or(id));
        let below = inside(wanted)?;
        let mut paths = Groups::new();
        for hierarchy in &host.hierarchies {
            let own = match host.unified {
                true => hierarchy
                    .own
                    .parent()
                    .filter(|parent| parent.starts_with(mountpoint)),
                false => Some(hierarchy.own.as_path()).filter(|own| own.is_dir()),
            };
            let base = match wanted.is_absolute() {
                true => &hierarchy.mountpoint,
                false => own.unwrap_or(&hierarchy.mountpoint),
            };
            for controller in hierarchy.controllers.split(',') {
                paths.insert(controller.to_owned(), base.join(&below));
            }
        }
        if paths.is_empty() {
            bail!(
                "no control group hierarchy is mounted at {}",
                mountpoint.display()
            );
        }
        Ok(Manager {
            paths,
            mountpoint: mountpoint.to_owned(),
            scope: None,
        })
    }

    /// Plans the groups of a scope of systemd's; makes nothing. `linux.cgroupsPath` is
    /// `slice:prefix:name` then.
    ///
    /// # Errors
    /// It is not, or the user's systemd is not to be found.
    pub(crate) fn in_scope(
        cgroups_path: Option<&str>,
        id: &str,
        annotations: &Annotations,
    ) -> Result<Manager> {
        let scope = Scope::new(cgroups_path, id, annotations)?;
        let path = Path::new("/").join(scope.path()?);
        let manager = Manager::new(path.to_str(), id)?;
        Ok(Manager {
            scope: Some(scope),
            ..manager
        })
    }

    /// The groups of a container that is there already.
    pub(crate) fn from_paths(paths: Paths) -> Manager {
        Manager {
            paths: paths.groups,
            mountpoint: PathBuf::from(MOUNTPOINT),
            scope: paths.scope,
        }
    }

    /// The group, where cgroup v2 is the only hierarchy.
    fn unified(&self) -> Option<&Path> {
        self.paths
            .get("")
            .filter(|_| self.paths.len() == 1)
            .map(PathBuf::as_path)
    }

    /// The group as seen from its hierarchy's root, where cgroup v2 is the only one.
    pub(crate) fn below_root(&self) -> Option<PathBuf> {
        let below = self.unified()?.strip_prefix(&self.mountpoint).ok()?;
        Some(Path::new("/").join(below))
    }

    /// The group of a v1 controller.
    fn group(&self, controller: &str) -> Option<&Path> {
        self.paths.get(controller).map(PathBuf::as_path)
    }

    /// The groups' directories, each once.
    fn groups(&self) -> Vec<&Path> {
        let mut groups: Vec<&Path> = self.paths.values().map(PathBuf::as_path).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// The way in for a process yet to be born, once the groups are made: cheaper than
    /// moving a process that is there.
    pub(crate) fn entrance(&self) -> Result<Entrance> {
        let unified = self.paths.get("").map(PathBuf::as_path);
        Entrance::open(
            unified,
            self.groups()
                .into_iter()
                .filter(|group| Some(*group) != unified),
        )
    }

    /// Sets the limits and the device rules of a new container.
    pub(crate) fn set(&self, resources: &Resources) -> Result<()> {
        let policy = devices::Policy::new(&resources.devices)?;
        match (self.unified(), self.group("devices")) {
            (Some(group), _) => attach_devices(&policy, group)?,
            (None, Some(group)) => policy.write(group)?,
            (None, None) => bail!(
                "this host has no devices controller mounted: a container without it could use every device"
            ),
        }
        self.write_limits(resources)
    }

    /// Sets the limits that are given and leaves the rest, the devices among it, as they are.
    pub(crate) fn update(&self, resources: &Resources) -> Result<()> {
        if let Some(scope) = &self.scope {
            scope.update(resources, self.unified().is_some())?;
        }
        self.write_limits(resources)
    }

    fn write_limits(&self, resources: &Resources) -> Result<()> {
        if let Some(memory) = &resources.memory {
            self.check_memory(memory)?;
        }
        if let Some(group) = self.unified() {
            let mut limits = v2::limits(resources)?;
            v2::keep_quota(&mut limits, resources, group)?;
            v2::use_bfq_weight(&mut limits, resources, group);
            return limit::write_all(&limits, |_| Some(group));
        }
        let mut limits = v1::limits(resources)?;
        if let Some(blkio) = self.group("blkio") {
            v1::use_bfq_names(&mut limits, blkio);
        }
        limit::write_all(&limits, |controller| self.group(controller))
    }

    /// With `checkBeforeUpdate` a limit below what is in use is refused, instead of being reached
    /// by killing.
    fn check_memory(&self, memory: &Memory) -> Result<()> {
        let limit = memory.limit.and_then(|limit| u64::try_from(limit).ok());
        let (Some(true), Some(limit)) = (memory.check_before_update, limit.filter(|l| *l != 0))
        else {
            return Ok(());
        };
        let usage = self.statistics()?.memory.usage();
        if usage > limit {
            bail!(
                "rejecting memory limit {limit}, because it is below the current usage ({usage} bytes)"
            );
        }
        Ok(())
    }

    /// What the group has used.
    pub(crate) fn statistics(&self) -> Result<Statistics> {
        match self.unified() {
            Some(group) => statistics::v2::read(group),
            None => statistics::v1::read(self),
        }
    }

    /// To be told of kills for want of memory.
    pub(crate) fn watch_oom(&self) -> Result<OomWatch> {
        match (self.unified(), self.group("memory")) {
            (Some(group), _) => OomWatch::v2(group),
            (None, Some(group)) => OomWatch::v1(group),
            (None, None) => bail!("this host has no memory controller mounted"),
        }
    }

    /// Where the groups are, for the container's state.
    pub(crate) fn paths(&self) -> Paths {
        Paths {
            groups: self.paths.clone(),
            scope: self.scope.clone(),
        }
    }

    /// The group that is asked for its processes: every process is in all of them.
    fn census(&self) -> Option<&Path> {
        self.unified()
            .or_else(|| self.group("devices"))
            .or_else(|| self.paths.values().next().map(PathBuf::as_path))
    }

    /// Every process of the group and the groups below.
    pub(crate) fn pids(&self) -> Result<Vec<i32>> {
        self.census().map_or_else(|| Ok(Vec::new()), procs::list)
    }

    /// Sends SIGKILL to every process of the group and the groups below. In cgroup v1 the group is
    /// frozen meanwhile, so that none escapes by a fork.
    pub(crate) fn kill_all(&self) -> Result<()> {
        let Some(group) = self.census().filter(|group| group.exists()) else {
            return Ok(());
        };
        let freezes = self.unified().is_none() && self.group("freezer").is_some_and(Path::exists);
        if freezes {
            self.freeze()?;
        }
        let killed = procs::kill_all(group);
        // The signal is acted on only when they run again, killed or not.
        if freezes {
            self.thaw()?;
        }
        killed
    }

    /// Removes the groups; it is no error when they are gone.
    pub(crate) fn destroy(&self) -> Result<()> {
        if let Some(scope) = &self.scope {
            scope.stop()?;
        }
        self.groups().into_iter().try_for_each(procs::remove)
    }
}

/// Whether anything is asked of a group, devices apart.
///
/// # Errors
/// It is asked for what this host's cgroups have not.
pub(crate) fn limits_anything(resources: &Resources) -> Result<bool> {
    let limits = match is_unified() {
        true => v2::limits(resources)?,
        false => v1::limits(resources)?,
    };
    Ok(!limits.is_empty())
}

/// Only root of the host may load a device program. For everybody else the kernel makes no device nodes, and those
/// bound from the host open as the host lets them.
fn attach_devices(policy: &devices::Policy, group: &Path) -> Result<()> {
    match devices::attach(policy, group) {
        Err(error) if error.downcast_ref() == Some(&Errno::EPERM) && !is_host_root() => Ok(()),
        other => other,
    }
}

/// The path below a hierarchy's root; one that climbs out of it is refused.
fn inside(path: &Path) -> Result<PathBuf> {
    let mut inside = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => inside.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => bail!(
                "linux.cgroupsPath is {}: it may not contain ..",
                path.display()
            ),
        }
    }
    if inside.as_os_str().is_empty() {
        bail!(
            "linux.cgroupsPath is {}: the root group is the host's",
            path.display()
        );
    }
    Ok(inside)
}
