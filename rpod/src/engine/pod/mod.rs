//! Pods: containers that share namespaces, which an infra container holds, and a cgroup.
//!
//! ```text
//! ROOT/pods/<id>/pod.json            what the pod was asked to be
//! ROOT/pods/<id>/containers/<id>     symbolic link to each container of the pod, the infra container too
//! ```
//!
//! Whoever makes a container in a pod holds the flock of the pod's directory shared; whoever starts, stops or removes the pod
//! holds it exclusively. The pod's lock is taken before any container's. A pod has no state of its own: it is what its containers
//! are ([`status`]).

pub mod check;
pub mod clone;
pub mod create;
pub mod infra;
pub mod inspect;
pub mod join;
mod members;
pub mod pause;
pub mod record;
pub mod remove;
pub mod start;
pub mod status;
pub mod stop;

use anyhow::{Context as _, Result};

use super::container::record::Resources;
use super::{Context, cgroup};
use crate::store::readable::{Readable, damaged};
use crate::store::{Lock, Noun, id, record as file};
use crate::systemd::manager;
use record::Pod;

pub use members::{enter, leave, members};

/// Reads the record of a pod by name, id or id prefix.
pub fn find(ctx: &Context, text: &str) -> Result<Pod> {
    load(ctx, &ctx.store.find(Noun::Pod, text)?)
}

/// Reads the record of a pod by its whole id.
pub fn load(ctx: &Context, id: &str) -> Result<Pod> {
    Ok(load_if_there(ctx, id)?.ok_or_else(|| ctx.store.none(Noun::Pod, id))?)
}

/// The same of one that may be half removed.
pub fn load_if_there(ctx: &Context, id: &str) -> Result<Option<Pod>> {
    let record = file::load_if_there(&ctx.store.record(Noun::Pod, id));
    record.map_err(|error| damaged(format!("pod {}", id::short(id)), error))
}

/// All pods, oldest first. What is damaged is told and left out, what is half removed left out.
pub fn all(ctx: &Context) -> Result<Vec<Pod>> {
    let mut all = Readable::default();
    for id in ctx.store.ids(Noun::Pod).context("listing pods")? {
        all.add(load_if_there(ctx, &id));
    }
    let mut all = all.told();
    all.sort_by(|a: &Pod, b| a.created.cmp(&b.created));
    Ok(all)
}

impl Pod {
    /// Sets the limits of the pod's cgroup. The runtime makes the group with the first container's, which is too late for them.
    pub fn limit(&self, ctx: &Context) -> Result<()> {
        match self.cgroup(ctx) {
            Some(slice) if self.resources.cgroup_manager == "systemd" => {
                let unlimited = Resources {
                    cgroup_manager: self.resources.cgroup_manager.clone(),
                    ..Resources::default()
                };
                // Without limits the first container's scope brings it.
                if self.resources == unlimited {
                    return Ok(());
                }
                manager::slice(&slice, &self.resources)
            }
            Some(path) => cgroup::limit(&path, &self.resources),
            None => Ok(()),
        }
    }

    fn lock(&self, ctx: &Context) -> Result<Lock> {
        Lock::exclusive(&ctx.store.home(Noun::Pod, &self.id))
    }
}

/// What failed for some containers of a pod, by container id.
pub type Failures = Vec<(String, anyhow::Error)>;
