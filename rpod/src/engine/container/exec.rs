//! Another process in a container that runs.
//!
//! ```text
//! RUN/containers/<id>/exec/<session>/     process.json pidfile attach ctl conmon.pid
//! RUN/containers/<id>/exec/<session>/exit/<id>     its exit code
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};

use super::record::{Container, Process};
use super::wait::watch;
use crate::bundle;
use crate::engine::{Context, event, runtime};
use crate::monitor::attach::{Attached, End, Streams};
use crate::monitor::{self, Monitor};
use crate::store::directory::remove_tree;
use crate::store::id;
use crate::store::record::{Durability, replace_private};
use crate::systemd::sockets::Sockets;

/// What to run and who is connected to it.
#[derive(Debug)]
pub struct Request {
    pub process: Process,
    pub privileged: bool,
    /// Nobody, for a detached session.
    pub streams: Option<Streams>,
}

/// How a session that somebody was connected to ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Started(String),
    Ended(i32),
    Detached,
}

/// How long after its streams closed a session may still be without an exit code.
const AFTER_CLOSE: Duration = Duration::from_secs(3600);

/// Runs it. Directories of a session that was killed go with the container's run directory.
pub fn exec(ctx: &Context, container: &Container, request: Request) -> Result<Outcome> {
    refuse_unless_running(ctx, container)?;
    let session = id::new()?;
    let dir = make_dir(ctx, container, "exec", &session)?;
    let exit_dir = dir.join("exit");
    let outcome = fs::create_dir(&exit_dir)
        .with_context(|| format!("making {}", exit_dir.display()))
        .and_then(|()| run(ctx, container, request, &session, &dir, &exit_dir));
    if outcome.is_err() && !dir.exists() {
        // What it met is no more than a consequence.
        refuse_unless_running(ctx, container)?;
    }
    if !matches!(outcome, Ok(Outcome::Started(_) | Outcome::Detached)) {
        remove_tree(&dir)?;
    }
    outcome
}

/// The directory of a session. It goes with the container's run directory, and is not made without it; only if that is lost, of a
/// container that runs.
pub(super) fn make_dir(
    ctx: &Context,
    container: &Container,
    kind: &str,
    session: &str,
) -> Result<PathBuf> {
    let all = container.run_dir(ctx).join(kind);
    let dir = all.join(session);
    if !container.run_dir(ctx).exists() {
        refuse_unless_running(ctx, container)?;
        container.make_run_dir(ctx)?;
    }
    let made = match fs::create_dir(&all) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => fs::create_dir(&dir),
    };
    if made.is_err() {
        refuse_unless_running(ctx, container)?;
    }
    made.with_context(|| format!("making {}", dir.display()))?;
    Ok(dir)
}

fn run(
    ctx: &Context,
    container: &Container,
    request: Request,
    session: &str,
    dir: &Path,
    exit_dir: &Path,
) -> Result<Outcome> {
    let process = process_file(ctx, container, &request.process, request.privileged, dir)?;
    let attach = request.streams.is_some();
    let mut begun = Monitor {
        runtime: runtime::of(ctx, container)?,
        container_id: &container.id,
        session_id: session,
        name: &container.name,
        bundle: dir,
        run: dir,
        exit_dir,
        log: "none".to_owned(),
        log_size_max: None,
        log_tag: None,
        log_labels: Vec::new(),
        log_is_short_lived: true,
        tty: request.process.tty,
        stdin: request.process.stdin,
        timeout: 0,
        resources: &container.resources,
        notify_socket: None,
        sockets: Sockets::default(),
        preserved: ctx.preserved,
        held: Vec::new(),
        exit_command: Vec::new(),
        restore: None,
        exec: Some(monitor::Exec {
            process: &process,
            attach,
        }),
    }
    .begin(ctx)?;
    let Some(streams) = request.streams else {
        begun.pid()?;
        event::container(ctx, "exec", container);
        return Ok(Outcome::Started(session.to_owned()));
    };
    begun.wait_for_attach_socket()?;
    let attached = Attached::connect(dir, &streams)?;
    begun.proceed()?;
    event::container(ctx, "exec", container);
    let pidfile = dir.join("pidfile");
    let end = attached.run(dir, streams, |signal| forward(&pidfile, signal))?;
    if end == End::Detached {
        return Ok(Outcome::Detached);
    }
    begun.pid()?;
    let code = watch(&[exit_dir.to_owned()], Some(AFTER_CLOSE), || {
        exit_code(exit_dir, &container.id)
    })?;
    let code = code.ok_or_else(|| {
        anyhow!(
            "exec session {session} of container {} left no exit code",
            container.id
        )
    })?;
    event::exec_died(ctx, container, session, code);
    Ok(Outcome::Ended(code))
}

/// Runs it by the runtime alone, whose streams are rpod's: no monitor, no session that others see. The answer is its exit code.
pub fn alone(
    ctx: &Context,
    container: &Container,
    process: Process,
    privileged: bool,
) -> Result<u8> {
    refuse_unless_running(ctx, container)?;
    let dir = make_dir(ctx, container, "exec-alone", &id::new()?)?;
    let file = process_file(ctx, container, &process, privileged, &dir)?;
    let log = dir.join("oci-log");
    let mut command = runtime::command(ctx, container)?;
    command.args(["--log-format=json", "--log"]).arg(&log);
    command.args(["exec", "--process"]).arg(&file);
    if ctx.preserved.count > 0 {
        command.arg(format!("--preserve-fds={}", ctx.preserved.count));
    }
    command.arg(&container.id).stderr(Stdio::inherit());
    if !process.stdin && !process.tty {
        command.stdin(Stdio::null());
    }
    ctx.preserved.let_through()?;
    event::container(ctx, "exec", container);
    let status = command
        .status()
        .with_context(|| format!("starting {}", command.get_program().display()));
    let failure = runtime::logged_error(&log);
    remove_tree(&dir)?;
    match (failure, status?) {
        (Some(failure), status) if !status.success() => Err(failure),
        (_, status) => {
            use std::os::unix::process::ExitStatusExt as _;
            let code = status.code().or_else(|| Some(128 + status.signal()?));
            u8::try_from(code.unwrap_or(125)).context("the runtime's exit code")
        }
    }
}

fn refuse_unless_running(ctx: &Context, container: &Container) -> Result<()> {
    if !ctx.store.status(&container.id)?.is_running() {
        bail!("can only create exec sessions on running containers: container state improper");
    }
    Ok(())
}

fn process_file(
    ctx: &Context,
    container: &Container,
    process: &Process,
    privileged: bool,
    dir: &Path,
) -> Result<PathBuf> {
    let process = bundle::exec_process(ctx, container, process, privileged, &container.home(ctx))?;
    let path = dir.join("process.json");
    replace_private(&path, &serde_json::to_vec(&process)?, Durability::Process)?;
    Ok(path)
}

/// The session may have ended while the signal was on its way; there is nobody left to tell then.
fn forward(pidfile: &Path, signal: nix::sys::signal::Signal) {
    if let Some(pid) = fs::read_to_string(pidfile)
        .ok()
        .and_then(|text| text.trim().parse().ok())
    {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal);
    }
}

fn exit_code(exit_dir: &Path, id: &str) -> Result<Option<i32>> {
    let path = exit_dir.join(id);
    match fs::read_to_string(&path) {
        Ok(text) => {
            Ok(Some(text.trim().parse().with_context(|| {
                format!("{} holds no exit code", path.display())
            })?))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}
