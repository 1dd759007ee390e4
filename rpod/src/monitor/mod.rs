//! conmon, as podman starts it: its options, its pipes, and the socket through which a person talks to the container.
//!
//! ```text
//! rpod                               conmon
//!  │ fork+exec  _OCI_SYNCPIPE=fd ───▶ │
//!  │ startpipe: one byte ───────────▶ │ forks away; the first process ends
//!  │ wait(first process)              │ starts `runtime create`
//!  │ ◀─── syncpipe: {"data": pid} ─── │
//!  │ connect(bundle/attach) ────────▶ │
//!  │ `runtime start` …                │ copies the streams, writes exits/<id>, runs the exit command
//! ```

mod arguments;
pub mod attach;
pub mod descriptors;
pub mod detach_keys;
pub mod terminal;

use std::fs;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use serde::Deserialize;

use descriptors::Preserved;

use crate::engine::Context;
use crate::engine::cgroup::scope::set_apart;
use crate::engine::container::record::Resources;
use crate::engine::runtime;
use crate::output::log;
use crate::process::{has_argument, start_ticks};
use crate::systemd::sockets::Sockets;

/// One start of conmon.
#[derive(Debug)]
pub struct Monitor<'a> {
    pub runtime: PathBuf,
    pub container_id: &'a str,
    /// The container's id again, or the exec session's.
    pub session_id: &'a str,
    pub name: &'a str,
    pub bundle: &'a Path,
    pub run: &'a Path,
    pub exit_dir: &'a Path,
    /// As `-l` takes it.
    pub log: String,
    /// Bytes.
    pub log_size_max: Option<i64>,
    /// Of entries in the journal.
    pub log_tag: Option<String>,
    /// More fields of them: `KEY=VALUE`.
    pub log_labels: Vec<String>,
    /// The log goes with the container, so it need not reach the disk.
    pub log_is_short_lived: bool,
    pub tty: bool,
    pub stdin: bool,
    /// Seconds.
    pub timeout: u64,
    pub resources: &'a Resources,
    /// The socket of the unit that is told what the container says at its own.
    pub notify_socket: Option<PathBuf>,
    /// What a unit passed for the container.
    pub sockets: Sockets,
    /// What the caller passes on.
    pub preserved: Preserved,
    /// What it has for as long as the container runs, and nobody else.
    pub held: Vec<OwnedFd>,
    /// What conmon runs when the container has ended, program first.
    pub exit_command: Vec<String>,
    /// The process to run in a container that runs already.
    pub exec: Option<Exec<'a>>,
    /// The container is not created, but brought back.
    pub restore: Option<Restore>,
}

/// A container that is restored from its checkpoint.
#[derive(Debug)]
pub struct Restore {
    /// The directory of criu's files.
    pub images: PathBuf,
    /// Of the runtime's `restore`.
    pub options: Vec<&'static str>,
}

#[derive(Debug)]
pub struct Exec<'a> {
    pub process: &'a Path,
    pub attach: bool,
}

/// A conmon that was told to begin.
#[derive(Debug)]
pub struct Begun {
    sync: OwnedFd,
    start: OwnedFd,
    attach: Option<OwnedFd>,
    oci_log: PathBuf,
}

/// What conmon says on its pipes: a pid, an exit code, or a negative number and why.
#[derive(Debug, Deserialize)]
struct Report {
    #[serde(alias = "pid", alias = "exit_code")]
    data: i32,
    message: Option<String>,
}

impl Monitor<'_> {
    /// Starts conmon and waits until it has left for the background.
    pub fn begin(&self, ctx: &Context) -> Result<Begun> {
        let mut conmon = ctx.conmon()?;
        if conmon.components().count() > 1 {
            conmon = std::path::absolute(&conmon)
                .with_context(|| format!("finding {}", conmon.display()))?;
        }
        let oci_log = self.run.join("oci-log");
        let (sync, child_sync) = pipe()?;
        let (start, child_start) = pipe()?;
        let mut command = Command::new(&conmon);
        command.args(self.arguments(ctx, &oci_log)?);
        log::starting(&command);
        command
            // conmon leaves the file `oom` where it is.
            .current_dir(self.bundle)
            .env_clear()
            .envs(environment());
        command
            .env("_OCI_SYNCPIPE", inherit(&child_sync)?)
            .env("_OCI_STARTPIPE", inherit(&child_start)?);
        let mut attach = None;
        let mut child_attach = None;
        if self.exec.as_ref().is_some_and(|exec| exec.attach) {
            let (ours, theirs) = pipe()?;
            command.env("_OCI_ATTACHPIPE", inherit(&theirs)?);
            (attach, child_attach) = (Some(ours), Some(theirs));
        }
        command.process_group(0);
        if self.log != "passthrough" {
            command.stdin(Stdio::null()).stdout(Stdio::null());
        }
        if self.tty {
            command.stderr(Stdio::null());
        }
        self.sockets.let_through()?;
        self.preserved.let_through()?;
        let held = self.held.iter().map(double).collect::<Result<Vec<_>>>()?;
        let spawned = command.spawn();
        drop(held);
        self.sockets.hold()?;
        self.preserved.hold()?;
        let mut child = spawned.with_context(|| format!("starting {}", conmon.display()))?;
        drop((child_sync, child_start, child_attach));
        self.move_to_scope(ctx, child.id());
        let told = send(&start);
        let status = child
            .wait()
            .with_context(|| format!("waiting for {}", conmon.display()))?;
        if !status.success() {
            bail!("conmon failed: {status}");
        }
        told.context("telling conmon to begin")?;
        Ok(Begun {
            sync,
            start,
            attach,
            oci_log,
        })
    }

    /// The monitor outlives its caller, and so must not be killed with the unit or session that this is. Where systemd cannot move
    /// it, it works all the same.
    fn move_to_scope(&self, ctx: &Context, pid: u32) {
        if self.exec.is_some() {
            return;
        }
        let name = format!("rpod-conmon-{}", self.container_id);
        if let Err(error) = set_apart(ctx, self.resources, &name, pid) {
            log::warn(&format!(
                "the monitor stays in rpod's own cgroup: {error:#}"
            ));
        }
    }
}

impl Begun {
    /// The pid of the process that the runtime made.
    pub fn pid(&mut self) -> Result<i32> {
        report(&self.sync, &self.oci_log)
    }

    /// Waits until an exec session's attach socket is there.
    pub fn wait_for_attach_socket(&mut self) -> Result<()> {
        match &self.attach {
            Some(pipe) => report(pipe, &self.oci_log).map(drop),
            None => Ok(()),
        }
    }

    /// Lets an attached exec session run.
    pub fn proceed(&mut self) -> Result<()> {
        send(&self.start).context("telling conmon to go on")
    }
}

/// Where a monitor writes its pid: in the run directory of its container, or of an exec session.
pub fn pidfile(run: &Path) -> PathBuf {
    run.join("conmon.pid")
}

pub fn pid(run: &Path) -> Option<i32> {
    fs::read_to_string(pidfile(run)).ok()?.trim().parse().ok()
}

/// It outlives its container by the moment in which it writes the exit file.
pub fn lives(run: &Path) -> bool {
    pid(run).is_some_and(|pid| {
        start_ticks(pid).is_some() && has_argument(pid, run.file_name().unwrap_or_default())
    })
}

fn report(pipe: &OwnedFd, oci_log: &Path) -> Result<i32> {
    let mut line = vec![0; 64 << 10];
    let size = nix::unistd::read(pipe, &mut line).context("reading what conmon has to say")?;
    if size == 0 {
        return Err(runtime::logged_error(oci_log)
            .unwrap_or_else(|| anyhow!("container create failed: conmon ended without a word")));
    }
    let report: Report = serde_json::from_slice(&line[..size])
        .with_context(|| format!("conmon said {:?}", String::from_utf8_lossy(&line[..size])))?;
    if report.data < 0 {
        return Err(runtime::logged_error(oci_log)
            .or_else(|| report.message.map(|message| runtime::error(&message)))
            .unwrap_or_else(|| anyhow!("container create failed: conmon gave no reason")));
    }
    Ok(report.data)
}

/// Packets, as podman makes them: a message is read whole.
fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    socketpair(
        AddressFamily::Unix,
        SockType::SeqPacket,
        None,
        SockFlag::SOCK_CLOEXEC,
    )
    .context("making a pipe to conmon")
}

fn send(pipe: &OwnedFd) -> nix::Result<()> {
    nix::unistd::write(pipe, &[0]).map(drop)
}

/// Lets a descriptor through exec and names it.
fn inherit(fd: &OwnedFd) -> Result<String> {
    fcntl(fd, FcntlArg::F_SETFD(FdFlag::empty())).context("passing a pipe to conmon")?;
    Ok(fd.as_raw_fd().to_string())
}

/// The same under a number that the next program has, too.
fn double(fd: &OwnedFd) -> Result<OwnedFd> {
    let number = fcntl(fd, FcntlArg::F_DUPFD(descriptors::FIRST))
        .context("doubling a descriptor for conmon")?;
    // SAFETY: fcntl has just made it, for nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// What conmon, the runtime and the exit command need of the caller's environment.
fn environment() -> impl Iterator<Item = (&'static str, std::ffi::OsString)> {
    const KEPT: [&str; 9] = [
        "PATH",
        "HOME",
        "XDG_RUNTIME_DIR",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "CONTAINERS_CONF",
        "CONTAINERS_CONF_OVERRIDE",
        "TMPDIR",
        "DBUS_SESSION_BUS_ADDRESS",
    ];
    KEPT.into_iter()
        .chain(crate::rootless::VARIABLES)
        .filter_map(|name| std::env::var_os(name).map(|value| (name, value)))
}
