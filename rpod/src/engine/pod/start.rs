//! A pod is started: its init containers one after the other, then its infra container, then the others.

use anyhow::{Context as _, Result, bail};

use super::record::Pod;
use super::{Failures, members};
use crate::engine::container::record::{Container, InitContainer};
use crate::engine::container::{remove, start as container, wait};
use crate::engine::{Context, event};

/// Starts the containers that do not run. One that fails does not keep the others from starting, but an init container does.
pub fn start(ctx: &Context, pod: &Pod) -> Result<Failures> {
    let _lock = pod.lock(ctx)?;
    let members = members(ctx, pod)?;
    if members.is_empty() {
        bail!(
            "no containers in pod {} have no dependencies, cannot start pod: no such container",
            pod.id
        );
    }
    let (init, members): (Vec<_>, Vec<_>) = members
        .into_iter()
        .partition(|member| member.init_ctr.is_some());
    for member in &init {
        run_to_end(ctx, member)?;
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

/// The infra container is started with the first of them, whose namespaces it holds.
fn run_to_end(ctx: &Context, init: &Container) -> Result<()> {
    container::start(ctx, init, None)
        .with_context(|| format!("starting init container {}", init.id))?;
    let code = wait::wait_until(ctx, &init.id, None)?.unwrap_or_default();
    // Its monitor's exit command may come first.
    remove::cleanup(ctx, &init.id, init.remove)?;
    if code != 0 {
        bail!("init container {} exited with code {code}", init.id);
    }
    if init.init_ctr == Some(InitContainer::Once) {
        remove::remove(ctx, init, true, None)?;
    }
    Ok(())
}
