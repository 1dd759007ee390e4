//! `exec`: another process in a container.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::create::{inherited, write_pid_file};
use super::foreground::Foreground;
use super::notify::{announce_descriptors, passed_descriptors};
use super::pidfd;
use super::request::connect;
use super::terminal::{self, Relay};
use crate::birth::{self, Guest, join};
use crate::cgroup::Manager;
use crate::cli::Exec;
use crate::container::{Root, Status};
use crate::log::Log;
use crate::spec::{self, Capabilities, Process, Spec};

/// What runc's `exec` ends with when the process could not be started: a
/// program's own codes are rarely this one.
const NOT_STARTED: u8 = 255;

/// Run a process in a container; returns its exit code.
pub(super) fn run(root: &Root, options: &Exec, log: &Log) -> ExitCode {
    exec(root, options, log).unwrap_or_else(|error| {
        log.fail(&error);
        ExitCode::from(NOT_STARTED)
    })
}

fn exec(root: &Root, options: &Exec, log: &Log) -> Result<ExitCode> {
    birth::seal()?;
    // Waits while the container is being made: half of it confines nobody.
    let mut container = root.find_locked(&options.id)?;
    let state = container.state()?;
    match container.status(&state)? {
        Status::Stopped | Status::Creating => bail!("cannot exec in a stopped container"),
        Status::Paused if !options.ignore_paused => {
            bail!("cannot exec in a paused container (use --ignore-paused to override)")
        }
        _ => {}
    }
    container.unlock()?;
    let spec = spec::load(&state.bundle)?;
    let mut process = process_of(options, &spec)?;
    let passed = passed_descriptors();
    announce_descriptors(&mut process, passed);
    log.debug(|| format!("exec {:?} in {}", process.args, state.id));
    let preserved_fds = inherited(passed.saturating_add(options.preserve_fds));
    // Before the child is there: its end must not be missed.
    let foreground = if options.detach {
        None
    } else {
        Some(Foreground::prepare()?)
    };
    let (console, relay) = match (
        &options.console_socket,
        process.terminal,
        foreground.is_some(),
    ) {
        (Some(path), true, _) => (Some(connect(path)?), None),
        (None, true, true) => terminal::pair().map(|(theirs, ours)| (Some(theirs), Some(ours)))?,
        (None, true, false) => bail!(
            "cannot allocate tty if runc will detach without setting console socket: give --console-socket"
        ),
        (Some(_), false, _) => {
            bail!("cannot use console socket if runc will not detach or allocate tty: give --tty")
        }
        (None, false, _) => (None, None),
    };
    let guest = Guest {
        spec: &spec,
        process: &process,
        state: &state,
        cgroup: match options.cgroup.is_empty() {
            true => Manager::from_paths(state.cgroup_paths.clone()).with_init(state.pid)?,
            false => Manager::from_paths(state.cgroup_paths.clone()).below(&options.cgroup)?,
        },
        console,
        preserved_fds,
        filters: &root.filters(),
        log,
    };
    let failed = "exec failed: unable to start container process";
    let newborn = join(&guest).context(failed)?;
    if let Some(socket) = &options.pidfd_socket {
        pidfd::send(socket, newborn.pid())?;
    }
    if let Some(path) = &options.pid_file {
        write_pid_file(path, newborn.pid())?;
    }
    // Before the program can write to it.
    let relay = relay.map(Relay::begin).transpose().context(failed)?;
    let pid = newborn.go_to_program().context(failed)?;
    drop(guest);
    match foreground {
        Some(foreground) => foreground.wait(pid, relay),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// The process of `--process`, or the container's own with what the options
/// change.
fn process_of(options: &Exec, spec: &Spec) -> Result<Process> {
    let process = match &options.process {
        Some(path) => spec::load_process(path)?,
        None => changed(
            options,
            spec.process
                .clone()
                .ok_or_else(|| anyhow!("process: not given"))?,
        )?,
    };
    spec::check_process(&process, "process.")?;
    Ok(process)
}

fn changed(options: &Exec, mut process: Process) -> Result<Process> {
    ensure!(
        !options.command.is_empty(),
        "exec needs a command, or --process"
    );
    process.args.clone_from(&options.command);
    process.terminal = options.tty;
    // The container's own is not this process's size.
    process.console_size = None;
    if let Some(cwd) = &options.cwd {
        process.cwd = PathBuf::from(cwd);
    }
    process.env.extend(options.env.iter().cloned());
    if let Some(label) = &options.process_label {
        process.selinux_label = Some(label.clone());
    }
    if let Some(profile) = &options.apparmor {
        process.apparmor_profile = Some(profile.clone());
    }
    process.no_new_privileges |= options.no_new_privs;
    add_capabilities(&mut process, &options.cap);
    if let Some(user) = &options.user {
        (process.user.uid, process.user.gid) = parse_user(user)?;
    }
    process
        .user
        .additional_gids
        .extend(&options.additional_gids);
    Ok(process)
}

/// Ambient ones are given only where the container's process has inheritable ones already, as runc does: an inheritable set of
/// exec's own making would reach programs with inheritable file capabilities (CVE-2022-29162).
fn add_capabilities(process: &mut Process, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let sets = process
        .capabilities
        .get_or_insert_with(Capabilities::default);
    for set in [&mut sets.bounding, &mut sets.effective, &mut sets.permitted] {
        set.extend(names.iter().cloned());
    }
    if !sets.inheritable.is_empty() {
        sets.ambient.extend(names.iter().cloned());
    }
}

fn parse_user(text: &str) -> Result<(u32, u32)> {
    let (uid, gid) = text.split_once(':').unwrap_or((text, "0"));
    let number = |part: &str| {
        part.parse()
            .with_context(|| format!("--user {text:?}: give numbers, UID[:GID]"))
    };
    Ok((number(uid)?, number(gid)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::parse_user;

    #[test]
    fn users_are_numbers() {
        assert_eq!(parse_user("7").unwrap(), (7, 0));
        assert_eq!(parse_user("7:8").unwrap(), (7, 8));
        for text in ["", "root", "7:", ":8", "-1"] {
            parse_user(text).unwrap_err();
        }
    }
}
