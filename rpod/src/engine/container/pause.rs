//! A container's processes are frozen and thawed again.
//!
//! `RUN/containers/<id>/paused` says that it may be frozen; whether it is, its cgroup tells (see [`super::status`]).

use anyhow::{Result, bail};

use super::record::Container;
use super::status::Status;
use super::stop;
use crate::engine::cgroup::delegation;
use crate::engine::{Context, event, runtime};
use crate::store::directory::remove_if_there;
use crate::store::record::{Durability, replace};

/// Freezes a container that runs.
pub fn pause(ctx: &Context, container: &Container) -> Result<()> {
    let _lock = container.lock(ctx)?;
    match ctx.store.status(&container.id)? {
        Status::Running(_) => {}
        Status::Paused(_) => bail!(
            "{:?} is already paused: container state improper",
            container.id
        ),
        other => bail!(
            "{:?} is not running, can't pause: container state improper",
            other.word()
        ),
    }
    delegation::require(container, "pause container")?;
    container.make_run_dir(ctx)?;
    replace(
        &container.run_dir(ctx).join("paused"),
        b"",
        Durability::Process,
    )?;
    runtime::call(ctx, container, &["pause", &container.id])?;
    event::container(ctx, "pause", container);
    Ok(())
}

/// Thaws a container that is paused.
pub fn unpause(ctx: &Context, container: &Container) -> Result<()> {
    let _lock = container.lock(ctx)?;
    let Status::Paused(_) = ctx.store.status(&container.id)? else {
        bail!(
            "{:?} is not paused, can't unpause: container state improper",
            container.id
        );
    };
    thaw(ctx, container)?;
    event::container(ctx, "unpause", container);
    Ok(())
}

/// Ends a container that is paused: a signal reaches it only when it is thawed.
pub fn kill_paused(ctx: &Context, container: &Container) -> Result<()> {
    runtime::kill(ctx, container, libc::SIGKILL)?;
    let is_paused = || {
        anyhow::Ok(matches!(
            ctx.store.status(&container.id)?,
            Status::Paused(_)
        ))
    };
    // Some runtimes thaw what they kill.
    if is_paused()?
        && let Err(error) = thaw(ctx, container)
        && is_paused()?
    {
        return Err(error);
    }
    stop::see_killed(ctx, container)
}

fn thaw(ctx: &Context, container: &Container) -> Result<()> {
    runtime::call(ctx, container, &["resume", &container.id])?;
    let mark = container.run_dir(ctx).join("paused");
    remove_if_there(&mark)
}
