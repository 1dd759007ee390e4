//! One poll(2) over whatever the monitor waits for at the moment.
//!
//! The set is built anew for each wait, from the state of those who wait: there
//! is nothing to register and nothing to forget. The vectors keep their room,
//! so that waiting does not allocate.
#![expect(unsafe_code, reason = "poll(2) on a reused array")]

use std::os::fd::{AsFd, AsRawFd};
use std::ptr;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;

use crate::memory::rest;

/// Who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Signal,
    Console,
    Stdin,
    Stdout,
    Stderr,
    AttachListener,
    Client(usize),
    Control,
    WindowSize,
    Oom,
    Notify,
    Orphan,
}

/// What there is to be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) hung_up: bool,
}

#[derive(Default)]
pub(crate) struct Poller {
    fds: Vec<libc::pollfd>,
    tokens: Vec<Token>,
}

pub(crate) const READ: i16 = libc::POLLIN;
pub(crate) const WRITE: i16 = libc::POLLOUT;

impl Poller {
    pub(crate) fn clear(&mut self) {
        self.fds.clear();
        self.tokens.clear();
    }

    /// `interest` is READ, WRITE, both, or 0 for the end of the other side only.
    pub(crate) fn add(&mut self, fd: impl AsFd, interest: i16, token: Token) {
        let fd = fd.as_fd().as_raw_fd();
        self.fds.push(libc::pollfd {
            fd,
            events: interest,
            revents: 0,
        });
        self.tokens.push(token);
    }

    /// Waits for one of them; without a timeout, for ever. A long wait is had
    /// cheaply, see [`rest`].
    pub(crate) fn wait(&mut self, timeout: Option<Duration>, long: bool) -> Result<(), Errno> {
        let timeout = timeout.map(TimeSpec::from_duration);
        let timeout = timeout.as_ref().map_or(ptr::null(), |time| time.as_ref());
        if long {
            return match rest::wait(&mut self.fds, timeout) {
                Err(Errno::EINTR) => Ok(()),
                result => result,
            };
        }
        // SAFETY: the array is valid for its length, the time is null or valid,
        // and the descriptors are those of `add`'s callers, who build the set
        // before each wait.
        let result = unsafe {
            let count = self.fds.len() as libc::nfds_t;
            libc::ppoll(self.fds.as_mut_ptr(), count, timeout, ptr::null())
        };
        match Errno::result(result) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    pub(crate) fn any_ready(&self) -> bool {
        self.fds.iter().any(|fd| fd.revents != 0)
    }

    /// The state of the `index`th of the set, as long as there is one.
    pub(crate) fn get(&self, index: usize) -> Option<(Token, Ready)> {
        let fd = self.fds.get(index)?;
        let ready = Ready {
            readable: fd.revents & libc::POLLIN != 0,
            writable: fd.revents & libc::POLLOUT != 0,
            hung_up: fd.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0,
        };
        Some((self.tokens[index], ready))
    }
}

impl Ready {
    pub(crate) fn any(self) -> bool {
        self.readable || self.writable || self.hung_up
    }
}
