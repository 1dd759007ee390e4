//! The attach socket: any number of clients, each of which gets all output from
//! its arrival on and may write to the container's input.
//!
//! Output goes out as messages of at most 8192 bytes behind one byte that names
//! the stream (2 stdout, 3 stderr), as podman reads them. A client that cannot
//! keep up holds the container back like a full pipe does, so that it loses
//! nothing. For how long depends on what it is to the container:
//!
//! - An owner was there before the container's program started, such as the
//!   client of `podman run | less`. It is the container's output: it may pause
//!   for as long as it likes, as any pipe's reader may.
//! - A guest came later, by `podman attach`. If it takes nothing at all for
//!   `PATIENCE` it is let go, so that it can stop neither the container nor the
//!   other clients.

use std::fs::Permissions;
use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, Shutdown, SockFlag, SockType, UnixAddr, accept4, bind,
    listen, sendmsg, setsockopt, shutdown, socket, sockopt,
};
use nix::sys::stat::Mode;

use crate::files::remove_if_there;
use crate::memory::Buffer;
use crate::poll::{Poller, READ, Ready, Token, WRITE};
use crate::report;
use crate::settings::Settings;
use crate::streams::{Batch, Streams};

/// Largest payload of one message: the buffer that clients read into.
const MESSAGE: usize = 8192;
const INPUT: usize = 32 * 1024;
/// sun_path's size, less its final NUL.
const SOCKET_PATH_MAX: usize = 107;
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that the kernel keeps for a client that pauses; it may give less.
const SEND_BUFFER: usize = 1024 * 1024;

pub(crate) struct Attach {
    listener: OwnedFd,
    socket: PathBuf,
    symlink: Option<PathBuf>,
    clients: Vec<Client>,
}

struct Client {
    fd: OwnedFd,
    /// It may still write to the container.
    reading: bool,
    /// It still wants output.
    writing: bool,
    /// Bytes of the current batch that it has.
    sent: usize,
    /// It was there before the program started.
    owner: bool,
    /// Since when it has taken nothing, if it is a guest.
    stuck_since: Option<Instant>,
    input: Buffer,
    /// Bytes of `input` that the container has taken.
    taken: usize,
    /// Standard input closes once nothing is waiting.
    closes_stdin: bool,
}

impl Attach {
    /// Binds `attach` in the bundle. Without `--full-attach` it is reached
    /// through a symbolic link to the bundle, short enough for a client.
    pub(crate) fn listen(bundle: &Path, settings: &Settings) -> Result<Self> {
        let link = match &settings.options.cuuid {
            Some(cuuid) if !settings.options.full_attach => {
                Some(link_to(bundle, &settings.socket_dir().join(cuuid))?)
            }
            _ => None,
        };
        let directory = link.as_deref().unwrap_or(bundle);
        let socket = directory.join("attach");
        let listener = bind_in(directory, "attach", SockType::SeqPacket, 0o700)?;
        listen(&listener, Backlog::MAXCONN)
            .with_context(|| format!("Failed to listen on attach socket: {}", socket.display()))?;
        Ok(Self {
            listener,
            socket,
            symlink: link,
            clients: Vec::new(),
        })
    }

    pub(crate) fn poll(&self, poller: &mut Poller, batch: &Batch) {
        poller.add(&self.listener, READ, Token::AttachListener);
        for (index, client) in self.clients.iter().enumerate() {
            let mut interest = 0;
            if client.reading && client.waiting().is_empty() {
                interest |= READ;
            }
            if client.behind(batch) {
                interest |= WRITE;
            }
            // Without interest only a client's end is heard of. One whose input
            // still waits is asked again once that is through.
            if interest != 0 || client.waiting().is_empty() {
                poller.add(&client.fd, interest, Token::Client(index));
            }
        }
    }

    /// True while standard input is to be polled for room.
    pub(crate) fn has_input(&self) -> bool {
        self.clients
            .iter()
            .any(|client| !client.waiting().is_empty())
    }

    /// Takes in all who have connected by now.
    pub(crate) fn accept(&mut self, batch: &Batch, is_owner: impl Fn() -> bool) {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        loop {
            match accept4(self.listener.as_raw_fd(), flags).map(adopt) {
                Ok(fd) => self.clients.push(Client::new(fd, batch, is_owner())),
                Err(Errno::EINTR | Errno::ECONNABORTED) => {}
                Err(Errno::EAGAIN) => return,
                Err(errno) => {
                    report::warn(format_args!("cannot accept an attach client: {errno}"));
                    return;
                }
            }
        }
    }

    /// Reads from one client after poll said so.
    pub(crate) fn serve(
        &mut self,
        index: usize,
        ready: Ready,
        streams: &mut Streams,
        policy: Policy,
    ) {
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        if ready.readable {
            client.read(policy);
        } else if ready.hung_up {
            client.writing = false;
            if client.reading && client.waiting().is_empty() {
                client.end_input(policy);
            }
        }
        client.pass_input(streams);
    }

    /// Passes on what the clients have written, as far as the container takes it.
    pub(crate) fn pass_input(&mut self, streams: &mut Streams) {
        for client in &mut self.clients {
            client.pass_input(streams);
        }
    }

    /// Starts with a new batch.
    pub(crate) fn begin(&mut self) {
        for client in &mut self.clients {
            client.sent = 0;
        }
    }

    /// Sends on; true once every client has the whole batch.
    pub(crate) fn deliver(&mut self, batch: &Batch) -> bool {
        let mut done = true;
        for client in &mut self.clients {
            client.send(batch);
            done &= !client.behind(batch);
        }
        done
    }

    /// When the most patient wait ends, if a client is stuck.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.clients
            .iter()
            .filter_map(|client| client.stuck_since)
            .min()
            .map(|since| since + PATIENCE)
    }

    /// Lets go of clients that are gone or have been stuck for too long; only
    /// between two waits, because indexes change.
    pub(crate) fn sweep(&mut self, now: Instant) {
        self.clients.retain(|client| {
            let stuck = client
                .stuck_since
                .is_some_and(|since| since + PATIENCE <= now);
            if stuck {
                report::warn(format_args!(
                    "an attach client reads nothing: letting it go"
                ));
            }
            !stuck && (client.reading || client.writing || !client.waiting().is_empty())
        });
    }
}

/// However the watch ends, nobody can connect to its socket any more.
impl Drop for Attach {
    fn drop(&mut self) {
        for path in [Some(&self.socket), self.symlink.as_ref()]
            .into_iter()
            .flatten()
        {
            if let Err(error) = remove_if_there(path) {
                report::warn(format_args!("{error:#}"));
            }
        }
    }
}

/// When a client's end ends the container's input: `-i` without
/// `--leave-stdin-open`.
#[derive(Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) client_closes_stdin: bool,
}

impl Client {
    fn new(fd: OwnedFd, batch: &Batch, owner: bool) -> Self {
        if let Err(errno) = setsockopt(&fd, sockopt::SndBuf, &SEND_BUFFER) {
            report::debug(format_args!("cannot enlarge a send buffer: {errno}"));
        }
        Self {
            fd,
            reading: true,
            writing: true,
            sent: batch.bytes().len(),
            owner,
            stuck_since: None,
            input: Buffer::new(INPUT),
            taken: 0,
            closes_stdin: false,
        }
    }

    /// What the client has written and the container has not taken.
    fn waiting(&self) -> &[u8] {
        &self.input.bytes()[self.taken..]
    }

    fn behind(&self, batch: &Batch) -> bool {
        self.writing && self.sent < batch.bytes().len()
    }

    fn send(&mut self, batch: &Batch) {
        while self.behind(batch) {
            let rest = &batch.bytes()[self.sent..];
            let payload = &rest[..rest.len().min(MESSAGE)];
            let mark = [batch.stream.mark()];
            let parts = [IoSlice::new(&mark), IoSlice::new(payload)];
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            match sendmsg::<()>(self.fd.as_raw_fd(), &parts, &[], flags, None) {
                Ok(_) => {
                    self.sent += payload.len();
                    self.stuck_since = None;
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS) => {
                    if !self.owner {
                        self.stuck_since.get_or_insert_with(Instant::now);
                    }
                    return;
                }
                // The client has gone; poll tells of its input's end.
                Err(_) => {
                    self.writing = false;
                    self.stuck_since = None;
                    if let Err(errno) = shutdown(self.fd.as_raw_fd(), Shutdown::Write) {
                        report::debug(format_args!("cannot shut down a client: {errno}"));
                    }
                }
            }
        }
    }

    fn read(&mut self, policy: Policy) {
        self.taken = 0;
        match self.input.fill(&self.fd) {
            Ok(0) => self.end_input(policy),
            Ok(_) => {}
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(_) => {
                self.writing = false;
                self.end_input(policy);
            }
        }
    }

    fn end_input(&mut self, policy: Policy) {
        self.reading = false;
        self.closes_stdin = policy.client_closes_stdin;
    }

    fn pass_input(&mut self, streams: &mut Streams) {
        if !self.waiting().is_empty() {
            self.taken += streams.write_stdin(self.waiting());
        }
        if self.waiting().is_empty() && self.closes_stdin {
            self.closes_stdin = false;
            streams.stdin = None;
        }
    }
}

#[expect(unsafe_code, reason = "nix hands accepted descriptors out as numbers")]
fn adopt(fd: std::os::fd::RawFd) -> OwnedFd {
    use std::os::fd::FromRawFd;
    // SAFETY: accept4 has just made it, and nobody else has it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// A symbolic link to `bundle` at `path`, or one letter shorter where the
/// path's length would make it collide with the socket's limit.
fn link_to(bundle: &Path, path: &Path) -> Result<PathBuf> {
    let text = path.to_string_lossy();
    let link = if text.len() == SOCKET_PATH_MAX {
        PathBuf::from(&text[..SOCKET_PATH_MAX - 1])
    } else {
        path.to_owned()
    };
    remove_if_there(&link)?;
    symlink(bundle, &link)
        .with_context(|| format!("cannot create the attach link {}", link.display()))?;
    Ok(link)
}

/// Binds a socket at `directory/name`, however long that path is: the address
/// goes through the open directory's entry in /proc.
pub(crate) fn bind_in(directory: &Path, name: &str, kind: SockType, mode: u32) -> Result<OwnedFd> {
    let path = directory.join(name);
    let parent =
        open(directory, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).with_context(|| {
            format!(
                "failed to open socket path parent dir {}",
                directory.display()
            )
        })?;
    remove_if_there(&path)?;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket =
        socket(AddressFamily::Unix, kind, flags, None).context("cannot create a socket")?;
    let through = format!("/proc/self/fd/{}/{name}", parent.as_raw_fd());
    UnixAddr::new(through.as_str())
        .and_then(|address| bind(socket.as_raw_fd(), &address))
        .with_context(|| format!("cannot bind {}", path.display()))?;
    std::fs::set_permissions(&path, Permissions::from_mode(mode))
        .with_context(|| format!("cannot change the mode of {}", path.display()))?;
    Ok(socket)
}
