//! `linux.namespaces`: the container's own, another container's by path, or the host's by leaving it out.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::engine::container::record::{Container, Namespace};

/// What a container joins, found when it starts.
#[derive(Debug, Default)]
pub struct Joined {
    /// The first process of each container whose namespaces are joined, by container id.
    pub pids: BTreeMap<String, i32>,
    /// The network namespace that was made for it.
    pub netns: Option<PathBuf>,
    /// The ports of the host that lead to it, kept from everybody else.
    pub ports: Vec<OwnedFd>,
    /// The user namespace whose ids it has, if not rpod's.
    pub user: Option<PathBuf>,
}

pub(super) fn of(container: &Container, joined: &Joined) -> Result<Vec<Value>> {
    let asked = &container.namespaces;
    let mut all = Vec::new();
    if let Some(path) = &joined.user {
        all.push(json!({ "type": "user", "path": path }));
    }
    add(&mut all, &asked.pid, "pid", "pid", None, joined)?;
    add(
        &mut all,
        &asked.net,
        "network",
        "net",
        joined.netns.as_deref(),
        joined,
    )?;
    add(&mut all, &asked.ipc, "ipc", "ipc", None, joined)?;
    add(&mut all, &asked.uts, "uts", "uts", None, joined)?;
    add(&mut all, &Namespace::Private, "mount", "mnt", None, joined)?;
    add(&mut all, &asked.cgroup, "cgroup", "cgroup", None, joined)?;
    Ok(all)
}

fn add(
    all: &mut Vec<Value>,
    asked: &Namespace,
    kind: &str,
    file: &str,
    made: Option<&Path>,
    joined: &Joined,
) -> Result<()> {
    all.push(match asked {
        Namespace::Host => return Ok(()),
        Namespace::Private => match made {
            Some(path) => json!({ "type": kind, "path": path }),
            None => json!({ "type": kind }),
        },
        Namespace::Path(path) => json!({ "type": kind, "path": path }),
        Namespace::Container(id) => {
            let pid = joined.pids.get(id).with_context(|| {
                format!("container {id} has no process whose {kind} namespace could be joined")
            })?;
            json!({ "type": kind, "path": format!("/proc/{pid}/ns/{file}") })
        }
    });
    Ok(())
}
