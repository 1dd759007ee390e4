//! Route netlink (rtnetlink(7)): a request, and what the kernel answers.

use std::os::fd::{FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::unistd::{read, write};

/// Length of `struct nlmsghdr`.
const HEADER: usize = 16;

/// Everything is padded to four bytes.
fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// A message being put together.
#[derive(Debug)]
pub(crate) struct Request(Vec<u8>);

impl Request {
    /// A request of this type (`RTM_…`), with the bytes of its fixed structure.
    pub(crate) fn new(kind: u16, flags: i32, fixed: &[u8]) -> Request {
        let flags = (libc::NLM_F_REQUEST | flags) as u16;
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(fixed);
        bytes.resize(padded(bytes.len()), 0);
        Request(bytes)
    }

    /// Add an attribute (`IFLA_…`, `IFA_…`).
    pub(crate) fn attribute(mut self, kind: u16, value: &[u8]) -> Request {
        let length = (4 + value.len()) as u16;
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(padded(self.0.len()), 0);
        self
    }
}

/// A socket of the network namespace that it was opened in.
#[derive(Debug)]
pub(crate) struct Socket(OwnedFd);

impl Socket {
    pub(crate) fn open() -> Result<Socket, Errno> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // SAFETY: takes numbers only.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE) };
        let fd = Errno::result(fd)?;
        // SAFETY: the call just returned this descriptor to us alone.
        Ok(Socket(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Have something done.
    pub(crate) fn command(&self, request: Request) -> Result<(), Errno> {
        self.send(request, libc::NLM_F_ACK)?;
        self.receive(|_| {})
    }

    /// Have all messages of a kind listed: each with its fixed structure and
    /// attributes as one run of bytes.
    pub(crate) fn dump(&self, request: Request) -> Result<Vec<Vec<u8>>, Errno> {
        self.send(request, libc::NLM_F_DUMP)?;
        let mut messages = Vec::new();
        self.receive(|message| messages.push(message.to_vec()))?;
        Ok(messages)
    }

    fn send(&self, request: Request, flags: i32) -> Result<(), Errno> {
        let mut bytes = request.0;
        let length = bytes.len() as u32;
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        bytes[6] |= (flags & 0xff) as u8;
        bytes[7] |= (flags >> 8) as u8;
        write(&self.0, &bytes).map(drop)
    }

    /// Read until the answer is complete.
    fn receive(&self, mut take: impl FnMut(&[u8])) -> Result<(), Errno> {
        let mut buffer = [0; 32 * 1024];
        loop {
            let length = match read(&self.0, &mut buffer) {
                Err(Errno::EINTR) => continue,
                other => other?,
            };
            let mut rest = &buffer[..length];
            while let Some((kind, body, after)) = split(rest) {
                rest = after;
                match i32::from(kind) {
                    libc::NLMSG_DONE => return Ok(()),
                    libc::NLMSG_ERROR => return result_of(body),
                    libc::NLMSG_NOOP => {}
                    _ => take(body),
                }
            }
        }
    }
}

/// Type and body of the first message, and what follows it.
fn split(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let body = bytes.get(HEADER..length)?;
    Some((kind, body, bytes.get(padded(length)..).unwrap_or_default()))
}

/// An error message begins with the errno, negative; 0 is the acknowledgement.
fn result_of(body: &[u8]) -> Result<(), Errno> {
    match body.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes)) {
        Some(0) => Ok(()),
        Some(number) => Err(Errno::from_raw(-number)),
        None => Err(Errno::EBADMSG),
    }
}

/// The attributes behind a fixed structure: kind and value.
pub(crate) fn attributes(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut attributes = Vec::new();
    while let (Some(length), Some(kind)) = (
        bytes.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes)),
        bytes
            .get(2..)
            .and_then(<[u8]>::first_chunk)
            .map(|bytes| u16::from_ne_bytes(*bytes)),
    ) {
        let length = usize::from(length);
        let Some(value) = bytes.get(4..length) else {
            break;
        };
        attributes.push((kind, value.to_vec()));
        bytes = bytes.get(padded(length)..).unwrap_or_default();
    }
    attributes
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_kernel_lists_at_least_one_link() {
        let socket = Socket::open().unwrap();
        let request = Request::new(libc::RTM_GETLINK, 0, &[0; 16]);
        assert!(!socket.dump(request).unwrap().is_empty());
    }

    #[test]
    fn attributes_are_read_as_written() {
        let request = Request::new(0, 0, &[])
            .attribute(3, b"eth0\0")
            .attribute(28, &[7, 0, 0, 0]);
        assert_eq!(
            attributes(&request.0[HEADER..]),
            [(3, b"eth0\0".to_vec()), (28, vec![7, 0, 0, 0])]
        );
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic(bytes: Vec<u8>) {
            let _unread = (split(&bytes), attributes(&bytes), result_of(&bytes));
        }
    }
}
