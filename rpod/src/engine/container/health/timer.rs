//! Checks by a timer of systemd's: `rpod healthcheck run` for a container whose cgroup is a scope, with which the timer ends.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::engine::Context;
use crate::engine::cgroup::scope;
use crate::engine::container::own_command;
use crate::engine::container::record::Container;
use crate::store::Noun;
use crate::store::id;
use crate::store::record::{self, Durability};
use crate::systemd::manager::{self, Repeated};

/// What a check has to know of where it is made: the manager's variables are its own. Others may be secrets, and everybody may read
/// what a unit is given.
const VARIABLES: &[&str] = &[
    "PATH",
    "HOME",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "CONTAINERS_CONF",
    "CONTAINERS_CONF_OVERRIDE",
    "CONTAINERS_STORAGE_CONF",
];

/// True if systemd can make the checks.
pub(super) fn is_possible(container: &Container) -> bool {
    container.resources.systemd_cgroup() && manager::is_there()
}

/// Has the container checked after `first` and then at intervals.
pub(super) fn start(
    ctx: &Context,
    container: &Container,
    first: Duration,
    interval: Duration,
) -> Result<()> {
    let mut command = own_command(ctx)?;
    // What is not well is no failure of the check, of which the journal would hear.
    let check = ["healthcheck", "run", "--ignore-result", &container.id];
    command.extend(check.map(str::to_owned));
    let variable = |name: &&str| Some(format!("{name}={}", std::env::var(name).ok()?));
    // The timer of before may still be on its way out, and what it has started still at work.
    let name = format!("rpod-health-{}-{}", container.id, id::short(&id::new()?));
    // Noted first: a note of a timer that is not there does no harm.
    let note = note(ctx, &container.id);
    record::save(&note, &name, Durability::Process)?;
    let started = manager::repeat(Repeated {
        name,
        description: format!("health checks of container {}", container.name),
        command,
        environment: VARIABLES.iter().filter_map(variable).collect(),
        first,
        interval,
        until: scope::of(&container.id),
    });
    if started.is_err() {
        fs::remove_file(&note).with_context(|| format!("removing {}", note.display()))?;
    }
    started
}

/// Ends the timer, if there is one.
pub(super) fn end(ctx: &Context, container: &Container) -> Result<()> {
    let noted: Option<String> = record::load_if_there(&note(ctx, &container.id))?;
    noted.map_or(Ok(()), |name| manager::stop(&format!("{name}.timer")))
}

/// True if a timer has been started: systemd sees to it that it stays.
pub(super) fn is_noted(ctx: &Context, container: &Container) -> bool {
    note(ctx, &container.id).exists()
}

fn note(ctx: &Context, id: &str) -> PathBuf {
    ctx.store.run(Noun::Container, id).join("health.timer")
}
