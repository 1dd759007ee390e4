//! `restore`: bring a container back from what `checkpoint` saved.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result, anyhow, ensure};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::Pid;

use super::create::write_pid_file;
use super::delete;
use super::foreground::Foreground;
use super::request::Request;
use crate::birth::{self, Surroundings, make_places};
use crate::cgroup::Manager;
use crate::cli::{Create, Global, Restore};
use crate::container::{Container, Root, State, Status, start_time};
use crate::criu::{Criu, DESCRIPTORS, Externals, Moment, images_of};
use crate::log::Log;

/// Restore a container; returns its exit code, or at once with `--detach`.
///
/// # Errors
/// criu fails; nothing is left of the container then.
pub(super) fn run(root: &Root, options: &Restore, global: &Global, log: &Log) -> Result<ExitCode> {
    let create = Create {
        bundle: options.bundle.clone(),
        console_socket: None,
        pidfd_socket: None,
        pid_file: options.pid_file.clone(),
        no_pivot: false,
        no_new_keyring: false,
        preserve_fds: 0,
        id: options.id.clone(),
    };
    ensure!(
        !options.no_pivot,
        "--no-pivot: criu leaves the host's root by itself: leave it out"
    );
    let request = Request::read(root, &create, global)?;
    ensure!(
        options.console_socket.is_none() && !request.wants_terminal(),
        "process.terminal: criu's program cannot hand a terminal on: restore containers without one"
    );
    let hooks = &request.spec.hooks;
    ensure!(
        hooks.prestart.is_empty() && hooks.create_runtime.is_empty(),
        "hooks.prestart, hooks.createRuntime: they cannot be run in between by criu's program"
    );
    let foreground = match options.detach {
        true => None,
        false => Some(Foreground::prepare()?),
    };
    if foreground.is_some() && !options.no_subreaper {
        nix::sys::prctl::set_child_subreaper(true).context("become a subreaper")?;
    }
    let cgroup = request.cgroup(&options.id, log)?;
    let mut state = request.state(&options.id, cgroup.as_ref())?;
    let mut container = root.create(&options.id)?;
    let restored = bring_back(&container, options, &request, cgroup.as_ref(), &mut state);
    let pid = match restored {
        Ok(pid) => pid,
        Err(error) => {
            delete::destroy(container, &state, log)?;
            return Err(error);
        }
    };
    container.unlock()?;
    birth::run_hooks(
        "poststart",
        &request.spec.hooks.poststart,
        &state.for_hooks(Status::Running),
        &Surroundings::at(&state.bundle),
    )?;
    let Some(foreground) = foreground else {
        return Ok(ExitCode::SUCCESS);
    };
    let code = foreground.wait(pid, None)?;
    delete::destroy(container, &state, log)?;
    Ok(code)
}

fn bring_back(
    container: &Container,
    options: &Restore,
    request: &Request,
    cgroup: Option<&Manager>,
    state: &mut State,
) -> Result<Pid> {
    container.save(state)?;
    if let (Some(group), Some(wanted)) = (&state.resctrl, &request.spec.linux.intel_rdt) {
        group.make(wanted)?;
    }
    make_places(&request.spec, &request.bundle, &state.rootfs)?;
    let root = RootMount::make(&state.rootfs, container.path())?;
    let mut criu = Criu::new("restore", &options.criu)?;
    criu.path("--root", &root.0);
    criu.flag("--restore-detached", true);
    criu.flag("--restore-sibling", true);
    criu.flag("--evasive-devices", true);
    criu.flag("--lazy-pages", options.lazy_pages);
    if let Some(profile) = &options.lsm_profile {
        criu.arguments(["--lsm-profile", profile]);
    }
    if let Some(context) = &options.lsm_mount_context {
        criu.arguments(["--lsm-mount-context", context]);
    }
    if let Some(config) = state.annotations.get("org.criu.config") {
        criu.arguments(["--config", config]);
    }
    // criu makes no scopes, and would make the groups where the container had them, not where this one is to have its own.
    let holder = cgroup
        .map(|manager| manager.make(&options.id, &request.spec))
        .transpose()?;
    if let Some(group) = cgroup.and_then(Manager::below_root) {
        criu.path("--cgroup-root", &group);
    }
    let pid_file = container.path().join("criu.pid");
    criu.path("--pidfile", &pid_file);
    let view = cgroup.map(Manager::view).transpose()?;
    let externals = Externals::of(
        &request.spec,
        &request.bundle,
        view.as_ref(),
        Moment::Restore,
    )?;
    criu.externals(&externals);
    inherit_stdio(options, &mut criu)?;
    criu.run(Stdio::inherit)?;
    drop(holder);
    let pid = fs::read_to_string(&pid_file)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| anyhow!("criu left no process id in {}", pid_file.display()))?;
    let pid = Pid::from_raw(pid);
    if let Some(group) = &state.resctrl {
        group.enter(pid)?;
    }
    state.pid = pid.as_raw();
    state.start_time = start_time(pid).unwrap_or_default();
    container.save(state)?;
    if let Some(path) = &options.pid_file {
        write_pid_file(path, pid)?;
    }
    Ok(pid)
}

/// Our stdio in the place of pipes that the container had.
fn inherit_stdio(options: &Restore, criu: &mut Criu) -> Result<()> {
    let path = images_of(&options.criu).join(DESCRIPTORS);
    let text = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
    let targets: Vec<String> =
        serde_json::from_slice(&text).with_context(|| format!("read {}", path.display()))?;
    for (fd, target) in (0..3).zip(&targets) {
        if target.starts_with("pipe:") {
            criu.inherit(fd, target);
        }
    }
    Ok(())
}

/// criu wants a root that is a mount, and not covered.
struct RootMount(PathBuf);

impl RootMount {
    fn make(rootfs: &Path, container: &Path) -> Result<RootMount> {
        let place = container.join("criu-root");
        fs::create_dir(&place).with_context(|| format!("mkdir {}", place.display()))?;
        let none = None::<&str>;
        mount(
            Some(rootfs),
            &place,
            none,
            MsFlags::MS_BIND | MsFlags::MS_REC,
            none,
        )
        .with_context(|| format!("bind {} at {}", rootfs.display(), place.display()))?;
        Ok(RootMount(place))
    }
}

impl Drop for RootMount {
    fn drop(&mut self) {
        if let Err(errno) = umount2(&self.0, MntFlags::MNT_DETACH) {
            eprintln!("rrunc: unmount {}: {}", self.0.display(), errno.desc());
        }
    }
}
