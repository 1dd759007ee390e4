//! The foreground's side of a container's terminal.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::termios::{OutputFlags, SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::{Pid, isatty, read, write};

use super::foreground::{pass_on, reap};
use crate::birth::{receive_descriptor, resize};
use crate::spec::ConsoleSize;

/// A console socket within this process: the child's end, and ours.
///
/// # Errors
/// No sockets are left.
pub(super) fn pair() -> Result<(OwnedFd, OwnedFd)> {
    socketpair(
        AddressFamily::Unix,
        SockType::Stream,
        None,
        SockFlag::SOCK_CLOEXEC,
    )
    .context("socketpair for the terminal")
}

/// Our terminal in raw mode, joined to the container's.
pub(super) struct Relay {
    master: OwnedFd,
    /// Our terminal as it was, to be put back.
    before: Option<Termios>,
}

impl Relay {
    /// Take the master from the child, and make our terminal raw.
    ///
    /// # Errors
    /// The child did not send one.
    pub(super) fn begin(socket: OwnedFd) -> Result<Relay> {
        let (_, master) = receive_descriptor(socket.as_raw_fd(), &mut [0; 64])?;
        let master = master.ok_or_else(|| anyhow!("the container sent no terminal"))?;
        // Our own terminal adds what the container's would.
        let mut modes = tcgetattr(&master).context("read the container's terminal's mode")?;
        modes.output_flags.remove(OutputFlags::ONLCR);
        tcsetattr(&master, SetArg::TCSANOW, &modes)
            .context("set the container's terminal's mode")?;
        let stdin = io::stdin();
        let before = match isatty(&stdin) {
            Ok(true) => Some(tcgetattr(&stdin).context("read the terminal's mode")?),
            _ => None,
        };
        if let Some(before) = &before {
            let mut raw = before.clone();
            cfmakeraw(&mut raw);
            tcsetattr(&stdin, SetArg::TCSANOW, &raw).context("make the terminal raw")?;
        }
        let relay = Relay { master, before };
        relay.copy_size()?;
        Ok(relay)
    }

    /// Copy both ways until the process has ended and all it wrote is out.
    ///
    /// # Errors
    /// poll(2) or the terminals fail.
    pub(super) fn run(self, held: &SigSet, pid: Pid) -> Result<ExitCode> {
        let signals = SignalFd::with_flags(held, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
            .context("signalfd")?;
        let stdin = io::stdin();
        let (mut reads_stdin, mut code) = (true, None);
        loop {
            let mut watched = vec![
                PollFd::new(self.master.as_fd(), PollFlags::POLLIN),
                PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            ];
            if reads_stdin {
                watched.push(PollFd::new(stdin.as_fd(), PollFlags::POLLIN));
            }
            // Once the process is gone only what is already written matters.
            let timeout = if code.is_some() {
                PollTimeout::ZERO
            } else {
                PollTimeout::NONE
            };
            match poll(&mut watched, timeout) {
                Err(Errno::EINTR) => continue,
                other => other.context("poll")?,
            };
            let ready: Vec<bool> = watched.iter().map(|fd| fd.any().unwrap_or(false)).collect();
            let output = ready[0] && copy(self.master.as_fd(), io::stdout().as_fd())?;
            if let (Some(code), false) = (code, output) {
                return Ok(code);
            }
            if ready[1] {
                code = self.take_signals(&signals, pid)?.or(code);
            }
            if ready.get(2) == Some(&true) {
                reads_stdin = copy(stdin.as_fd(), self.master.as_fd())?;
            }
        }
    }

    fn take_signals(&self, signals: &SignalFd, pid: Pid) -> Result<Option<ExitCode>> {
        let mut code = None;
        while let Some(info) = signals.read_signal().context("read a signal")? {
            match Signal::try_from(info.ssi_signo as i32).context("read a signal")? {
                Signal::SIGCHLD => code = reap(pid)?.or(code),
                Signal::SIGWINCH => self.copy_size()?,
                signal => pass_on(pid, signal)?,
            }
        }
        Ok(code)
    }

    fn copy_size(&self) -> Result<()> {
        if self.before.is_none() {
            return Ok(());
        }
        let mut size = libc::winsize {
            ws_row: 0,
            ws_col: 0,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        // SAFETY: the request writes one winsize.
        let done = unsafe { libc::ioctl(0, libc::TIOCGWINSZ, &raw mut size) };
        Errno::result(done).context("read the terminal's size")?;
        resize(
            self.master.as_fd(),
            ConsoleSize {
                height: size.ws_row,
                width: size.ws_col,
            },
        )
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(before) = &self.before
            && let Err(errno) = tcsetattr(io::stdin(), SetArg::TCSANOW, before)
        {
            eprintln!("rrunc: put the terminal's mode back: {}", errno.desc());
        }
    }
}

/// Copy what is there; whether there may be more. A terminal whose other side
/// is closed answers EIO.
fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<bool> {
    let mut buffer = [0; 32 * 1024];
    let length = match read(from, &mut buffer) {
        Ok(length) => length,
        Err(Errno::EIO) => return Ok(false),
        Err(Errno::EAGAIN | Errno::EINTR) => return Ok(true),
        Err(errno) => return Err(errno).context("read from the terminal"),
    };
    let mut rest = &buffer[..length];
    while !rest.is_empty() {
        match write(to, rest) {
            Ok(written) => rest = &rest[written..],
            Err(Errno::EINTR) => {}
            Err(Errno::EIO | Errno::EPIPE) => return Ok(false),
            Err(errno) => return Err(errno).context("write to the terminal"),
        }
    }
    Ok(length > 0)
}
