//! Who checks at intervals: systemd's [`timer`] where the container's cgroup is a scope, a process ([`watch`]) elsewhere.

use std::time::Duration;

use anyhow::Result;

use super::{timer, verdict, watch};
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::container::status::{Status, is_alive};

/// Begins, with a check now.
pub(super) fn begin(ctx: &Context, container: &Container) -> Result<()> {
    begin_after(ctx, container, Duration::ZERO)
}

fn begin_after(ctx: &Context, container: &Container, first: Duration) -> Result<()> {
    let Some(interval) = interval(ctx, container)? else {
        return Ok(());
    };
    if !timer::is_possible(container) {
        return watch::spawn(ctx, container);
    }
    match timer::start(ctx, container, first.min(interval), interval) {
        Err(error) if lives(ctx, container)? => {
            eprintln!(
                "rpod: warning: a process makes the health checks of container {}, no timer: {error:#}",
                container.id
            );
            watch::spawn(ctx, container)
        }
        // One that has ended has no scope any more.
        _ => Ok(()),
    }
}

/// Nobody checks any more who has been killed: another one does.
pub(super) fn ensure(ctx: &Context, container: &Container) -> Result<()> {
    let is_wanted = interval(ctx, container)?.is_some();
    if !is_wanted
        || timer::is_noted(ctx, container)
        || !ctx.store.status(&container.id)?.is_running()
        || watch::is_there(ctx, &container.id)?
    {
        return Ok(());
    }
    watch::spawn(ctx, container)
}

/// The settings have changed: whoever checks by the old ones is replaced.
pub fn renew(ctx: &Context, container: &Container) -> Result<()> {
    if !ctx.store.status(&container.id)?.is_running() {
        return Ok(());
    }
    timer::end(ctx, container)?;
    watch::end(ctx, &container.id)?;
    begin(ctx, container)
}

/// The start-up check has passed: the regular one is next, after its own interval. A process sees that by itself.
pub(super) fn after_startup(ctx: &Context, container: &Container) -> Result<()> {
    if watch::is_there(ctx, &container.id)? {
        return Ok(());
    }
    timer::end(ctx, container)?;
    begin_after(ctx, container, Duration::MAX)
}

/// Until the next check: the start-up check has an interval of its own. Nothing if checks are only made when somebody asks.
pub(super) fn interval(ctx: &Context, container: &Container) -> Result<Option<Duration>> {
    let settings = &container.health;
    // podman's variable for hosts where only a person checks.
    let by_hand = std::env::var_os("DISABLE_HC_SYSTEMD").is_some_and(|value| value == "true");
    if by_hand || !settings.is_set() {
        return Ok(None);
    }
    let nanoseconds = match &settings.startup {
        Some(own) if !verdict::startup(ctx, container)?.passed => own.interval,
        _ => settings.interval,
    };
    Ok((nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds)))
}

fn lives(ctx: &Context, container: &Container) -> Result<bool> {
    Ok(match ctx.store.status(&container.id)? {
        Status::Running(started) => is_alive(&started),
        _ => false,
    })
}
