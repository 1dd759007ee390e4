//! A pod is told to end: all its containers at once, the infra container last.

use anyhow::Result;

use super::record::{ExitPolicy, Pod};
use super::{Failures, load, members};
use crate::engine::container::record::Container;
use crate::engine::container::remove;
use crate::engine::container::restart::EndedBy;
use crate::engine::container::status::Status;
use crate::engine::container::stop as container;
use crate::engine::{Context, cgroup, event};
use crate::store::{Lock, Noun};
use crate::systemd::manager;

/// Stops what runs. Each container has `timeout` seconds until SIGKILL, or as long as it was created with.
pub fn stop(ctx: &Context, pod: &Pod, timeout: Option<u64>) -> Result<Failures> {
    let _lock = pod.lock(ctx)?;
    let members = members(ctx, pod)?;
    let failures = stop_members(ctx, &members, timeout)?;
    event::pod(ctx, "stop", pod);
    if failures.is_empty() {
        drop_cgroup(ctx, pod, &members)?;
    }
    Ok(failures)
}

/// Takes the pod's cgroup away if no container is in it. What a killed start left in it is undone first.
pub(super) fn drop_cgroup(ctx: &Context, pod: &Pod, members: &[Container]) -> Result<()> {
    for member in members {
        // One that runs again, or was only initialized, stays.
        if !remove::cleanup(ctx, &member.id, false)? {
            return Ok(());
        }
    }
    match pod.cgroup(ctx) {
        // Where no systemd listens it has no slices either.
        Some(slice) if pod.resources.cgroup_manager == "systemd" => match manager::is_there() {
            true => manager::stop(&slice),
            false => Ok(()),
        },
        Some(path) => cgroup::remove(&path),
        None => Ok(()),
    }
}

/// The same for whoever holds the pod's lock.
pub(super) fn stop_members(
    ctx: &Context,
    members: &[Container],
    timeout: Option<u64>,
) -> Result<Failures> {
    let (infra, others): (Vec<_>, Vec<_>) = members.iter().partition(|member| member.infra);
    let mut failures = Failures::new();
    for group in [others, infra] {
        if failures.is_empty() {
            container::stop_all(ctx, &group, timeout, EndedBy::Person, |place, ended| {
                failures.extend(ended.err().map(|error| (group[place].id.clone(), error)));
            });
        }
    }
    Ok(failures)
}

/// Sends a signal to each container that runs.
pub fn kill(ctx: &Context, pod: &Pod, signal: i32) -> Result<Failures> {
    let _lock = pod.lock(ctx)?;
    let mut failures = Failures::new();
    for member in members(ctx, pod)?.iter().rev() {
        if ctx.store.status(&member.id)?.is_running()
            && let Err(error) = container::kill(ctx, member, signal)
        {
            failures.push((member.id.clone(), error));
        }
    }
    event::pod(ctx, "kill", pod);
    Ok(failures)
}

/// A container of the pod has ended: a pod that ends with its last container ends now.
pub fn after_exit(ctx: &Context, container: &Container) -> Result<()> {
    let Some(pod) = container.pod.as_deref().filter(|_| !container.infra) else {
        return Ok(());
    };
    let Ok(pod) = load(ctx, pod) else {
        return Ok(());
    };
    if pod.exit_policy == ExitPolicy::Continue {
        return Ok(());
    }
    let Ok(_lock) = Lock::exclusive(&ctx.store.home(Noun::Pod, &pod.id)) else {
        // Removed while we waited.
        return Ok(());
    };
    let members = members(ctx, &pod)?;
    let lasting = |member: &&Container| !member.infra && member.init_ctr.is_none();
    for member in members.iter().filter(lasting) {
        if !matches!(ctx.store.status(&member.id)?, Status::Exited(_)) {
            return Ok(());
        }
    }
    match stop_members(ctx, &members, None)?.into_iter().next() {
        Some((id, error)) => Err(error.context(format!("stopping container {id}"))),
        None => drop_cgroup(ctx, &pod, &members),
    }
}
