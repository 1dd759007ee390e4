//! The monitor that stays with a container, and what it runs when the container has ended.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::checkpoint::{self, Restoring};
use super::log_marks;
use super::record::Container;
use super::unit::Unit;
use crate::engine::{Context, runtime};
use crate::monitor::{Monitor, Restore};

pub(super) fn monitor<'a>(
    ctx: &Context,
    container: &'a Container,
    home: &'a Path,
    run: &'a Path,
    unit: Option<&Unit>,
    restoring: Option<&Restoring>,
) -> Result<Monitor<'a>> {
    let log = match container.log_driver.as_str() {
        "none" | "journald" => container.log_driver.clone(),
        driver if driver.starts_with("passthrough") => "passthrough".to_owned(),
        _ => format!("k8s-file:{}", container.log_path(ctx).display()),
    };
    // A leaked reference of one path a start; the process lives as long as it needs it.
    let exit_dir: &'static Path = Box::leak(ctx.store.exits().into_boxed_path());
    let marks = log_marks::of(ctx, container)?;
    Ok(Monitor {
        runtime: runtime::of(ctx, container)?,
        container_id: &container.id,
        session_id: &container.id,
        name: &container.name,
        bundle: home,
        run,
        exit_dir,
        log,
        log_size_max: container.log_size_max,
        log_tag: marks.tag,
        log_labels: marks.labels,
        // A container that does nothing says nothing.
        log_is_short_lived: container.remove || container.pause.is_some(),
        tty: container.process.tty,
        stdin: container.process.stdin,
        timeout: container.timeout,
        resources: &container.resources,
        notify_socket: unit.and_then(Unit::relay),
        sockets: unit.map(|unit| unit.sockets.clone()).unwrap_or_default(),
        held: Vec::new(),
        preserved: unit.map(|_| ctx.preserved).unwrap_or_default(),
        exit_command: exit_command(ctx, container)?,
        exec: None,
        restore: restoring.map(|how| Restore {
            images: checkpoint::images(home),
            options: how.runtime_options(),
        }),
    })
}

/// `rpod … container cleanup [--rm] ID`
fn exit_command(ctx: &Context, container: &Container) -> Result<Vec<String>> {
    let mut words = own_command(ctx)?;
    words.extend(["container".to_owned(), "cleanup".to_owned()]);
    if container.remove {
        words.push("--rm".to_owned());
    }
    words.push(container.id.clone());
    Ok(words)
}

/// An rpod with the same parts, that nobody hears: for what goes on when this one has ended.
pub(super) fn unheard(ctx: &Context) -> Result<Command> {
    let words = own_command(ctx)?;
    let (program, rest) = words.split_first().context("rpod has no name")?;
    let mut command = Command::new(program);
    command
        .args(rest)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(command)
}

/// `rpod` with the parts that this rpod was told to use, for what it starts to act later.
pub fn own_command(ctx: &Context) -> Result<Vec<String>> {
    let text = |path: &Path| {
        path.to_str()
            .map(str::to_owned)
            .with_context(|| format!("{} is not UTF-8", path.display()))
    };
    let own = std::env::current_exe().context("finding rpod's own executable")?;
    // A newer one took its place while this one ran.
    let own = match own
        .to_str()
        .and_then(|path| path.strip_suffix(" (deleted)"))
    {
        Some(path) => path.into(),
        None => own,
    };
    let mut words = vec![text(&own)?];
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    option("--root", text(&ctx.store.root)?);
    option("--runroot", text(&ctx.store.runroot)?);
    option("--log-level", ctx.log_level().to_owned());
    option("--cgroup-manager", ctx.cgroup_manager().to_owned());
    words.extend(ctx.globals.lasting()?);
    Ok(words)
}
