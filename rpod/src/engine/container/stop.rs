//! A container is told to end.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use nix::sys::signal::Signal;

use super::record::Container;
use super::restart::{self, EndedBy};
use super::status::{Status, UNKNOWN_CODE, is_alive};
use super::wait::wait_until;
use super::{clear, remove};
use crate::engine::{Context, event, pod, runtime};
use crate::output::warn;
use crate::store::record::{Durability, replace};

/// How long a killed process may take to be gone.
const AFTER_KILL: Duration = Duration::from_secs(30);

/// As many seconds as nobody waits.
pub const FOR_EVER: u64 = 100 * 365 * 86_400;

/// Sends the stop signal, after `timeout` seconds SIGKILL, and clears up. One that does not run is left alone: false.
/// A pod that ends with its last container ends with it.
pub fn stop(ctx: &Context, container: &Container, timeout: u64, by: EndedBy) -> Result<bool> {
    let stopped = stop_alone(ctx, container, timeout, by)?;
    if stopped {
        pod::stop::after_exit(ctx, container)?;
    }
    Ok(stopped)
}

/// The same without a thought for its pod, whose lock the caller may hold.
pub(super) fn stop_alone(
    ctx: &Context,
    container: &Container,
    timeout: u64,
    by: EndedBy,
) -> Result<bool> {
    match tell(ctx, container, timeout, by)? {
        Some(since) => see_end(ctx, container, timeout, since),
        None => Ok(false),
    }
}

/// The same for several: all are told before the first is waited for, and `seen` hears of each, by its place, how it ended.
/// Each has `timeout` seconds, or its own.
pub fn stop_all(
    ctx: &Context,
    containers: &[&Container],
    timeout: Option<u64>,
    by: EndedBy,
    mut seen: impl FnMut(usize, Result<bool>),
) {
    let timeout_of = |container: &Container| timeout.unwrap_or(container.stop_timeout);
    let mut told = Vec::new();
    for (place, container) in containers.iter().enumerate() {
        let is_told = containers[..place]
            .iter()
            .any(|other| other.id == container.id);
        told.push(match is_told {
            true => Ok(None),
            false => tell(ctx, container, timeout_of(container), by),
        });
    }
    for (place, (container, told)) in containers.iter().zip(told).enumerate() {
        let ended = told.and_then(|since| match since {
            Some(since) => see_end(ctx, container, timeout_of(container), since),
            None => Ok(false),
        });
        seen(place, ended);
    }
}

/// Tells a container that runs to end. When that was; nothing if it does not run.
fn tell(
    ctx: &Context,
    container: &Container,
    timeout: u64,
    by: EndedBy,
) -> Result<Option<Instant>> {
    // It may be between two runs; then this keeps it from the next.
    restart::note_stop(ctx, container, by)?;
    match settled(ctx, container)? {
        Status::Running(_) => {}
        // Nobody of it could hear it.
        Status::Initialized(_) => return Ok(Some(Instant::now())),
        Status::Paused(_) => bail!(
            "container {} is running or paused, refusing to clean up: container state improper",
            container.id
        ),
        Status::Created | Status::Exited(_) => return Ok(None),
    }
    if timeout > 0 {
        container.make_run_dir(ctx)?;
        replace(
            &container.run_dir(ctx).join("stopping"),
            b"",
            Durability::Process,
        )?;
        signal(ctx, container, container.stop_signal)?;
    }
    Ok(Some(Instant::now()))
}

/// Its status when no start of it is under way. What a killed start has left, which may run, is ended.
fn settled(ctx: &Context, container: &Container) -> Result<Status> {
    let status = ctx.store.status(&container.id)?;
    if status != Status::Created || !clear::may_be_made(ctx, container) {
        return Ok(status);
    }
    let _lock = container.lock(ctx)?;
    let status = ctx.store.status(&container.id)?;
    if status == Status::Created {
        clear::clear_half_start(ctx, container)?;
    }
    Ok(status)
}

fn see_end(ctx: &Context, container: &Container, timeout: u64, since: Instant) -> Result<bool> {
    let status = ctx.store.status(&container.id)?;
    let patience = match status {
        Status::Initialized(_) => 0,
        _ => timeout,
    };
    wait_or_kill(ctx, container, patience, since)?;
    event::container(ctx, "stop", container);
    remove::cleanup(ctx, &container.id, container.remove)?;
    Ok(true)
}

/// Ends it without the clearing, for whoever holds its lock and goes on.
pub(super) fn end(ctx: &Context, container: &Container, timeout: u64) -> Result<()> {
    if timeout > 0 {
        signal(ctx, container, container.stop_signal)?;
    }
    wait_or_kill(ctx, container, timeout, Instant::now())
}

/// Kills it when `timeout` seconds have gone since it was told.
fn wait_or_kill(ctx: &Context, container: &Container, timeout: u64, since: Instant) -> Result<()> {
    if timeout > 0 {
        let left = Duration::from_secs(timeout).saturating_sub(since.elapsed());
        if wait_until(ctx, &container.id, Some(left))?.is_some() {
            return note_end(ctx, container, UNKNOWN_CODE);
        }
        let name =
            Signal::try_from(container.stop_signal).map_or("the stop signal", Signal::as_str);
        warn(&format!(
            "StopSignal {name} failed to stop container {} in {timeout} seconds, resorting to SIGKILL",
            container.name
        ));
    }
    signal(ctx, container, libc::SIGKILL)?;
    see_killed(ctx, container)
}

/// Waits for the end of what was sent SIGKILL.
pub(super) fn see_killed(ctx: &Context, container: &Container) -> Result<()> {
    if wait_until(ctx, &container.id, Some(AFTER_KILL))?.is_none() {
        bail!(
            "container {} did not end within {} seconds of SIGKILL",
            container.name,
            AFTER_KILL.as_secs()
        );
    }
    note_end(ctx, container, 128 + libc::SIGKILL)
}

/// A monitor that was killed does not tell of the end: then whoever saw it does.
fn note_end(ctx: &Context, container: &Container, code: i32) -> Result<()> {
    if ctx.store.exit_code(&container.id)?.is_some() {
        return Ok(());
    }
    container.make_run_dir(ctx)?;
    let path = ctx.store.exits().join(&container.id);
    replace(&path, code.to_string().as_bytes(), Durability::Process)
}

/// Sends a signal to a container that runs. It ended meanwhile, though its monitor may not have said so yet: no error.
fn signal(ctx: &Context, container: &Container, number: i32) -> Result<()> {
    let Err(error) = runtime::kill(ctx, container, number) else {
        return Ok(());
    };
    match ctx.store.status(&container.id)? {
        Status::Running(process) | Status::Initialized(process) if is_alive(&process) => Err(error),
        _ => Ok(()),
    }
}

/// `rpod kill`.
pub fn kill(ctx: &Context, container: &Container, number: i32) -> Result<()> {
    match ctx.store.status(&container.id)? {
        Status::Running(_) | Status::Paused(_) => {
            restart::note_stop(ctx, container, EndedBy::Person)?;
            runtime::kill(ctx, container, number)?;
            event::container(ctx, "kill", container);
            match number {
                libc::SIGKILL => see_killed(ctx, container),
                _ => Ok(()),
            }
        }
        other => bail!(
            "can only kill running containers. {} is in state {}: container state improper",
            container.id,
            other.word()
        ),
    }
}

/// `TERM`, `SIGTERM`, `RTMIN+3`, `15`.
pub fn signal_number(text: &str) -> Result<i32> {
    // As a person types it for kill(1).
    let text = text.strip_prefix('-').unwrap_or(text);
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let unknown = || anyhow!("invalid signal: {text}");
    if let Ok(number) = name.parse::<i32>() {
        return match number {
            1..=64 => Ok(number),
            65.. => bail!("valid signals are 1 through 64"),
            _ => bail!(unknown()),
        };
    }
    for (base, number) in [("RTMIN", 34), ("RTMAX", 64)] {
        if let Some(rest) = name.strip_prefix(base) {
            let offset: i32 = if rest.is_empty() {
                0
            } else {
                rest.parse().map_err(|_| unknown())?
            };
            return if (34..=64).contains(&(number + offset)) {
                Ok(number + offset)
            } else {
                bail!(unknown())
            };
        }
    }
    format!("SIG{name}")
        .parse::<Signal>()
        .map(|signal| signal as i32)
        .map_err(|_| unknown())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn signals() {
        for (text, number) in [
            ("TERM", 15),
            ("SIGKILL", 9),
            ("15", 15),
            ("sigint", 2),
            ("RTMIN+3", 37),
            ("SIGRTMAX", 64),
        ] {
            assert_eq!(signal_number(text).unwrap(), number, "{text}");
        }
        assert_eq!(signal_number("-HUP").unwrap(), 1);
        for (text, complaint) in [
            ("0", "invalid signal: 0"),
            ("-WINK", "invalid signal: WINK"),
            ("-65", "valid signals are 1 through 64"),
        ] {
            assert_eq!(signal_number(text).unwrap_err().to_string(), complaint);
        }
    }
}
