//! A container is started: what it stands on is mounted, config.json is written, conmon starts the runtime, the runtime starts it.
//!
//! Every step can be done again, so a process killed between two of them leaves what the next start or cleanup takes on.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use super::overlay::{self, Overlay};
use super::record::{Container, Namespace};
use super::status::{Started, Status, start_ticks};
use super::{load, remove};
use crate::bundle::{self, Joined, Place, files};
use crate::engine::{Context, runtime};
use crate::monitor::Monitor;
use crate::monitor::attach::{Attached, Streams};
use crate::store::record::Durability;
use crate::store::{Noun, record};

/// Starts the container and, if asked, connects to it before its first instruction. Does nothing to one that runs already.
pub fn start(
    ctx: &Context,
    container: &Container,
    attach: Option<&Streams>,
) -> Result<Option<Attached>> {
    for owner in container.namespaces.owners() {
        let owner = load(ctx, owner).with_context(|| {
            format!(
                "container {} needs the namespaces of container {owner}",
                container.name
            )
        })?;
        start(ctx, &owner, None)?;
    }
    let _lock = container.lock(ctx)?;
    match ctx.store.status(&container.id)? {
        Status::Running(_) => {
            return attach
                .map(|streams| Attached::connect(&container.home(ctx), streams))
                .transpose();
        }
        Status::Exited(_) => remove::clear_run(ctx, container)?,
        Status::Created => remove::clear_half_start(ctx, container)?,
    }
    // Left from the last time, it would say that this time had ended too.
    remove::forget_exit(ctx, &container.id)?;
    let begun = begin(ctx, container, attach);
    if begun.is_err() {
        // What went wrong is the error; what the clearing meets is only added to it.
        if let Err(also) = remove::clear_run(ctx, container) {
            return begun
                .map_err(|error| error.context(format!("(and clearing up failed: {also:#})")));
        }
    }
    begun
}

fn begin(
    ctx: &Context,
    container: &Container,
    attach: Option<&Streams>,
) -> Result<Option<Attached>> {
    let (home, run) = (container.home(ctx), container.run_dir(ctx));
    for dir in [&run, &ctx.store.exits()] {
        fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    }
    mount(ctx, container, &home)?;
    let joined = joined(ctx, container)?;
    let shm = shm(ctx, container, &run)?;
    let shared = match &container.namespaces.net {
        Namespace::Container(id) => Some(ctx.store.run(Noun::Container, id)),
        _ => None,
    };
    let files = files::write(
        container,
        &run,
        shared.as_deref(),
        &files::Addresses::default(),
    )?;
    bundle::write(
        ctx,
        container,
        &Place {
            home: &home,
            run: &run,
            shm: shm.as_deref(),
            files: &files,
            joined: &joined,
        },
    )?;
    let pid = monitor(ctx, container, &home, &run)?.begin(ctx)?.pid()?;
    let attached = attach
        .map(|streams| Attached::connect(&home, streams))
        .transpose()?;
    // Taken before the runtime lets it go: a container may be gone before we look again.
    let ticks = start_ticks(pid)
        .with_context(|| format!("container {} ended before it was started", container.id))?;
    runtime::call(ctx, &["start", &container.id])?;
    record::save(
        &run.join("started"),
        &Started {
            pid,
            ticks,
            at: Timestamp::now(),
        },
        Durability::Process,
    )?;
    Ok(attached)
}

/// The root file system.
pub(super) fn mount(ctx: &Context, container: &Container, home: &Path) -> Result<()> {
    for layer in &container.image.layers {
        let diff = ctx.store.layers().join(layer);
        if !diff.exists() {
            bail!(
                "layer {layer} of image {} is missing in {}: pull the image again",
                container.image.name,
                ctx.store.layers().display()
            );
        }
    }
    let layers = ctx.store.layers();
    Overlay {
        layers: &layers,
        chain: &container.image.layers,
        home,
        volatile: container.remove,
        userxattr: crate::engine::rootless(),
    }
    .mount()
}

fn joined(ctx: &Context, container: &Container) -> Result<Joined> {
    let mut joined = Joined::default();
    for owner in container.namespaces.owners() {
        let Status::Running(started) = ctx.store.status(owner)? else {
            bail!(
                "container {owner} is not running, so its namespaces cannot be joined: container state improper"
            );
        };
        joined.pids.insert(owner.to_owned(), started.pid);
    }
    Ok(joined)
}

/// Containers of one IPC namespace see one /dev/shm.
fn shm(ctx: &Context, container: &Container, run: &Path) -> Result<Option<std::path::PathBuf>> {
    Ok(match &container.namespaces.ipc {
        Namespace::Host => Some("/dev/shm".into()),
        Namespace::Container(id) => Some(ctx.store.run(Noun::Container, id).join("shm")),
        Namespace::Private | Namespace::Path(_) => {
            let shm = run.join("shm");
            overlay::mount_shm(&shm, container.shm_size)?;
            Some(shm)
        }
    })
}

fn monitor<'a>(
    ctx: &Context,
    container: &'a Container,
    home: &'a Path,
    run: &'a Path,
) -> Result<Monitor<'a>> {
    let log = match container.log_driver.as_str() {
        "none" | "journald" | "passthrough" => container.log_driver.clone(),
        _ => format!("k8s-file:{}", container.log_path(ctx).display()),
    };
    // A leaked reference of one path a start; the process lives as long as it needs it.
    let exit_dir: &'static Path = Box::leak(ctx.store.exits().into_boxed_path());
    Ok(Monitor {
        container_id: &container.id,
        session_id: &container.id,
        name: &container.name,
        bundle: home,
        run,
        exit_dir,
        log,
        log_size_max: container.log_size_max,
        log_is_short_lived: container.remove,
        tty: container.process.tty,
        stdin: container.process.stdin,
        timeout: container.timeout,
        no_cgroup: container.resources.no_cgroup,
        exit_command: exit_command(ctx, container)?,
        exec: None,
    })
}

/// `rpod … container cleanup [--rm] ID`, with the parts that this rpod was told to use.
fn exit_command(ctx: &Context, container: &Container) -> Result<Vec<String>> {
    let text = |path: &Path| {
        path.to_str()
            .map(str::to_owned)
            .with_context(|| format!("{} is not UTF-8", path.display()))
    };
    let own = std::env::current_exe().context("finding rpod's own executable")?;
    let mut words = vec![text(&own)?];
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    option("--root", text(&ctx.store.root)?);
    option("--runroot", text(&ctx.store.runroot)?);
    option("--log-level", ctx.log_level().to_owned());
    option("--runtime", text(&ctx.runtime()?)?);
    if ctx.systemd_cgroups() {
        option("--cgroup-manager", "systemd".to_owned());
    }
    for flag in &ctx.globals.runtime_flag {
        option("--runtime-flag", flag.clone());
    }
    words.extend(["container".to_owned(), "cleanup".to_owned()]);
    if container.remove {
        words.push("--rm".to_owned());
    }
    words.push(container.id.clone());
    Ok(words)
}
