//! The container's standard streams, as the monitor holds them.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe2;

use crate::memory::Buffer;
use crate::poll::{Poller, READ, Ready, Token};
use crate::report;

/// Bytes that one read takes at most: what a wide pipe holds.
const BATCH: usize = 256 * 1024;
/// Bytes that a pipe holds at first.
const PIPE: usize = 64 * 1024;

/// How long to leave a terminal alone that no process has open just now.
const TTY_PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    /// The first byte of a message to an attach client.
    pub(crate) fn mark(self) -> u8 {
        match self {
            Self::Stdout => 2,
            Self::Stderr => 3,
        }
    }
}

/// What was read last, until everyone has it.
pub(crate) struct Batch {
    buffer: Buffer,
    pub(crate) stream: Stream,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self {
            buffer: Buffer::new(BATCH),
            stream: Stream::Stdout,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.bytes()
    }

    /// Forgets what everyone has, and its memory.
    pub(crate) fn release(&mut self) {
        self.buffer.clear();
        self.buffer.release();
    }
}

/// The monitor's ends.
#[derive(Default)]
pub(crate) struct Streams {
    pub(crate) stdin: Option<File>,
    stdout: Option<File>,
    stderr: Option<File>,
    terminal: bool,
    terminal_to_come: bool,
    tty_paused_until: Option<Instant>,
}

/// The runtime's ends, to be closed once it has them.
#[derive(Default)]
pub(crate) struct RuntimeEnds {
    pub(crate) stdin: Option<OwnedFd>,
    pub(crate) stdout: Option<OwnedFd>,
    pub(crate) stderr: Option<OwnedFd>,
}

/// What became of a read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Data,
    Nothing,
    End,
}

impl Streams {
    /// Pipes for what the options ask for. Standard error is always a pipe: the
    /// runtime complains there, with or without a terminal.
    pub(crate) fn open(terminal: bool, stdin: bool) -> Result<(Self, RuntimeEnds)> {
        let mut ours = Self {
            terminal,
            terminal_to_come: terminal,
            ..Self::default()
        };
        let mut theirs = RuntimeEnds::default();
        if !terminal {
            if stdin {
                let (read, write) = pipe()?;
                set_nonblocking(&write)?;
                ours.stdin = Some(write.into());
                theirs.stdin = Some(read);
            }
            let (read, write) = pipe()?;
            set_nonblocking(&read)?;
            ours.stdout = Some(read.into());
            theirs.stdout = Some(write);
        }
        let (read, write) = pipe()?;
        set_nonblocking(&read)?;
        ours.stderr = Some(read.into());
        theirs.stderr = Some(write);
        Ok((ours, theirs))
    }

    /// Takes the terminal that the runtime sent, for input and output.
    pub(crate) fn take_terminal(&mut self, terminal: OwnedFd) -> Result<()> {
        set_nonblocking(&terminal)?;
        let input = terminal
            .try_clone()
            .context("cannot duplicate the terminal")?;
        self.stdin = Some(input.into());
        self.stdout = Some(terminal.into());
        self.terminal_to_come = false;
        Ok(())
    }

    /// The terminal's descriptor, once it is there.
    pub(crate) fn terminal(&self) -> Option<&File> {
        self.stdout.as_ref().filter(|_| self.terminal)
    }

    pub(crate) fn poll(&self, poller: &mut Poller) {
        if let Some(stdout) = self
            .stdout
            .as_ref()
            .filter(|_| self.tty_paused_until.is_none())
        {
            poller.add(stdout, READ, Token::Stdout);
        }
        if let Some(stderr) = &self.stderr {
            poller.add(stderr, READ, Token::Stderr);
        }
    }

    /// When an idle terminal is to be looked at again.
    pub(crate) fn deadline(&mut self, now: Instant) -> Option<Instant> {
        if self.tty_paused_until.is_some_and(|until| until <= now) {
            self.tty_paused_until = None;
        }
        self.tty_paused_until
    }

    /// Reads once after poll said so, and closes what has ended.
    pub(crate) fn serve(&mut self, stream: Stream, ready: Ready, batch: &mut Batch) -> bool {
        if self.read(stream, batch) == Outcome::Data {
            return true;
        }
        if stream == Stream::Stdout && self.terminal {
            // No process has the terminal open; one may yet open it again.
            if ready.hung_up {
                self.tty_paused_until = Some(Instant::now() + TTY_PAUSE);
            }
        } else if ready.hung_up {
            *self.slot(stream) = None;
        }
        false
    }

    /// Reads what is there, without waiting.
    pub(crate) fn read(&mut self, stream: Stream, batch: &mut Batch) -> Outcome {
        batch.stream = stream;
        batch.buffer.clear();
        let Some(file) = self.slot(stream) else {
            return Outcome::End;
        };
        loop {
            match batch.buffer.fill(&*file) {
                Ok(0) => return Outcome::End,
                Ok(length) => {
                    if length == PIPE {
                        widen(file);
                    }
                    return Outcome::Data;
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Outcome::Nothing,
                // EIO: the other side of the terminal is closed.
                Err(_) => return Outcome::End,
            }
        }
    }

    /// What the runtime said before it failed, as far as one read shows it.
    pub(crate) fn complaint(&mut self, batch: &mut Batch) -> Option<String> {
        match self.read(Stream::Stderr, batch) {
            Outcome::Data => {
                let words = String::from_utf8_lossy(batch.bytes()).into_owned();
                report::warn(format_args!("runtime stderr: {words}"));
                Some(words)
            }
            _ => None,
        }
    }

    fn slot(&mut self, stream: Stream) -> &mut Option<File> {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    /// Writes as much as standard input takes now. An error means that nobody
    /// will ever read it: input is closed, and what comes is dropped. What is
    /// typed before the runtime has sent the terminal waits for it.
    pub(crate) fn write_stdin(&mut self, bytes: &[u8]) -> usize {
        let Some(stdin) = &mut self.stdin else {
            return if self.terminal_to_come {
                0
            } else {
                bytes.len()
            };
        };
        match stdin.write(bytes) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(_) => {
                self.stdin = None;
                bytes.len()
            }
        }
    }
}

fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    pipe2(OFlag::O_CLOEXEC).context("cannot create a pipe for the container's streams")
}

/// Lets a pipe that was full hold more, so that its writer need not wait for
/// each read. A user who has too many such pipes keeps the small one.
fn widen(pipe: &File) {
    if let Err(errno) = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(BATCH as i32)) {
        report::debug(format_args!("cannot widen a pipe: {errno}"));
    }
}

fn set_nonblocking(fd: impl AsFd) -> Result<(), Errno> {
    let flags = OFlag::from_bits_retain(fcntl(&fd, FcntlArg::F_GETFL)?);
    fcntl(&fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).map(|_| ())
}
