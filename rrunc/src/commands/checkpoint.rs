//! `checkpoint`: save a running container to files.

use std::fs;
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::delete;
use crate::cgroup::Manager;
use crate::cli::Checkpoint;
use crate::container::{Root, State, Status};
use crate::criu::{Criu, DESCRIPTORS, Externals, Moment, images_of};
use crate::log::Log;
use crate::spec;

/// Dump the container; unless it is to run on, it is deleted then.
///
/// # Errors
/// The container does not run, or criu fails: then it runs on.
pub(super) fn run(root: &Root, options: &Checkpoint, log: &Log) -> Result<ExitCode> {
    let container = root.find_locked(&options.id)?;
    let state = container.state()?;
    match container.status(&state)? {
        Status::Running | Status::Paused => {}
        other => bail!("Container cannot be checkpointed in {} state", other.name()),
    }
    dump(options, &state)?;
    if !options.leave_running && !options.pre_dump {
        delete::stop(&container, &state)?;
        delete::destroy(container, &state, log)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn dump(options: &Checkpoint, state: &State) -> Result<()> {
    let spec = spec::load(&state.bundle)?;
    let action = if options.pre_dump { "pre-dump" } else { "dump" };
    let mut criu = Criu::new(action, &options.criu)?;
    criu.arguments(["--tree", &state.pid.to_string()]);
    criu.path("--root", &state.rootfs);
    let manager = Manager::from_paths(state.cgroup_paths.clone());
    if let Some(group) = manager.freezer() {
        criu.path("--freeze-cgroup", group);
    }
    if let Some(parent) = &options.parent_path {
        ensure!(parent.is_relative(), "--parent-path must be relative");
        let at = images_of(&options.criu).join(parent);
        ensure!(at.is_dir(), "invalid --parent-path: {}", at.display());
        criu.path("--prev-images-dir", parent);
    }
    criu.flag(
        "--track-mem",
        options.parent_path.is_some() || options.pre_dump,
    );
    criu.flag("--leave-running", options.leave_running);
    criu.flag("--skip-in-flight", options.tcp_skip_in_flight);
    criu.flag("--link-remap", options.link_remap);
    criu.flag("--lazy-pages", options.lazy_pages);
    if let Some(fd) = options.status_fd {
        criu.arguments(["--status-fd", &fd.to_string()]);
    }
    if let Some(server) = &options.page_server {
        let (address, port) = server
            .rsplit_once(':')
            .context("Use --page-server ADDRESS:PORT to specify page server")?;
        criu.argument("--page-server");
        criu.arguments(["--address", address]);
        criu.arguments(["--port", port]);
    }
    if let Some(config) = state.annotations.get("org.criu.config") {
        criu.arguments(["--config", config]);
    }
    let view = match state.cgroup_paths.is_empty() {
        true => None,
        false => Some(manager.view()?),
    };
    criu.externals(&Externals::of(
        &spec,
        &state.bundle,
        view.as_ref(),
        Moment::Dump,
    )?);
    if !options.pre_dump {
        record_stdio(options, state)?;
    }
    criu.run(Stdio::null)
}

/// What stdio is, for the restore to put something in the place of pipes.
fn record_stdio(options: &Checkpoint, state: &State) -> Result<()> {
    let target = |fd: i32| -> String {
        let link = fs::read_link(format!("/proc/{}/fd/{fd}", state.pid)).unwrap_or_default();
        link.to_string_lossy().into_owned()
    };
    let path = images_of(&options.criu).join(DESCRIPTORS);
    let text = serde_json::to_vec(&[target(0), target(1), target(2)])?;
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))
}
