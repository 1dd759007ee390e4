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

mod client;

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::socket::{Backlog, SockFlag, SockType, accept4, listen};

use client::Client;

use crate::files::remove_if_there;
use crate::poll::{Poller, READ, Ready, Token};
use crate::report;
use crate::settings::Settings;
use crate::socket::{bind_in, link_to};
use crate::streams::{Batch, Streams};

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Attach {
    listener: OwnedFd,
    socket: PathBuf,
    symlink: Option<PathBuf>,
    clients: Vec<Client>,
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
            if let Some(interest) = client.interest(batch) {
                poller.add(client, interest, Token::Client(index));
            }
        }
    }

    /// True while standard input is to be polled for room.
    pub(crate) fn has_input(&self) -> bool {
        self.clients.iter().any(Client::has_input)
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
            client.hang_up(policy);
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
            client.begin();
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
            .filter_map(Client::stuck_since)
            .min()
            .map(|since| since + PATIENCE)
    }

    /// Lets go of clients that are gone or have been stuck for too long; only
    /// between two waits, because indexes change.
    pub(crate) fn sweep(&mut self, now: Instant) {
        self.clients.retain(|client| {
            let stuck = client
                .stuck_since()
                .is_some_and(|since| since + PATIENCE <= now);
            if stuck {
                report::warn(format_args!(
                    "an attach client reads nothing: letting it go"
                ));
            }
            !stuck && !client.is_through()
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

#[expect(unsafe_code, reason = "nix hands accepted descriptors out as numbers")]
fn adopt(fd: std::os::fd::RawFd) -> OwnedFd {
    use std::os::fd::FromRawFd;
    // SAFETY: accept4 has just made it, and nobody else has it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
