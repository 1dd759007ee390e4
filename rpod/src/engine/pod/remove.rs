//! A pod is removed, with its containers.
//!
//! Order: the containers, the record, the infra container, the name, the directory. A process killed before the record is gone
//! leaves a pod with fewer containers; one killed later leaves a directory that is no pod, which [`sweep`] takes away.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Context as _, Result, bail};

use super::record::Pod;
use super::{members, stop};
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::container::remove as container;
use crate::store::{Lock, Noun};

/// Removes a pod whose containers have ended. With `force` they are stopped first.
pub fn remove(ctx: &Context, pod: &Pod, force: bool, timeout: Option<u64>) -> Result<()> {
    let lock = pod.lock(ctx)?;
    let all = members(ctx, pod)?;
    if force {
        if let Some((id, error)) = stop::stop_members(ctx, &all, timeout)?.into_iter().next() {
            return Err(error.context(format!("stopping container {id} of pod {}", pod.id)));
        }
    } else {
        refuse_running(ctx, pod, &all)?;
    }
    let (infra, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|member| member.infra);
    // What needs another of them was made after it.
    for member in others.iter().rev() {
        container::remove(ctx, member, force, timeout)
            .with_context(|| format!("removing container {} from pod {}", member.id, pod.id))?;
    }
    drop_record(ctx, &pod.id)?;
    for member in &infra {
        container::remove(ctx, member, true, timeout)?;
    }
    erase(ctx, &pod.id, &pod.name)?;
    drop(lock);
    Ok(())
}

/// Nothing is removed unless everything can be.
fn refuse_running(ctx: &Context, pod: &Pod, members: &[Container]) -> Result<()> {
    for member in members.iter().filter(|member| !member.infra) {
        if ctx.store.status(&member.id)?.is_running() {
            bail!(
                "not all containers could be removed from pod {}: cannot remove container {} as it is running - running or paused containers cannot be removed without force: container state improper",
                pod.id,
                member.id
            );
        }
    }
    Ok(())
}

/// Takes the name and the directory away.
pub(super) fn erase(ctx: &Context, id: &str, name: &str) -> Result<()> {
    drop_record(ctx, id)?;
    if !name.is_empty() {
        ctx.store.drop_name(name, id)?;
    }
    let home = ctx.store.home(Noun::Pod, id);
    match fs::remove_dir_all(&home) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", home.display()))
        }
        _ => Ok(()),
    }
}

fn drop_record(ctx: &Context, id: &str) -> Result<()> {
    let record = ctx.store.record(Noun::Pod, id);
    match fs::remove_file(&record) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", record.display()))
        }
        _ => Ok(()),
    }
}

/// Directories without a record, left by processes that were killed while making or removing a pod, with the infra containers
/// that were made for them.
pub fn sweep(ctx: &Context) -> Result<()> {
    for id in ctx.store.ids(Noun::Pod).context("listing pods")? {
        let home = ctx.store.home(Noun::Pod, &id);
        let record = ctx.store.record(Noun::Pod, &id);
        if record.exists() || container::is_young(&home) {
            continue;
        }
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
    Ok(())
}
