//! A pod is started: its infra container, then the others.

use anyhow::{Result, bail};

use super::record::Pod;
use super::{Failures, members};
use crate::engine::container::start as container;
use crate::engine::{Context, event};

/// Starts the containers that do not run. One that fails does not keep the others from starting.
pub fn start(ctx: &Context, pod: &Pod) -> Result<Failures> {
    let _lock = pod.lock(ctx)?;
    let members = members(ctx, pod)?;
    if members.is_empty() {
        bail!(
            "no containers in pod {} have no dependencies, cannot start pod: no such container",
            pod.id
        );
    }
    let mut failures = Failures::new();
    for member in &members {
        if let Err(error) = container::start(ctx, member, None) {
            failures.push((member.id.clone(), error));
            // What needs its namespaces would only fail in the same way.
            if member.infra {
                break;
            }
        }
    }
    event::pod(ctx, "start", pod);
    Ok(failures)
}
