//! What the container sees of its groups.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Manager;
use super::host::{self, Host};

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
    /// The container's own group on the host.
    pub(crate) group: PathBuf,
}

impl Manager {
    /// What a mount of type `cgroup` shows.
    pub(crate) fn view(&self) -> Result<View> {
        if let Some(group) = self.unified() {
            return Ok(View::Unified(group.to_owned()));
        }
        let group = |hierarchy: &host::Hierarchy| {
            let first = hierarchy.controllers.split(',').next()?;
            self.group(first).map(Path::to_owned)
        };
        Ok(View::of_hierarchies(Host::discover()?, group))
    }
}

impl View {
    /// What it shows in a container that has no groups of its own: those that this process is in.
    pub(crate) fn of_the_callers() -> Result<View> {
        let host = Host::discover()?;
        match (host.unified, host.hierarchies.first()) {
            (true, Some(hierarchy)) => Ok(View::Unified(hierarchy.own.clone())),
            _ => Ok(View::of_hierarchies(host, |hierarchy| {
                Some(hierarchy.own.clone())
            })),
        }
    }

    fn of_hierarchies(host: Host, group: impl Fn(&host::Hierarchy) -> Option<PathBuf>) -> View {
        let (mut mounts, mut links) = (Vec::new(), Vec::new());
        for hierarchy in host.hierarchies {
            // The v2 tree beside v1 is the host's own bookkeeping: runc does not show it either.
            if hierarchy.controllers.is_empty() {
                continue;
            }
            let Some(group) = group(&hierarchy) else {
                continue;
            };
            let controllers = hierarchy.controllers;
            let name = controllers
                .strip_prefix("name=")
                .unwrap_or(&controllers)
                .to_owned();
            if controllers.contains(',') {
                links.extend(
                    controllers
                        .split(',')
                        .map(|controller| (controller.to_owned(), name.clone())),
                );
            }
            mounts.push(Hierarchy { name, group });
        }
        View::Hierarchies { mounts, links }
    }
}
