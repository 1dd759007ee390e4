//! What the container sees of its groups.

use std::path::PathBuf;

use anyhow::Result;

use super::Manager;
use super::host::Host;

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
        let (mut mounts, mut links) = (Vec::new(), Vec::new());
        for hierarchy in Host::discover()?.hierarchies {
            let controllers = hierarchy.controllers;
            // The v2 tree beside v1 is the host's own bookkeeping: runc does not show it either.
            let Some(group) = controllers
                .split(',')
                .next()
                .filter(|first| !first.is_empty())
                .and_then(|first| self.group(first))
            else {
                continue;
            };
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
            mounts.push(Hierarchy {
                name,
                group: group.to_owned(),
            });
        }
        Ok(View::Hierarchies { mounts, links })
    }
}
