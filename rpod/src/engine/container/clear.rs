//! What lives as long as a container's process is cleared: after it ended, and after a start that failed.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::overlay::unmount;
use super::record::{Container, Namespace};
use super::status::{Ended, Status};
use super::{half_start, mount, root, sources};
use crate::bundle::hosts;
use crate::engine::network::connection;
use crate::engine::user_namespace::{UserNamespace, namespace};
use crate::engine::{Context, event, runtime, volume};
use crate::store::directory::{remove_if_there, remove_tree};
use crate::store::record::Durability;
use crate::store::{Noun, record};

/// Clears what lives as long as the container's process. Its end is written down first, so that it is never lost. True if it
/// had run since it was cleared last.
pub(super) fn clear_run(ctx: &Context, container: &Container) -> Result<bool> {
    let run = container.run_dir(ctx);
    let has_ended = run.join("started").exists();
    let ended = match ctx.store.status(&container.id)? {
        Status::Exited(ended) if run.exists() => Some(ended),
        _ => None,
    };
    let mut unkept = None;
    if let Some(ended) = ended {
        // A container that is about to be removed has nobody to tell.
        if !container.goes_at_end() && !keep_end(ctx, container, &ended)? {
            unkept = Some(ended.clone());
        }
        if has_ended {
            event::container_end(ctx, "died", container, Some(ended.code), ended.oom);
        }
    }
    if may_be_made(ctx, container) {
        take_from_runtime(ctx, container)?;
    }
    release(ctx, container)?;
    if let Some(ended) = &unkept {
        fs::create_dir_all(&run).with_context(|| format!("making {}", run.display()))?;
        record::save(&run.join("last.json"), ended, Durability::Process)?;
    }
    Ok(has_ended)
}

/// Writes down how it ended, or may have. False if the disk has no room for it: a full disk is no reason not to clear.
pub(super) fn keep_end(ctx: &Context, container: &Container, ended: &Ended) -> Result<bool> {
    let last = container.home(ctx).join("last.json");
    match record::save(&last, ended, Durability::Process) {
        Err(error) if record::is_for_want_of_room(&error) => {
            record::remove_half_written(&last)?;
            Ok(false)
        }
        kept => kept.map(|()| true),
    }
}

/// A start that was killed half-way: nothing ran yet, or something runs that nobody knows of.
pub(super) fn clear_half_start(ctx: &Context, container: &Container) -> Result<()> {
    if may_be_made(ctx, container) {
        clear(ctx, container)
    } else {
        Ok(())
    }
}

/// Notes that the runtime is about to be told of it. The run directory may be lost before it is told to forget it.
pub(super) fn note_making(ctx: &Context, container: &Container) -> Result<()> {
    let mark = made(ctx, container);
    fs::write(&mark, "").with_context(|| format!("writing {}", mark.display()))
}

/// False if the runtime knows nothing of it, and no process of it is left.
pub(super) fn may_be_made(ctx: &Context, container: &Container) -> bool {
    container.run_dir(ctx).exists() || made(ctx, container).exists()
}

fn made(ctx: &Context, container: &Container) -> PathBuf {
    container.home(ctx).join("made")
}

pub(super) fn clear(ctx: &Context, container: &Container) -> Result<()> {
    take_from_runtime(ctx, container)?;
    release(ctx, container)
}

/// The runtime forgets the container; who is still at work on it is ended.
fn take_from_runtime(ctx: &Context, container: &Container) -> Result<()> {
    let run = container.run_dir(ctx);
    if !run.join("started").exists() {
        half_start::undo(ctx, container)?;
    } else if run.join("pidfile").exists() {
        runtime::call(ctx, container, &["delete", "--force", &container.id])?;
    }
    remove_if_there(&made(ctx, container))
}

/// Gives back what the container had of the host while it ran.
fn release(ctx: &Context, container: &Container) -> Result<()> {
    let (home, run) = (container.home(ctx), container.run_dir(ctx));
    if let Namespace::Container(owner) = &container.namespaces.net {
        hosts::leave(
            &ctx.store.run(Noun::Container, owner).join("hosts"),
            container,
        )?;
    }
    connection::down(ctx, &container.id)?;
    if matches!(container.user_namespace, UserNamespace::Own(_)) {
        namespace::remove(&namespace::path(ctx, &container.id))?;
    }
    volume::attach::release(ctx, container)?;
    sources::release(&home, &run)?;
    unmount(&run.join("shm"))?;
    if !mount::is_marked(&ctx.store, &container.id) {
        unmount(&home.join("rootfs"))?;
        root::release(container, &home)?;
    }
    remove_tree(&run)
}
