//! A container is removed, and what is left of ones that ended or were half-made. What a run leaves is cleared by [`super::clear`].

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::clear::{clear, clear_half_start, clear_run};
use super::dependency::dependents;
use super::overlay::unmount;
use super::record::Container;
use super::restart::{self, EndedBy};
use super::status::Status;
use super::{load, mount, pause, stop};
use crate::engine::image::{self, RemoveError};
use crate::engine::{Context, event, pod, quota, selinux, volume};
use crate::output::warn;
use crate::store::directory::{remove_if_there, remove_tree};
use crate::store::{Lock, Noun};

/// After the end: how it ended is recorded, everything that lived with it is cleared. A container that runs is left alone.
/// With `remove` the container goes too. Returns true if it was cleared.
pub fn cleanup(ctx: &Context, id: &str, remove: bool) -> Result<bool> {
    let home = ctx.store.home(Noun::Container, id);
    if !home.exists() {
        return Ok(true);
    }
    let _lock = Lock::exclusive(&home)?;
    // Whoever held the lock may have been faster.
    if !ctx.store.record(Noun::Container, id).exists() {
        return Ok(true);
    }
    let container = load(ctx, id)?;
    // What the policy starts again goes after its last run.
    let remove = remove && !restart::is_due(ctx, &container)?;
    match ctx.store.status(id)? {
        Status::Running(_) | Status::Paused(_) => return Ok(false),
        Status::Exited(_) => {
            if clear_run(ctx, &container)? && !remove {
                event::container(ctx, "cleanup", &container);
            }
        }
        // One that waits for its start is left to wait, unless it goes altogether.
        Status::Initialized(_) if !remove => return Ok(false),
        Status::Created | Status::Initialized(_) => clear_half_start(ctx, &container)?,
    }
    if remove {
        let code = ctx.store.exit_code(id)?.map(|(code, _)| code);
        erase(ctx, &container)?;
        event::container_end(ctx, "remove", &container, code, false);
        if container.remove_image {
            remove_image(ctx, &container)?;
        }
    }
    Ok(true)
}

/// Removes a container and, before it, all that need it. The answer is the ids of all that are gone.
pub fn remove_with_dependents(
    ctx: &Context,
    container: &Container,
    force: bool,
    timeout: Option<u64>,
) -> Result<Vec<String>> {
    let mut gone = Vec::new();
    for id in dependents(ctx, &container.id)? {
        let dependent = load(ctx, &id)?;
        gone.extend(remove_with_dependents(ctx, &dependent, force, timeout)?);
    }
    remove(ctx, container, force, timeout)?;
    gone.push(container.id.clone());
    Ok(gone)
}

/// Removes a container. One that runs is stopped first if `force`, an error else. One that others need stays.
pub fn remove(
    ctx: &Context,
    container: &Container,
    force: bool,
    timeout: Option<u64>,
) -> Result<()> {
    let dependents = dependents(ctx, &container.id)?;
    if !dependents.is_empty() {
        bail!(
            "container {} has dependent containers which must be removed before it: {}: container already exists",
            container.id,
            dependents.join(", ")
        );
    }
    // A restart that had been decided on before may come in between; who is told to force it says so again.
    for _ in 0..if force { FORCED } else { 1 } {
        end(ctx, container, force, timeout)?;
        if cleanup(ctx, &container.id, true)? {
            return forget_exit(ctx, &container.id);
        }
    }
    bail!(
        "container {} was started again while it was being removed: container state improper",
        container.id
    )
}

/// How often a container that is started again and again is ended.
const FORCED: u32 = 5;

/// Ends what runs, if that is asked for.
fn end(ctx: &Context, container: &Container, force: bool, timeout: Option<u64>) -> Result<()> {
    if !force {
        return refuse_active(ctx, container);
    }
    match ctx.store.status(&container.id)? {
        Status::Running(_) => {
            let timeout = timeout.unwrap_or(container.stop_timeout);
            stop::stop_alone(ctx, container, timeout, EndedBy::Person).map(drop)
        }
        Status::Paused(_) => pause::kill_paused(ctx, container),
        _ => Ok(()),
    }
}

/// Fails for a container that only goes by force.
pub fn refuse_active(ctx: &Context, container: &Container) -> Result<()> {
    let status = ctx.store.status(&container.id)?;
    if status.is_active() {
        bail!(
            "cannot remove container {} as it is {} - running or paused containers cannot be removed without force: container state improper",
            container.id,
            status.word()
        );
    }
    Ok(())
}

/// Removes what is left of a container whose record is damaged or gone.
pub fn remove_damaged(ctx: &Context, id: &str) -> Result<()> {
    let home = ctx.store.home(Noun::Container, id);
    let lock = home.exists().then(|| Lock::exclusive(&home)).transpose()?;
    let container = Container {
        id: id.to_owned(),
        ..Container::default()
    };
    clear(ctx, &container)?;
    // Whether it was limited its record would have told.
    quota::lift(&container.home(ctx));
    erase(ctx, &container)?;
    drop(lock);
    forget_exit(ctx, id)?;
    ctx.store.sweep_names()
}

/// The image of a container that is gone, by the name that it was made by. One that others use, or that is gone already, is left
/// alone.
pub fn remove_image(ctx: &Context, container: &Container) -> Result<()> {
    if container.rootfs.is_some() {
        return Ok(());
    }
    match image::remove(ctx, &container.image.raw_name, false) {
        Err(error) if RemoveError::is_of_others(&error) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => image::sweep(ctx).map(drop),
    }
}

/// Warns if an image that was to go with its container is used by others. Whoever cleared that may have had nobody to tell.
pub fn tell_image_that_stays(ctx: &Context, container: &Container) -> Result<()> {
    if container.rootfs.is_some() {
        return Ok(());
    }
    match image::find(ctx, &container.image.raw_name) {
        Ok(image) if image.id == container.image.id => match image::must_be_unused(ctx, &image) {
            Err(error) if RemoveError::is_in_use_beside(&error, &container.id) => {
                warn(&format!("{error:#}"));
                Ok(())
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Takes a container's directory, its name and its place in a pod away. The record goes first: without it the container is no more.
pub(super) fn erase(ctx: &Context, container: &Container) -> Result<()> {
    remove_if_there(&ctx.store.record(Noun::Container, &container.id))?;
    if !container.name.is_empty() {
        ctx.store.drop_name(&container.name, &container.id)?;
    }
    selinux::forget(ctx, container)?;
    let home = container.home(ctx);
    mount::unmark(&ctx.store, &container.id)?;
    unmount(&home.join("rootfs"))?;
    if !container.quota.is_none() {
        quota::lift(&home);
    }
    remove_tree(&home)?;
    if container.remove {
        volume::attach::remove_anonymous(ctx, container)?;
    }
    if let Some(path) = &container.cidfile {
        forget_id(path, &container.id);
    }
    match &container.pod {
        Some(pod) => pod::leave(ctx, pod, &container.id),
        None => Ok(()),
    }
}

/// Removes the file with a container's id, unless it has another's by now. What is left of it harms nobody.
fn forget_id(path: &Path, id: &str) {
    if fs::read_to_string(path).is_ok_and(|text| text.trim_end() == id) {
        let _ = fs::remove_file(path);
    }
}

/// Directories without a record, left by processes that were killed while making or removing a container, and the names that
/// point to nothing.
pub fn sweep(ctx: &Context) -> Result<()> {
    let ids = ctx.store.ids(Noun::Container);
    for id in ids.context("listing containers")? {
        let home = ctx.store.home(Noun::Container, &id);
        let record = ctx.store.record(Noun::Container, &id);
        if record.exists() {
            if is_left_by_machine(ctx, &id) {
                cleanup(ctx, &id, true)?;
            }
            continue;
        }
        if is_young(&home) {
            continue;
        }
        if let Some(_lock) = Lock::try_exclusive(&home)?
            && !record.exists()
        {
            unmount(&home.join("rootfs"))?;
            quota::lift(&home);
            remove_tree(&home)?;
        }
    }
    selinux::sweep(ctx)?;
    ctx.store.sweep_names()
}

/// It was to go when it ended, and ended with the machine.
fn is_left_by_machine(ctx: &Context, id: &str) -> bool {
    !ctx.store.run(Noun::Container, id).exists()
        && matches!(ctx.store.status(id), Ok(Status::Exited(_)))
        && load(ctx, id).is_ok_and(|container| container.remove)
}

/// Its maker may not have come to locking it. Seconds are more than that takes.
pub(in crate::engine) fn is_young(home: &Path) -> bool {
    let age = fs::metadata(home)
        .and_then(|meta| meta.modified())
        .ok()
        .and_then(|made| made.elapsed().ok());
    age.is_some_and(|age| age.as_secs() < 5)
}

/// The exit file stays after `--rm` for whoever waits; it goes with an explicit removal or with its reader.
pub fn forget_exit(ctx: &Context, id: &str) -> Result<()> {
    remove_if_there(&ctx.store.exits().join(id))
}
