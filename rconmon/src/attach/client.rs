//! One client: what it has been sent, and what it has written.

use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, Shutdown, sendmsg, setsockopt, shutdown, sockopt};

use super::Policy;
use crate::memory::Buffer;
use crate::poll::{READ, WRITE};
use crate::report;
use crate::streams::{Batch, Streams};

/// Largest payload of one message: the buffer that clients read into.
const MESSAGE: usize = 8192;
const INPUT: usize = 32 * 1024;
/// Bytes that the kernel keeps for a client that pauses; it may give less.
const SEND_BUFFER: usize = 1024 * 1024;

pub(super) struct Client {
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

impl Client {
    pub(super) fn new(fd: OwnedFd, batch: &Batch, owner: bool) -> Self {
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

    /// What to wait for. Without interest only a client's end is heard of. One
    /// whose input still waits is asked again once that is through.
    pub(super) fn interest(&self, batch: &Batch) -> Option<i16> {
        let mut interest = 0;
        if self.reading && !self.has_input() {
            interest |= READ;
        }
        if self.behind(batch) {
            interest |= WRITE;
        }
        (interest != 0 || !self.has_input()).then_some(interest)
    }

    pub(super) fn has_input(&self) -> bool {
        !self.waiting().is_empty()
    }

    pub(super) fn stuck_since(&self) -> Option<Instant> {
        self.stuck_since
    }

    /// True when nothing more passes either way.
    pub(super) fn is_through(&self) -> bool {
        !self.reading && !self.writing && !self.has_input()
    }

    /// It has none of a new batch.
    pub(super) fn begin(&mut self) {
        self.sent = 0;
    }

    pub(super) fn behind(&self, batch: &Batch) -> bool {
        self.writing && self.sent < batch.bytes().len()
    }

    pub(super) fn send(&mut self, batch: &Batch) {
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

    pub(super) fn read(&mut self, policy: Policy) {
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

    /// It takes no more output. What it has written is still passed on.
    pub(super) fn hang_up(&mut self, policy: Policy) {
        self.writing = false;
        if self.reading && !self.has_input() {
            self.end_input(policy);
        }
    }

    fn end_input(&mut self, policy: Policy) {
        self.reading = false;
        self.closes_stdin = policy.client_closes_stdin;
    }

    pub(super) fn pass_input(&mut self, streams: &mut Streams) {
        if self.has_input() {
            self.taken += streams.write_stdin(self.waiting());
        }
        if !self.has_input() && self.closes_stdin {
            self.closes_stdin = false;
            streams.stdin = None;
        }
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
