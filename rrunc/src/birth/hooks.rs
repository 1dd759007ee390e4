//! Programs that the configuration wants to be run on the way.

use std::ffi::CStr;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::Pid;

use crate::annotations;
use crate::container::OciState;
use crate::kernel::process;
use crate::spec::Hook;

/// Bytes of what a hook said that are told.
const LONGEST: u64 = 4096;

/// What a hook finds around itself, as runc has it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Surroundings<'a> {
    /// Where it is run; otherwise where this process is.
    pub(crate) directory: Option<&'a Path>,
    /// Its environment, where the configuration gives it none.
    pub(crate) environment: &'a [String],
}

impl<'a> Surroundings<'a> {
    /// In a directory, without an environment.
    pub(crate) fn at(directory: &'a Path) -> Surroundings<'a> {
        Surroundings {
            directory: Some(directory),
            environment: &[],
        }
    }
}

/// Run hooks one after the other, each with the state on its stdin; the first
/// failure ends it.
///
/// # Errors
/// A hook cannot be run, takes longer than its timeout, or fails.
pub(crate) fn run(
    kind: &str,
    hooks: &[Hook],
    state: &OciState<'_>,
    surroundings: &Surroundings<'_>,
) -> Result<()> {
    if hooks.is_empty() {
        return Ok(());
    }
    let output = Output::of(state)?;
    let state = serde_json::to_vec(state)?;
    for (index, hook) in hooks.iter().enumerate() {
        run_one(hook, &state, &output, surroundings).with_context(|| {
            format!(
                "error running {kind} hook #{index}: {}",
                hook.path.display()
            )
        })?;
    }
    Ok(())
}

/// Files that take what hooks print, where an annotation names them.
struct Output {
    stdout: Option<File>,
    stderr: Option<File>,
}

impl Output {
    fn of(state: &OciState<'_>) -> Result<Output> {
        let open = |path: Option<&Path>| {
            path.map(|path| {
                File::options()
                    .append(true)
                    .create(true)
                    .open(path)
                    .with_context(|| format!("open {} for the hooks' output", path.display()))
            })
            .transpose()
        };
        let [stdout, stderr] = annotations::hook_output(state.annotations());
        Ok(Output {
            stdout: open(stdout)?,
            stderr: open(stderr)?,
        })
    }
}

fn to_file(file: &Option<File>, otherwise: Stdio) -> Result<Stdio> {
    match file {
        Some(file) => Ok(file.try_clone()?.into()),
        None => Ok(otherwise),
    }
}

fn run_one(
    hook: &Hook,
    state: &[u8],
    output: &Output,
    surroundings: &Surroundings<'_>,
) -> Result<()> {
    let mut command = Command::new(&hook.path);
    if let Some((name, arguments)) = hook.args.split_first() {
        command.arg0(name).args(arguments);
    }
    command.env_clear();
    let environment = match hook.env.is_empty() {
        true => surroundings.environment,
        false => &hook.env,
    };
    command.envs(environment.iter().filter_map(|pair| pair.split_once('=')));
    if let Some(directory) = surroundings.directory {
        command.current_dir(directory);
    }
    // No pipe: that could be full, or held open by what the hook leaves behind.
    let mut said = File::from(memfd_create(c"stderr", MFdFlags::MFD_CLOEXEC)?);
    command
        .stdin(Stdio::piped())
        .stdout(to_file(&output.stdout, Stdio::null())?)
        .stderr(to_file(&output.stderr, said.try_clone()?.into())?);
    let mut child = command.spawn()?;
    tell(&mut child, state)?;
    if let Some(seconds) = hook.timeout {
        end_after(&mut child, seconds)?;
    }
    let status = child.wait()?;
    if status.success() {
        return Ok(());
    }
    let mut text = Vec::new();
    said.rewind()?;
    said.take(LONGEST).read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    bail!("{}, stderr: {}", text_of(status), text.trim())
}

/// As Go puts it: with the signal's name.
fn text_of(status: ExitStatus) -> String {
    let Some(number) = status.signal() else {
        return status.to_string();
    };
    // SAFETY: returns a C string that lives until the next call; there is one thread.
    let name = unsafe { CStr::from_ptr(libc::strsignal(number)) };
    format!("signal: {}", name.to_string_lossy().to_lowercase())
}

/// A hook need not read its stdin.
fn tell(child: &mut Child, state: &[u8]) -> Result<()> {
    match child.stdin.take().map(|mut stdin| stdin.write_all(state)) {
        Some(Err(error)) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("write the state to its stdin")
        }
        _ => Ok(()),
    }
}

/// Kill the program when it has not ended after this many seconds.
fn end_after(child: &mut Child, seconds: i64) -> Result<()> {
    let fd = process::open(Pid::from_raw(child.id().cast_signed())).context("pidfd_open")?;
    let milliseconds = i32::try_from(seconds.saturating_mul(1000)).unwrap_or(i32::MAX);
    let timeout = PollTimeout::try_from(milliseconds.max(0)).unwrap_or(PollTimeout::MAX);
    let ended = loop {
        match poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLIN)], timeout) {
            Err(Errno::EINTR) => {}
            other => break other.context("poll")?,
        }
    };
    if ended == 0 {
        child.kill().context("kill it")?;
        child.wait()?;
    }
    ensure!(ended != 0, "did not end within its timeout of {seconds} s");
    Ok(())
}
