//! A container is started: what it stands on is mounted, config.json is written, conmon starts the runtime, the runtime starts it.
//!
//! Every step can be done again, so a process killed between two of them leaves what the next start or cleanup takes on.

use std::fs;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use super::checkpoint::{self, Restoring};
use super::failure;
use super::record::{Container, Namespace};
use super::status::{Ended, Started, Status};
use super::unit::{self, Unit};
use super::{
    clear, health, labels, load, pause, remove, restart, root, sources, stop, subscriptions,
    supervision, surroundings, workdir,
};
use crate::bundle::{self, Place, files};
use crate::engine::{Context, apparmor, cgroup, event, pod, runtime, volume};
use crate::monitor::{
    self,
    attach::{Attached, Streams},
};
use crate::process::start_ticks;
use crate::store::directory::remove_if_there;
use crate::store::record::Durability;
use crate::store::{Noun, record};

/// Starts the container and, if asked, connects to it before its first instruction. Does nothing to one that runs already.
pub fn start(
    ctx: &Context,
    container: &Container,
    attach: Option<&Streams>,
) -> Result<Option<Attached>> {
    restart::forget(ctx, container)?;
    let until = Until::Started {
        attach,
        for_unit: true,
    };
    let attached = start_or_wait(ctx, container, until)?;
    unit::see_to_health(ctx, container, attach.is_some())?;
    Ok(attached)
}

/// As its restart policy asks: what is noted about restarts stays. The caller holds the container's lock.
pub(super) fn start_again(ctx: &Context, container: &Container) -> Result<()> {
    needed_run(ctx, container)?;
    event::container(ctx, "restart", container);
    start_locked(ctx, container, Until::ALONE).map(drop)
}

/// Does all of a start but the start: its process waits. podman-init(1).
pub fn initialize(ctx: &Context, container: &Container) -> Result<()> {
    start_or_wait(ctx, container, Until::Initialized).map(drop)
}

/// Ends it if it runs and starts it, all under its lock, so that the clean-up after its end finds it running again.
pub fn restart(ctx: &Context, container: &Container, timeout: u64) -> Result<()> {
    restart::forget(ctx, container)?;
    start_needed(ctx, container)?;
    let _lock = container.lock(ctx)?;
    event::container(ctx, "restart", container);
    match ctx.store.status(&container.id)? {
        Status::Running(_) => stop::end(ctx, container, timeout)?,
        Status::Paused(_) => pause::kill_paused(ctx, container)?,
        _ => {}
    }
    let until = Until::Started {
        attach: None,
        for_unit: true,
    };
    start_locked(ctx, container, until).map(drop)
}

/// Brings it back from its checkpoint: a start whose process runs already when the runtime has made it.
pub(super) fn restore(ctx: &Context, container: &Container, how: &Restoring) -> Result<()> {
    restart::forget(ctx, container)?;
    start_or_wait(ctx, container, Until::Restored(how)).map(drop)
}

/// How far a start goes.
#[derive(Clone, Copy, Debug)]
enum Until<'a> {
    Initialized,
    Started {
        attach: Option<&'a Streams>,
        /// It is for this container that rpod was started: the sockets that a unit passed are its, and of it the unit is told.
        for_unit: bool,
    },
    Restored(&'a Restoring),
}

impl Until<'_> {
    const ALONE: Until<'static> = Until::Started {
        attach: None,
        for_unit: false,
    };

    fn restoring(&self) -> Option<&Restoring> {
        match self {
            Until::Restored(how) => Some(how),
            _ => None,
        }
    }

    fn for_unit(self) -> bool {
        matches!(self, Until::Started { for_unit: true, .. })
    }
}

fn start_or_wait(
    ctx: &Context,
    container: &Container,
    until: Until<'_>,
) -> Result<Option<Attached>> {
    start_needed(ctx, container)?;
    let _lock = container.lock(ctx)?;
    start_locked(ctx, container, until)
}

fn start_needed(ctx: &Context, container: &Container) -> Result<()> {
    for needed in container.needs() {
        let needed = load(ctx, needed)
            .with_context(|| format!("container {} needs container {needed}", container.name))?;
        restart::forget(ctx, &needed)?;
        start_or_wait(ctx, &needed, Until::ALONE)?;
    }
    Ok(())
}

fn needed_run(ctx: &Context, container: &Container) -> Result<()> {
    for needed in container.needs() {
        if !ctx.store.status(needed)?.is_running() {
            bail!(
                "some dependencies of container {} are not started: {needed}: container state improper",
                container.id
            );
        }
    }
    Ok(())
}

/// The caller holds the container's lock.
fn start_locked(
    ctx: &Context,
    container: &Container,
    until: Until<'_>,
) -> Result<Option<Attached>> {
    match ctx.store.status(&container.id)? {
        Status::Running(_) | Status::Paused(_) => {
            return match until {
                Until::Started {
                    attach: Some(streams),
                    ..
                } => {
                    let attached = Attached::connect(&container.home(ctx), streams)?;
                    event::container(ctx, "attach", container);
                    Ok(Some(attached))
                }
                _ => Ok(None),
            };
        }
        Status::Initialized(waiting) => {
            return match until {
                Until::Initialized => Ok(None),
                Until::Started { attach, .. } => let_go(ctx, container, waiting, attach, None),
                Until::Restored(_) => bail!(
                    "container {} waits to be started, cannot restore: container state improper",
                    container.id
                ),
            };
        }
        Status::Exited(_) => {
            if clear::clear_run(ctx, container)? {
                event::container(ctx, "cleanup", container);
            }
        }
        Status::Created => clear::clear_half_start(ctx, container)?,
    }
    // Left from the last time, it would say that this time had ended too.
    remove::forget_exit(ctx, &container.id)?;
    failure::forget(ctx, container)?;
    remove_if_there(&container.home(ctx).join("oom"))?;
    // Of what it joins nothing may be left when another command has ended that meanwhile.
    let begun =
        begin(ctx, container, until).or_else(|error| needed_run(ctx, container).and(Err(error)));
    if let Err(error) = &begun {
        failure::note(ctx, container, error);
        // What went wrong is the error; what the clearing meets is only added to it.
        if let Err(also) = clear::clear_run(ctx, container) {
            return begun.map_err(|error| match format!("{also:#}") {
                // The runtime cannot even be asked, as with a flag that it does not know.
                same if format!("{error:#}").contains(same.trim_end()) => error,
                also => error.context(format!("(and clearing up failed: {also})")),
            });
        }
    }
    begun
}

fn begin(ctx: &Context, container: &Container, until: Until<'_>) -> Result<Option<Attached>> {
    let (home, run) = (container.home(ctx), container.run_dir(ctx));
    container.make_run_dir(ctx)?;
    if let Some(pod) = &container.pod {
        pod::load(ctx, pod)?.limit(ctx)?;
    }
    surroundings::user_namespace(ctx, container)?;
    root::mount(ctx, container, &home)?;
    match until.restoring() {
        Some(how) => how.put_files_back(container, &home)?,
        None => checkpoint::state::clear(&home)?,
    }
    workdir::check(container, &home.join("rootfs"))?;
    volume::attach::prepare(ctx, container)?;
    let mut given = sources::make(ctx, container, &run)?;
    subscriptions::add(ctx, &mut given, &run)?;
    let unit = until.for_unit().then(|| Unit::hand_over(&mut given, &home));
    let unit = unit.transpose()?;
    let container = &given;
    let mut joined = surroundings::joined(ctx, container)?;
    let addresses = surroundings::connect(ctx, container, &mut joined)?;
    let shm = surroundings::shm(ctx, container)?;
    if let Some(how) = until.restoring() {
        how.put_shm_back(ctx, container, &home)?;
    }
    let shared = match &container.namespaces.net {
        Namespace::Container(id) => Some(ctx.store.run(Noun::Container, id)),
        _ => None,
    };
    let mut files = files::write(ctx, container, &run, shared.as_deref(), &addresses)?;
    bundle::time_zone::settle(container, &home.join("rootfs"), &run, &mut files)?;
    bundle::accounts::settle(container, &run, &home, &mut files)?;
    labels::label(container, &home, &run, &files)?;
    bundle::write(
        ctx,
        container,
        &Place {
            home: &home,
            shm: shm.as_deref(),
            files: &files,
            joined: &joined,
        },
    )?;
    apparmor::make_ready(&container.security)?;
    let mut monitor = supervision::monitor(
        ctx,
        container,
        &home,
        &run,
        unit.as_ref(),
        until.restoring(),
    )?;
    monitor.held = joined.ports;
    if container.resources.split_cgroup {
        cgroup::split::step_aside()?;
    }
    clear::note_making(ctx, container)?;
    let pid = monitor.begin(ctx)?.pid()?;
    if let Some(path) = &container.conmon_pidfile {
        let own = monitor::pidfile(&run);
        fs::copy(&own, path).with_context(|| format!("writing {}", path.display()))?;
    }
    if let Some(path) = &container.pidfile {
        fs::write(path, pid.to_string()).with_context(|| format!("writing {}", path.display()))?;
    }
    // Taken before the runtime lets it go: a container may be gone before we look again.
    let ticks = start_ticks(pid)
        .with_context(|| format!("container {} ended before it was started", container.id))?;
    let waiting = Started {
        pid,
        ticks,
        at: Timestamp::now(),
        stopping: false,
    };
    event::container(ctx, "init", container);
    match until {
        Until::Initialized => {
            record::save(&run.join("initialized"), &waiting, Durability::Process)?;
            Ok(None)
        }
        Until::Started { attach, .. } => let_go(ctx, container, waiting, attach, unit.as_ref()),
        Until::Restored(_) => {
            runs(ctx, container, waiting)?;
            health::begin(ctx, container).map(|()| None)
        }
    }
}

/// From now on it is a container that runs.
fn runs(ctx: &Context, container: &Container, waiting: Started) -> Result<()> {
    let started = Started {
        at: Timestamp::now(),
        ..waiting
    };
    let path = container.run_dir(ctx).join("started");
    record::save(&path, &started, Durability::Process)?;
    clear::keep_end(ctx, container, &Ended::to_come(&started)?).map(drop)
}

/// The process that the runtime made runs from here on.
fn let_go(
    ctx: &Context,
    container: &Container,
    waiting: Started,
    attach: Option<&Streams>,
    unit: Option<&Unit>,
) -> Result<Option<Attached>> {
    let attached = attach
        .map(|streams| Attached::connect(&container.home(ctx), streams))
        .transpose()?;
    if let Some(unit) = unit {
        // Before the container can say that it is ready.
        unit.tell_pid(&container.run_dir(ctx))?;
    }
    runtime::call(ctx, container, &["start", &container.id])?;
    runs(ctx, container, waiting)?;
    event::container(ctx, "start", container);
    if attached.is_some() {
        event::container(ctx, "attach", container);
    }
    if let Some(unit) = unit {
        unit.tell_ready()?;
    }
    health::begin(ctx, container)?;
    Ok(attached)
}
