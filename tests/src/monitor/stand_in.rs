//! The runtime of these tests: `create`, `restore` and `exec` as a monitor sees them, without a container.
//!
//! The environment says what to do. `STAND_IN` makes this program the runtime. It notes how it was called in the directory that
//! the variable names, then plays its part:
//!
//! - `STAND_IN_FAILS` is what it says on standard error before it fails, leaving no pidfile.
//! - `STAND_IN_PROGRAM` is what `sh -c` runs as the container, in a session of its own; its pid goes into the pidfile.
//! - `STAND_IN_GATE` names a fifo: the container does not become its program until somebody reads there, as between `create`
//!   and `start`.
//! - `STAND_IN_GROUP` is a cgroup directory for the container.
//! - `STAND_IN_STALLS` keeps it from doing anything at all, until it is killed.
//! - `STAND_IN_SILENT` keeps it from sending a terminal.
//! - `STAND_IN_CODE` is the runtime's own exit code; without it, 1 where it fails and 0 otherwise.

use std::env;
use std::ffi::{CString, OsString};
use std::fs;
use std::io::{IoSlice, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, exit};

use anyhow::{Context as _, Result};
use nix::pty::openpty;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, execv, fork, setsid};

/// What a test tells the stand-in.
pub const CALLED: &str = "STAND_IN";
pub const FAILS: &str = "STAND_IN_FAILS";
pub const PROGRAM: &str = "STAND_IN_PROGRAM";
pub const GATE: &str = "STAND_IN_GATE";
pub const GROUP: &str = "STAND_IN_GROUP";
pub const STALLS: &str = "STAND_IN_STALLS";
pub const SILENT: &str = "STAND_IN_SILENT";
pub const CODE: &str = "STAND_IN_CODE";

/// Plays the runtime if this process was started as one; the exit code then.
pub fn run_if_called() -> Option<ExitCode> {
    let notes = PathBuf::from(env::var_os(CALLED)?);
    Some(match play(&notes) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("the stand-in runtime failed: {error:#}");
            ExitCode::FAILURE
        }
    })
}

fn play(notes: &Path) -> Result<u8> {
    note(notes)?;
    while env::var_os(STALLS).is_some() {
        nix::unistd::pause();
    }
    let code = env::var(CODE).ok().and_then(|code| code.parse().ok());
    if let Some(complaint) = env::var_os(FAILS) {
        std::io::stderr().write_all(complaint.as_bytes())?;
        return Ok(code.unwrap_or(1));
    }
    if let Some(program) = env::var_os(PROGRAM) {
        start(&program)?;
    }
    Ok(code.unwrap_or(0))
}

/// Writes down arguments, environment, descriptors and score, each to a file.
fn note(notes: &Path) -> Result<()> {
    let mut lines: Vec<String> = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")?.flatten() {
        // The descriptor of this very look at the directory has gone by now.
        if let Ok(target) = fs::read_link(entry.path()) {
            lines.push(format!(
                "{} {}",
                entry.file_name().display(),
                target.display()
            ));
        }
    }
    lines.retain(|line| !line.ends_with("/fd"));
    lines.sort();
    fs::write(notes.join("fds"), lines.join("\n"))?;
    fs::copy("/proc/self/cmdline", notes.join("arguments"))?;
    fs::copy("/proc/self/environ", notes.join("environment"))?;
    fs::copy("/proc/self/oom_score_adj", notes.join("score"))?;
    fs::write(notes.join("pid"), std::process::id().to_string())?;
    Ok(())
}

fn start(program: &OsString) -> Result<()> {
    let value = |name: &str| {
        let mut args = env::args_os().skip_while(move |arg| arg != name).skip(1);
        args.next().map(PathBuf::from)
    };
    let terminal = value("--console-socket")
        .filter(|_| env::var_os(SILENT).is_none())
        .map(|socket| terminal(&socket))
        .transpose()?;
    // SAFETY: this process has one thread.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let error = become_container(program, terminal).err();
            eprintln!("the stand-in container failed: {error:?}");
            exit(127);
        }
        ForkResult::Parent { child } => {
            if let Some(group) = env::var_os(GROUP) {
                fs::write(Path::new(&group).join("cgroup.procs"), child.to_string())?;
            }
            let pidfile = value("--pid-file").context("no --pid-file")?;
            fs::write(pidfile, child.to_string())?;
            Ok(())
        }
    }
}

/// Makes a terminal, sends the monitor its end of it, and returns the other.
fn terminal(socket: &Path) -> Result<OwnedFd> {
    let pty = openpty(None, None)?;
    let connection = UnixStream::connect(socket)?;
    let fds = [pty.master.as_raw_fd()];
    sendmsg::<()>(
        connection.as_raw_fd(),
        &[IoSlice::new(b"/dev/ptmx")],
        &[ControlMessage::ScmRights(&fds)],
        MsgFlags::empty(),
        None,
    )?;
    Ok(pty.slave)
}

fn become_container(program: &OsString, terminal: Option<OwnedFd>) -> Result<()> {
    setsid()?;
    if let Some(terminal) = terminal {
        // SAFETY: the descriptor is open; the call takes a plain integer.
        unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) };
        dup2_stdin(&terminal)?;
        dup2_stdout(&terminal)?;
        dup2_stderr(&terminal)?;
    }
    if let Some(gate) = env::var_os(GATE) {
        fs::OpenOptions::new().write(true).open(gate)?;
    }
    let words = [
        c"sh".to_owned(),
        c"-c".to_owned(),
        CString::new(program.as_bytes())?,
    ];
    let Err(errno) = execv(c"/bin/sh", &words);
    Err(errno.into())
}
