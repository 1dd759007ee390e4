//! Waiting for a container's end: the exit file appears, or its processes are gone without one.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::fs;
use std::os::fd::AsFd as _;
use std::path::PathBuf;

use super::status::Status;
use crate::engine::Context;
use crate::store::Noun;

/// A killed monitor writes no exit file, and nothing wakes us: look again this often.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What is waited for has mostly all but happened. The kernel takes some 10 ms to close an inotify that watched anything, so none
/// is made before looks after these pauses have seen nothing.
const FIRST_PAUSES: [Duration; 7] = {
    let mut pauses = [Duration::from_micros(100); 7];
    let mut at = 1;
    while at < pauses.len() {
        pauses[at] = Duration::from_micros(100 << at);
        at += 1;
    }
    pauses
};

/// The exit code, as soon as there is one.
pub fn wait(ctx: &Context, id: &str) -> Result<i32> {
    loop {
        if let Some(code) = wait_until(ctx, id, Some(Duration::from_secs(3600)))? {
            return Ok(code);
        }
    }
}

/// The exit code, or nothing if the container still runs after that time.
pub fn wait_until(ctx: &Context, id: &str, timeout: Option<Duration>) -> Result<Option<i32>> {
    let exits = ctx.store.exits();
    fs::create_dir_all(&exits).with_context(|| format!("making {}", exits.display()))?;
    watch(&[exits], timeout, || ended(ctx, id))
}

/// What `rpod wait --condition` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `configured`, `created`, `exited`, `initialized`, `paused`, `running`, …: podman's word for a status.
    Status(&'static str),
    /// The container is gone.
    Removing,
    Healthy,
    Unhealthy,
}

impl Condition {
    pub fn parse(text: &str) -> Result<Condition> {
        Ok(match text {
            "configured" | "created" => Condition::Status("created"),
            "exited" | "stopped" => Condition::Status("exited"),
            "initialized" => Condition::Status("initialized"),
            "paused" => Condition::Status("paused"),
            "running" => Condition::Status("running"),
            "stopping" => Condition::Status("stopping"),
            "removing" => Condition::Removing,
            "healthy" => Condition::Healthy,
            "unhealthy" => Condition::Unhealthy,
            _ => bail!("unknown container state: {text}: invalid argument"),
        })
    }
}

/// Waits until one of the containers meets one of the conditions (its end, if none is given); -1, or the exit code of one that
/// ended.
pub fn first(
    ctx: &Context,
    ids: &[&str],
    conditions: &[Condition],
    interval: Duration,
) -> Result<i32> {
    const ENDED: [Condition; 1] = [Condition::Status("exited")];
    let conditions = if conditions.is_empty() {
        &ENDED
    } else {
        conditions
    };
    loop {
        for id in ids {
            for condition in conditions {
                if let Some(code) = meets(ctx, id, *condition)? {
                    return Ok(code);
                }
            }
        }
        std::thread::sleep(interval);
    }
}

fn meets(ctx: &Context, id: &str, condition: Condition) -> Result<Option<i32>> {
    let record = ctx.store.record(Noun::Container, id);
    if !record.exists() {
        return match condition {
            Condition::Removing => Ok(Some(-1)),
            // Removed before anybody looked: its code may be there still.
            Condition::Status("exited") => {
                Ok(Some(ctx.store.exit_code(id)?.map_or(-1, |(code, _)| code)))
            }
            _ => bail!(removed(id)),
        };
    }
    let wanted = match condition {
        Condition::Removing => return Ok(None),
        Condition::Healthy => "healthy",
        Condition::Unhealthy => "unhealthy",
        Condition::Status(word) => {
            return Ok(match settled(ctx, id)? {
                Status::Exited(ended) if word == "exited" => Some(ended.code),
                status => (status.word() == word).then_some(-1),
            });
        }
    };
    let health = super::health::status(ctx, &super::load(ctx, id)?);
    Ok((health.as_deref() == Some(wanted)).then_some(-1))
}

/// The status, and not that of a container which is just started again: whoever does that holds its lock.
pub fn settled(ctx: &Context, id: &str) -> Result<Status> {
    let status = ctx.store.status(id)?;
    if status.is_running() {
        return Ok(status);
    }
    let container = super::load(ctx, id)?;
    if container.restart.policy.is_empty() {
        return Ok(status);
    }
    let _lock = container.lock(ctx)?;
    ctx.store.status(id)
}

/// Asks `look` until it has an answer: at once, a few times in the first moments, whenever something happens in one of `dirs`, and
/// now and then.
pub(super) fn watch<T>(
    dirs: &[PathBuf],
    timeout: Option<Duration>,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<Option<T>> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let left = || {
        deadline.map_or(LOOK_AGAIN, |deadline| {
            deadline
                .saturating_duration_since(Instant::now())
                .min(LOOK_AGAIN)
        })
    };
    for pause in FIRST_PAUSES {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        std::thread::sleep(pause.min(left()));
    }
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)
        .context("making an inotify")?;
    let events = AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MODIFY;
    for dir in dirs {
        inotify
            .add_watch(dir, events)
            .with_context(|| format!("watching {}", dir.display()))?;
    }
    loop {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        let left = left();
        if left.is_zero() {
            return Ok(None);
        }
        let millis = PollTimeout::try_from(left.as_millis().max(1)).unwrap_or(PollTimeout::MAX);
        match poll(
            &mut [PollFd::new(inotify.as_fd(), PollFlags::POLLIN)],
            millis,
        ) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => drain(&inotify)?,
            Err(errno) => return Err(errno).context("waiting for inotify"),
        }
    }
}

fn drain(inotify: &Inotify) -> Result<()> {
    match inotify.read_events() {
        Ok(_) | Err(Errno::EAGAIN) => Ok(()),
        Err(errno) => Err(errno).context("reading inotify"),
    }
}

fn ended(ctx: &Context, id: &str) -> Result<Option<i32>> {
    if let Some((code, _)) = ctx.store.exit_code(id)? {
        return Ok(Some(code));
    }
    match ctx.store.status(id)? {
        Status::Exited(ended) => Ok(Some(ended.code)),
        Status::Created if !ctx.store.record(Noun::Container, id).exists() => {
            bail!(removed(id))
        }
        _ => Ok(None),
    }
}

fn removed(id: &str) -> String {
    format!("container {id} was removed while it was waited for: no such container")
}
