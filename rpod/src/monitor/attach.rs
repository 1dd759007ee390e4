//! The client of the attach socket: one loop over the socket, standard input and the signals.
//!
//! A packet from conmon begins with one byte: 2 is standard output, 3 standard error. What is typed goes back as it is.

use std::io::{IsTerminal as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{
    AddressFamily, Shutdown, SockFlag, SockType, UnixAddr, connect, shutdown, socket,
};
use nix::sys::stat::Mode;

use super::detach_keys::Matcher;
use super::terminal::{self, Raw};

/// conmon sends at most 8192 bytes of a stream in one packet.
const PACKET: usize = 8192 + 1;

/// What is connected, and how.
#[derive(Debug)]
pub struct Streams {
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
    pub tty: bool,
    pub detach_keys: Vec<u8>,
    /// Signals that rpod gets are the container's.
    pub proxy_signals: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The container's side closed: it ended.
    Closed,
    /// The person left.
    Detached,
}

/// A connected attach socket with the signals already held back, so that none is lost between start and loop.
#[derive(Debug)]
pub struct Attached {
    socket: OwnedFd,
    signals: SignalFd,
}

const PROXIED: [Signal; 8] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGCONT,
];

impl Attached {
    /// Connects to `bundle/attach`.
    pub fn connect(bundle: &Path, streams: &Streams) -> Result<Attached> {
        let path = bundle.join("attach");
        let failed = || {
            format!(
                "failed to connect to container's attach socket: {}",
                path.display()
            )
        };
        // A socket's address holds 108 bytes; its descriptor is named in fewer, however long the path.
        let target =
            open(&path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).with_context(failed)?;
        let socket = socket(
            AddressFamily::Unix,
            SockType::SeqPacket,
            SockFlag::SOCK_CLOEXEC,
            None,
        )
        .with_context(failed)?;
        let address = UnixAddr::new(
            format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&target)).as_str(),
        )
        .with_context(failed)?;
        connect(std::os::fd::AsRawFd::as_raw_fd(&socket), &address).with_context(failed)?;
        let mut set = SigSet::empty();
        if streams.tty {
            set.add(Signal::SIGWINCH);
        }
        if streams.proxy_signals {
            set.extend(PROXIED);
        }
        set.thread_block().context("holding signals back")?;
        let signals = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
            .context("making a signalfd")?;
        if streams.tty {
            // What starts once we are connected finds its terminal as large as ours.
            terminal::resize(bundle)?;
        }
        Ok(Attached { socket, signals })
    }

    /// Copies until the container closes its side or the person detaches.
    pub fn run(
        self,
        bundle: &Path,
        streams: Streams,
        mut on_signal: impl FnMut(Signal),
    ) -> Result<End> {
        let raw = if streams.tty && streams.stdin {
            Raw::enter()?
        } else {
            None
        };
        let stdin = std::io::stdin();
        // Keys are typed at a terminal; in what a file or a pipe holds the same bytes mean nothing.
        let keys = if streams.tty || stdin.is_terminal() {
            streams.detach_keys.clone()
        } else {
            Vec::new()
        };
        let mut typing = streams.stdin.then(|| Matcher::new(keys));
        let end = loop {
            let mut waiting = vec![
                PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            ];
            if typing.is_some() {
                waiting.push(PollFd::new(stdin.as_fd(), PollFlags::POLLIN));
            }
            match poll(&mut waiting, PollTimeout::NONE) {
                Err(Errno::EINTR) => continue,
                result => result.context("waiting for the container")?,
            };
            let ready: Vec<bool> = waiting
                .iter()
                .map(|fd| fd.revents().is_some_and(|events| !events.is_empty()))
                .collect();
            drop(waiting);
            if ready[1] {
                while let Some(info) = self.signals.read_signal().context("reading a signal")? {
                    match Signal::try_from(info.ssi_signo as i32) {
                        Ok(Signal::SIGWINCH) => terminal::resize(bundle)?,
                        Ok(signal) => on_signal(signal),
                        Err(_) => {}
                    }
                }
            }
            if ready.get(2) == Some(&true)
                && let Some(matcher) = &mut typing
            {
                match self.forward(stdin.as_fd(), matcher)? {
                    Typed::More => {}
                    Typed::End => typing = None,
                    Typed::Detach => break End::Detached,
                }
            }
            if ready[0] && !self.deliver(&streams)? {
                break End::Closed;
            }
        };
        drop(raw);
        Ok(end)
    }

    /// One packet to the stream that it names; false at the end.
    fn deliver(&self, streams: &Streams) -> Result<bool> {
        let mut packet = [0; PACKET];
        let size = match nix::unistd::read(&self.socket, &mut packet) {
            Ok(0) => return Ok(false),
            // The monitor left with something of ours unread: its last packets are still here, and are read next.
            Err(Errno::EINTR | Errno::EAGAIN | Errno::ECONNRESET) => return Ok(true),
            result => result.context("reading from the container")?,
        };
        let bytes = &packet[1..size];
        match packet[0] {
            2 if streams.stdout => {
                write_all(std::io::stdout().as_fd(), bytes).context("writing to standard output")?
            }
            3 if streams.stderr => std::io::stderr()
                .write_all(bytes)
                .context("writing to standard error")?,
            _ => {}
        }
        Ok(true)
    }

    fn forward(&self, stdin: BorrowedFd, matcher: &mut Matcher) -> Result<Typed> {
        let mut buffer = [0; PACKET - 1];
        let size = match nix::unistd::read(stdin, &mut buffer) {
            Err(Errno::EINTR | Errno::EAGAIN) => return Ok(Typed::More),
            // A terminal that went away has nothing more to say.
            Err(Errno::EIO) => 0,
            result => result.context("reading standard input")?,
        };
        if size == 0 {
            return match shutdown(
                std::os::fd::AsRawFd::as_raw_fd(&self.socket),
                Shutdown::Write,
            ) {
                Ok(()) | Err(Errno::ENOTCONN) => Ok(Typed::End),
                Err(errno) => Err(errno).context("closing the container's standard input"),
            };
        }
        let (pass, detach) = matcher.feed(&buffer[..size]);
        if !pass.is_empty() {
            match write_all(self.socket.as_fd(), &pass) {
                // The container ended while something was typed; its last words are still to be read.
                Err(Errno::EPIPE | Errno::ECONNRESET) => return Ok(Typed::End),
                result => result.context("writing to the container")?,
            }
        }
        Ok(if detach { Typed::Detach } else { Typed::More })
    }
}

enum Typed {
    More,
    End,
    Detach,
}

/// Past std's line buffer: what a container writes is shown when it is written.
fn write_all(fd: BorrowedFd, mut bytes: &[u8]) -> nix::Result<()> {
    while !bytes.is_empty() {
        match nix::unistd::write(fd, bytes) {
            Ok(size) => bytes = &bytes[size..],
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                poll(
                    &mut [PollFd::new(fd, PollFlags::POLLOUT)],
                    PollTimeout::NONE,
                )?;
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
