//! Packets to and from the client.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, recvmsg, sendmsg};
use serde_json::Value;

/// In bytes; what is larger goes through a pipe.
const MOST: usize = 32 << 10;

pub struct Socket(OwnedFd);

/// What goes back: a value, or the reply made of it, and ends of pipes.
#[derive(Debug, Default)]
pub struct Answer {
    pub value: Value,
    pub pipe_id: u32,
    pub descriptors: Vec<OwnedFd>,
    pub text: Vec<u8>,
}

impl Answer {
    pub fn of(value: Value) -> Self {
        Self {
            value,
            ..Self::default()
        }
    }

    pub fn new(text: Vec<u8>) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }
}

impl Socket {
    /// The descriptor that the caller has left open for us.
    pub fn of(fd: RawFd) -> Result<Self> {
        if fd < 0 {
            bail!("--sockfd {fd} is not a descriptor");
        }
        // SAFETY: it is borrowed for this one call, before anything here could have opened or closed a descriptor of that number;
        // one that is not open is refused by the kernel.
        let given = unsafe { BorrowedFd::borrow_raw(fd) };
        let own = given.try_clone_to_owned();
        own.map(Self)
            .with_context(|| format!("--sockfd {fd} is not open"))
    }

    /// None when the client is gone.
    pub fn receive(&self) -> Result<Option<Vec<u8>>> {
        let mut packet = vec![0; MOST];
        loop {
            let mut room = [IoSliceMut::new(&mut packet)];
            let received = recvmsg::<()>(
                self.0.as_raw_fd(),
                &mut room,
                None,
                MsgFlags::MSG_CMSG_CLOEXEC,
            );
            let (size, cut) = match received {
                Ok(message) => (message.bytes, message.flags.contains(MsgFlags::MSG_TRUNC)),
                Err(Errno::EINTR) => continue,
                Err(Errno::ECONNRESET) => return Ok(None),
                Err(errno) => {
                    return Err(io::Error::from(errno)).context("reading from the socket");
                }
            };
            if cut {
                bail!("a request is larger than {MOST} bytes");
            }
            packet.truncate(size);
            return Ok((size > 0).then_some(packet));
        }
    }

    pub fn send(&self, answer: Answer) -> Result<()> {
        let descriptors: Vec<RawFd> = answer
            .descriptors
            .iter()
            .map(|descriptor| descriptor.as_fd().as_raw_fd())
            .collect();
        let rights = [ControlMessage::ScmRights(&descriptors)];
        let rights = if descriptors.is_empty() {
            &rights[..0]
        } else {
            &rights[..]
        };
        let text = [IoSlice::new(&answer.text)];
        loop {
            match sendmsg::<()>(
                self.0.as_raw_fd(),
                &text,
                rights,
                MsgFlags::MSG_NOSIGNAL,
                None,
            ) {
                Err(Errno::EINTR) => {}
                sent => {
                    return sent
                        .map(drop)
                        .map_err(io::Error::from)
                        .context("writing to the socket");
                }
            }
        }
    }
}
