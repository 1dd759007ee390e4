//! A pod is removed, with its containers.
//!
//! Order: the containers, the infra container's process, the cgroup, the record, the infra container, the name, the directory. A
//! process killed before the record is gone
//! leaves a pod with fewer containers; one killed later leaves a directory that is no pod, which [`sweep`] takes away.

use anyhow::{Context as _, Result, bail};

use super::record::Pod;
use super::{members, stop};
use crate::engine::container::record::Container;
use crate::engine::container::status::Status;
use crate::engine::container::{pause, remove as container};
use crate::engine::{Context, event};
use crate::store::directory::{entries, remove_if_there, remove_tree};
use crate::store::{Lock, Noun};

/// Removes a pod whose containers have ended. With `force` they are stopped first.
pub fn remove(ctx: &Context, pod: &Pod, force: bool, timeout: Option<u64>) -> Result<()> {
    let lock = pod.lock(ctx)?;
    let all = members(ctx, pod)?;
    if force {
        stop_all(ctx, pod, &all, timeout)?;
    } else {
        refuse_running(ctx, pod, &all)?;
    }
    let (infra, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|member| member.infra);
    // What needs another of them was made after it.
    for member in others.iter().rev() {
        container::remove(ctx, member, force, timeout)
            .with_context(|| format!("removing container {} from pod {}", member.id, pod.id))?;
    }
    stop_all(ctx, pod, &infra, timeout)?;
    stop::drop_cgroup(ctx, pod, &infra)?;
    drop_record(ctx, &pod.id)?;
    for member in &infra {
        container::remove(ctx, member, true, timeout)?;
    }
    erase(ctx, &pod.id, &pod.name)?;
    drop(lock);
    event::pod(ctx, "remove", pod);
    Ok(())
}

fn stop_all(ctx: &Context, pod: &Pod, members: &[Container], timeout: Option<u64>) -> Result<()> {
    for member in members {
        if matches!(ctx.store.status(&member.id)?, Status::Paused(_)) {
            pause::kill_paused(ctx, member)?;
        }
    }
    match stop::stop_members(ctx, members, timeout)?
        .into_iter()
        .next()
    {
        Some((id, error)) => {
            Err(error.context(format!("stopping container {id} of pod {}", pod.id)))
        }
        None => Ok(()),
    }
}

/// Nothing is removed unless everything can be.
fn refuse_running(ctx: &Context, pod: &Pod, members: &[Container]) -> Result<()> {
    let mut reasons = String::new();
    for member in members.iter().filter(|member| !member.infra) {
        if let Err(reason) = container::refuse_active(ctx, member) {
            reasons += &format!(
                "\nremoving container {} from pod {}: {reason:#}",
                member.id, pod.id
            );
        }
    }
    if !reasons.is_empty() {
        bail!(
            "not all containers could be removed from pod {}: removing pod containers{reasons}",
            pod.id
        );
    }
    Ok(())
}

/// Takes the name and the directory away.
pub(super) fn erase(ctx: &Context, id: &str, name: &str) -> Result<()> {
    drop_record(ctx, id)?;
    if !name.is_empty() {
        ctx.store.drop_name(name, id)?;
    }
    remove_tree(&ctx.store.home(Noun::Pod, id))
}

fn drop_record(ctx: &Context, id: &str) -> Result<()> {
    let record = ctx.store.record(Noun::Pod, id);
    remove_if_there(&record)
}

/// Directories without a record, left by processes that were killed while making or removing a pod, with the infra containers
/// that were made for them.
pub fn sweep(ctx: &Context) -> Result<()> {
    for id in ctx.store.ids(Noun::Pod).context("listing pods")? {
        let home = ctx.store.home(Noun::Pod, &id);
        let record = ctx.store.record(Noun::Pod, &id);
        if record.exists() {
            continue;
        }
        // It may just have been removed by another.
        let Ok(Some(_lock)) = Lock::try_exclusive(&home) else {
            continue;
        };
        if record.exists() {
            continue;
        }
        for member in members::of(ctx, &id)? {
            container::remove(ctx, &member, true, None)?;
        }
        erase(ctx, &id, "")?;
    }
    sweep_nameless(ctx)
}

/// Directories that were never named. One that is young may belong to somebody who is just making it.
fn sweep_nameless(ctx: &Context) -> Result<()> {
    for path in entries(&ctx.store.all(Noun::Pod))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(".tmp-") && !container::is_young(&path) {
            remove_tree(&path)?;
        }
    }
    Ok(())
}
