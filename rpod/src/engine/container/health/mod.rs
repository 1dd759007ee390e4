//! Health checks: a command that is run in the container now and then, and tells whether it is well. podman-run(1), "--health-cmd".
//!
//! ```text
//! settings   what was asked for; part of the container's record
//! probe      one check: a process in the container, its output and its exit code
//! verdict    what a check makes of the history: starting, healthy, unhealthy
//! schedule   who checks at intervals: timer (systemd) or watch (a process)
//! action     what is done with a container that is not well
//!
//! ROOT/containers/<id>/healthcheck.log  the history, in podman's form; --health-log-destination puts it elsewhere
//! RUN/containers/<id>/startup.json      how far the start-up check is
//! RUN/containers/<id>/health.timer      the name of systemd's timer
//! RUN/containers/<id>/health.lock       held by the process that checks at intervals; tells its pid
//! ```

mod action;
mod probe;
pub mod schedule;
pub mod settings;
mod timer;
mod verdict;
pub mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::Container;
use super::status::Status;
use crate::engine::Context;
use crate::process::is_ending;
use crate::store::record::{self, Durability};

pub use settings::Settings;

/// `healthcheck.log`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct History {
    pub status: String,
    pub failing_streak: u32,
    pub log: Vec<Check>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Check {
    /// RFC 3339.
    pub start: String,
    pub end: String,
    /// 0, 1, or -1 for one that took too long.
    pub exit_code: i32,
    pub output: String,
}

/// How a check that somebody asked for ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Healthy,
    Unhealthy,
    /// The start-up check does not succeed yet.
    Starting,
    /// The container ended while it was checked.
    Stopped,
}

impl Outcome {
    /// podman's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Healthy => "healthy",
            Outcome::Unhealthy => "unhealthy",
            Outcome::Starting => "starting",
            Outcome::Stopped => "stopped",
        }
    }
}

/// Checks the container now and does what is to be done about the answer.
pub fn check(ctx: &Context, container: &Container) -> Result<Outcome> {
    let started = match ctx.store.status(&container.id)? {
        Status::Running(started) => started,
        _ => bail!("container {} is not running", container.id),
    };
    let settings = &container.health;
    if !settings.is_set() {
        bail!("container {} has no defined healthcheck", container.id);
    }
    let startup = verdict::startup(ctx, container)?;
    let (test, timeout) = match (&settings.startup, startup.passed) {
        (Some(own), false) => (&own.test, own.timeout),
        _ => (&settings.test, settings.timeout),
    };
    let check = probe::run(ctx, container, test, Duration::from_nanos(timeout))?;
    if check.exit_code != 0
        && (is_ending(started.pid) || !ctx.store.status(&container.id)?.is_running())
    {
        note_stopped(ctx, container)?;
        return Ok(Outcome::Stopped);
    }
    let timed_out = check.exit_code == probe::TIMED_OUT;
    let in_start_period = Timestamp::now().duration_since(started.at)
        < jiff::SignedDuration::from_nanos(i64::try_from(settings.start_period)?);
    let judged = verdict::judge(ctx, container, check, in_start_period)?;
    if judged.has_started_up {
        schedule::after_startup(ctx, container)?;
    }
    action::take(ctx, container, &judged)?;
    if timed_out {
        bail!(
            "healthcheck command exceeded timeout of {}",
            crate::output::go_duration(timeout)
        );
    }
    Ok(judged.outcome)
}

/// Several checks may have been stopped with the container at once; of one that is gone nothing is noted.
fn note_stopped(ctx: &Context, container: &Container) -> Result<()> {
    let Ok(_lock) = container.lock(ctx) else {
        return Ok(());
    };
    let mut history = history(ctx, container)?;
    Outcome::Stopped.word().clone_into(&mut history.status);
    save(ctx, container, &history)
}

/// A new run begins: nothing is known of it.
pub fn begin(ctx: &Context, container: &Container) -> Result<()> {
    if !container.health.is_set() {
        return Ok(());
    }
    let mut history = history(ctx, container)?;
    "starting".clone_into(&mut history.status);
    history.failing_streak = 0;
    save(ctx, container, &history)?;
    schedule::begin(ctx, container)
}

/// `starting`, `healthy` or `unhealthy`; nothing for a container without checks. Whoever asks finds out, too, that nobody checks
/// any more, and mends it.
pub fn status(ctx: &Context, container: &Container) -> Option<String> {
    if !container.health.is_set() {
        return None;
    }
    // A status that is old is still the last one that is known.
    let _ = schedule::ensure(ctx, container);
    history(ctx, container)
        .ok()
        .map(|history| history.status)
        .filter(|status| !status.is_empty())
}

/// What was counted was another life's.
fn forget_streak(ctx: &Context, container: &Container) -> Result<()> {
    let _lock = container.lock(ctx)?;
    let mut history = history(ctx, container)?;
    history.failing_streak = 0;
    save(ctx, container, &history)
}

pub fn history(ctx: &Context, container: &Container) -> Result<History> {
    Ok(record::load_if_there(&log_path(ctx, container))?.unwrap_or_default())
}

fn save(ctx: &Context, container: &Container, history: &History) -> Result<()> {
    record::save(&log_path(ctx, container), history, Durability::Process)
}

/// Where the history is.
pub fn log_path(ctx: &Context, container: &Container) -> PathBuf {
    match container.health.log_destination.as_str() {
        "" | settings::LOCAL | settings::EVENTS => container.home(ctx).join("healthcheck.log"),
        dir => Path::new(dir).join(format!("{}-healthcheck.log", container.id)),
    }
}
