//! Processes: going into the background, the runtime, the exit command, and
//! what has become of them.
#![expect(
    unsafe_code,
    reason = "fork; LISTEN_PID is set in the child; pidfd_open"
)]

use std::ffi::CString;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::process::exit;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::stat::{Mode, fchmod};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{
    ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, execv, fork, getpid, getppid,
};

use crate::oom::ScoreAdjust;
use crate::parent::Pipe;
use crate::streams::RuntimeEnds;

/// Forks. The program has one thread, so that the child may do anything.
pub(crate) fn fork_here() -> Result<ForkResult> {
    // SAFETY: there is no other thread whose locks the child could miss.
    unsafe { fork() }.context("cannot fork")
}

/// How the runtime is to be started.
pub(crate) struct Launch<'a> {
    pub(crate) command: &'a [CString],
    /// None with the passthrough driver: it keeps the caller's own streams.
    pub(crate) streams: Option<RuntimeEnds>,
    pub(crate) null: &'a OwnedFd,
    pub(crate) mask: &'a SigSet,
    pub(crate) score: &'a ScoreAdjust,
    pub(crate) replace_listen_pid: bool,
    /// For an attached exec: blocks until the client is there.
    pub(crate) start: Option<Pipe>,
}

/// Starts the runtime. Should the monitor die, the kernel kills it.
pub(crate) fn launch(launch: Launch<'_>) -> Result<Pid> {
    match fork_here().context("Failed to fork the create command")? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let Err(error) = become_runtime(launch);
            eprintln!("{error:#}");
            exit(127);
        }
    }
}

fn become_runtime(launch: Launch<'_>) -> Result<std::convert::Infallible> {
    set_pdeathsig(Signal::SIGKILL).context("Failed to set PDEATHSIG")?;
    default_signals(launch.mask)?;
    if let Some(ends) = &launch.streams {
        take_streams(ends, launch.null)?;
    }
    set_listen_pid(launch.replace_listen_pid)?;
    if let Some(mut start) = launch.start {
        start.wait()?;
    }
    launch.score.restore();
    execv(&launch.command[0], launch.command)
        .with_context(|| format!("cannot execute {}", launch.command[0].to_string_lossy()))
}

/// The mask from before, and SIGPIPE as every program expects it.
fn default_signals(mask: &SigSet) -> Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default disposition runs no code of ours.
    unsafe { sigaction(Signal::SIGPIPE, &default) }.context("cannot reset SIGPIPE")?;
    mask.thread_set_mask().context("Failed to unblock signals")
}

fn take_streams(ends: &RuntimeEnds, null: &OwnedFd) -> Result<()> {
    dup2_stdin(ends.stdin.as_ref().unwrap_or(null)).context("Failed to dup over stdin")?;
    dup2_stdout(ends.stdout.as_ref().unwrap_or(null)).context("Failed to dup over stdout")?;
    dup2_stderr(ends.stderr.as_ref().unwrap_or(null)).context("Failed to dup over stderr")?;
    // A container's user who is not root may open /dev/stdout, too.
    for end in [&ends.stdin, &ends.stdout, &ends.stderr]
        .into_iter()
        .flatten()
    {
        match fchmod(end, Mode::from_bits_retain(0o777)) {
            Ok(()) | Err(Errno::EINVAL) => {}
            Err(errno) => return Err(errno).context("cannot change the mode of a stream"),
        }
    }
    Ok(())
}

/// sd_listen_fds(3): the variable must name the process that uses the sockets.
fn set_listen_pid(always: bool) -> Result<()> {
    let Some(value) = std::env::var_os("LISTEN_PID") else {
        return Ok(());
    };
    let named = value
        .to_str()
        .and_then(|text| text.parse::<i32>().ok())
        .filter(|pid| *pid > 0);
    let named = named.with_context(|| format!("Invalid LISTEN_PID {}", value.display()))?;
    if always || named == getppid().as_raw() {
        // SAFETY: the child has one thread.
        unsafe { std::env::set_var("LISTEN_PID", getpid().to_string()) };
    }
    Ok(())
}

/// The exit code that a shell would show: the code, or 128 + the signal.
pub(crate) fn exit_code(status: WaitStatus) -> Option<(Pid, i32)> {
    match status {
        WaitStatus::Exited(pid, code) => Some((pid, code)),
        WaitStatus::Signaled(pid, signal, _) => Some((pid, 128 + signal as i32)),
        _ => None,
    }
}

/// What one look at the children shows.
pub(crate) enum Reaped {
    Child(Pid, i32),
    NoneNow,
    NoChildren,
}

/// Reaps one child that has ended.
pub(crate) fn reap() -> Result<Reaped> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return Ok(Reaped::NoneNow),
            Ok(status) => {
                if let Some((pid, code)) = exit_code(status) {
                    return Ok(Reaped::Child(pid, code));
                }
            }
            Err(Errno::EINTR) => {}
            Err(Errno::ECHILD) => return Ok(Reaped::NoChildren),
            Err(errno) => return Err(errno).context("Failed to read child process status"),
        }
    }
}

/// A descriptor that becomes readable when a process ends that is not our
/// child; None if it has ended.
pub(crate) fn watch(pid: Pid) -> Option<OwnedFd> {
    // SAFETY: plain integers; the result is a new descriptor or an error.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    // SAFETY: a descriptor that the kernel has just made for us.
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// A program on disk: its device and inode.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Program(u64, u64);

/// What a process runs; None if it has ended, or is not ours to look at.
pub(crate) fn program(pid: Pid) -> Option<Program> {
    let file = std::fs::metadata(format!("/proc/{pid}/exe")).ok()?;
    Some(Program(file.dev(), file.ino()))
}

/// Standard streams from and to nowhere.
pub(crate) fn detach_streams(null: impl AsFd) -> Result<()> {
    dup2_stdin(&null).context("Failed to dup over stdin")?;
    dup2_stdout(&null).context("Failed to dup over stdout")?;
    dup2_stderr(&null).context("Failed to dup over stderr")
}
