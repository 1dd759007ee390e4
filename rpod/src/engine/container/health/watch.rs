//! A process that checks at intervals, where no timer does: one for each container with checks, made when it starts, gone when it
//! ends.
//!
//! It needs neither a daemon nor an init system, sleeps until the next check or the container's end, and nothing else wakes it. If it
//! is killed, whoever next asks for the container's health starts another.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::schedule;
use crate::engine::Context;
use crate::engine::cgroup::scope::set_apart;
use crate::engine::container::record::Container;
use crate::engine::container::status::{Started, Status, is_alive};
use crate::engine::container::{load, unheard};
use crate::output::warn;
use crate::pidfd;
use crate::process::start_ticks;
use crate::store::record::{self, Durability};
use crate::store::{Lock, Noun};

/// How long the predecessor of a restarted container's watcher may take to go.
const PREDECESSOR: Duration = Duration::from_secs(10);

pub(super) fn spawn(ctx: &Context, container: &Container) -> Result<()> {
    let watcher = unheard(ctx)?
        .args(["healthcheck", "watch", &container.id])
        .current_dir("/")
        .spawn()
        .with_context(|| format!("starting the health checks of container {}", container.id))?;
    // Another one may still be on its way out of a scope that has no more than the container's id.
    let name = format!("rpod-health-{}-{}", container.id, watcher.id());
    if let Err(error) = set_apart(ctx, &container.resources, &name, watcher.id()) {
        warn(&format!(
            "health checks stay in rpod's own cgroup: {error:#}"
        ));
    }
    Ok(())
}

/// True if the process is there.
pub(super) fn is_there(ctx: &Context, id: &str) -> Result<bool> {
    let path = lock_path(ctx, id);
    Ok(path.exists() && Lock::try_exclusive(&path)?.is_none())
}

/// Ends the process, if there is one.
pub(super) fn end(ctx: &Context, id: &str) -> Result<()> {
    let watcher: Option<Started> = record::load_if_there(&pid_path(ctx, id))?;
    if let Some(watcher) = watcher.filter(is_alive) {
        match kill(Pid::from_raw(watcher.pid), Signal::SIGTERM) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(errno).context("ending the health checks of before"),
        }
    }
    Ok(())
}

/// The process itself: returns when the container has ended or has nothing to check any more.
pub fn run(ctx: &Context, id: &str) -> Result<()> {
    nix::unistd::setsid().context("leaving the session of whoever started the container")?;
    let Some(_place) = place(ctx, id)? else {
        return Ok(());
    };
    let Status::Running(started) = ctx.store.status(id)? else {
        return Ok(());
    };
    let Some(end) = pidfd::open(started.pid)? else {
        return Ok(());
    };
    while is_alive(&started) {
        let container = load(ctx, id)?;
        if ctx.store.status(id)?.is_running() {
            // What went wrong with one check is no reason to give up the others; the history tells.
            super::check(ctx, &container).ok();
        }
        let Some(interval) = schedule::interval(ctx, &container)? else {
            return Ok(());
        };
        if pidfd::ends_within(&end, interval)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Takes the lock and notes who holds it. Nothing if another one does the work.
fn place(ctx: &Context, id: &str) -> Result<Option<Lock>> {
    let path = lock_path(ctx, id);
    if !path.exists() {
        fs::File::create(&path).with_context(|| format!("making {}", path.display()))?;
    }
    let since = Instant::now();
    loop {
        if let Some(lock) = Lock::try_exclusive(&path)? {
            let pid = std::process::id().cast_signed();
            let own = Started {
                pid,
                ticks: start_ticks(pid).unwrap_or(0),
                at: jiff::Timestamp::now(),
                stopping: false,
            };
            record::save(&pid_path(ctx, id), &own, Durability::Process)?;
            return Ok(Some(lock));
        }
        if since.elapsed() > PREDECESSOR {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn lock_path(ctx: &Context, id: &str) -> PathBuf {
    ctx.store.run(Noun::Container, id).join("health.lock")
}

fn pid_path(ctx: &Context, id: &str) -> PathBuf {
    ctx.store.run(Noun::Container, id).join("health.pid")
}
