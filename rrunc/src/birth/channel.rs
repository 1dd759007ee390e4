//! The socket between the parent and the process being born.
//!
//! Each packet is one message: a byte that names it, then its text if it has
//! one. A descriptor may ride along. An end closed without a word means that
//! the other side was killed.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use anyhow::{Context, Result, anyhow, bail};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    sendmsg, socketpair,
};
use nix::unistd::{read, write};

/// Longest message; a longer text is cut.
const LONGEST: usize = 4096;

/// What the two sides tell each other; see the diagram in [`super`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// Child: I am in a new user namespace, write my id maps.
    MapIds,
    /// Parent: they are written.
    IdsMapped,
    /// Intermediate: the container's process has this number.
    Born(i32),
    /// Child: run the hooks of the runtime's namespaces.
    RunHooks,
    /// Parent: they ran.
    HooksRan,
    /// Child: copy the source of this mount for me.
    OpenSource(usize),
    /// Child: make the root a mount for me.
    OpenRoot,
    /// Parent: here it is.
    Opened,
    /// Child: here is my seccomp listener.
    Listener,
    /// Parent: it is with its agent.
    ListenerSent,
    /// Child: nothing is left but to start.
    Ready,
    /// Parent: you are recorded; go on.
    Go,
    /// Child: I could not be born, for this reason.
    Failed(String),
    /// Child: all was done, but execve(2) refused the program.
    NotExecuted(String),
}

impl Message {
    fn encode(&self) -> Vec<u8> {
        let (tag, text): (u8, &str) = match self {
            Message::MapIds => (b'm', ""),
            Message::IdsMapped => (b'M', ""),
            Message::Born(pid) => (b'b', &pid.to_string()),
            Message::RunHooks => (b'h', ""),
            Message::HooksRan => (b'H', ""),
            Message::OpenSource(index) => (b's', &index.to_string()),
            Message::OpenRoot => (b'o', ""),
            Message::Opened => (b'O', ""),
            Message::Listener => (b'l', ""),
            Message::ListenerSent => (b'L', ""),
            Message::Ready => (b'r', ""),
            Message::Go => (b'g', ""),
            Message::Failed(text) => (b'!', text),
            Message::NotExecuted(text) => (b'x', text),
        };
        let mut packet = vec![tag];
        packet.extend_from_slice(&text.as_bytes()[..text.len().min(LONGEST - 1)]);
        packet
    }

    fn decode(packet: &[u8]) -> Result<Message> {
        let (&tag, text) = packet
            .split_first()
            .ok_or_else(|| anyhow!("an empty message"))?;
        let text = String::from_utf8_lossy(text);
        Ok(match tag {
            b'm' => Message::MapIds,
            b'M' => Message::IdsMapped,
            b'b' => Message::Born(text.parse().context("a message without its process id")?),
            b'h' => Message::RunHooks,
            b'H' => Message::HooksRan,
            b's' => Message::OpenSource(text.parse().context("a message without its mount")?),
            b'o' => Message::OpenRoot,
            b'O' => Message::Opened,
            b'l' => Message::Listener,
            b'L' => Message::ListenerSent,
            b'r' => Message::Ready,
            b'g' => Message::Go,
            b'!' => Message::Failed(text.into_owned()),
            b'x' => Message::NotExecuted(text.into_owned()),
            other => bail!("a message of unknown kind {other:#x}"),
        })
    }
}

/// One side's end.
#[derive(Debug)]
pub(super) struct Channel(OwnedFd);

impl Channel {
    /// Both ends.
    pub(super) fn pair() -> Result<(Channel, Channel)> {
        let (ours, theirs) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )
        .context("socketpair for the container's birth")?;
        Ok((Channel(ours), Channel(theirs)))
    }

    /// Plain write(2), which every seccomp filter must allow.
    pub(super) fn send(&self, message: &Message) -> Result<()> {
        write(&self.0, &message.encode())
            .map(drop)
            .context("the other side of the birth is gone")
    }

    /// Send a message and a descriptor with it.
    pub(super) fn send_with(&self, message: &Message, fd: BorrowedFd<'_>) -> Result<()> {
        let fds = [fd.as_raw_fd()];
        let rights = [ControlMessage::ScmRights(&fds)];
        sendmsg::<()>(
            self.0.as_raw_fd(),
            &[IoSlice::new(&message.encode())],
            &rights,
            MsgFlags::MSG_NOSIGNAL,
            None,
        )
        .map(drop)
        .context("the other side of the birth is gone")
    }

    /// The next message, or `None` when the other end is closed.
    pub(super) fn receive(&self) -> Result<Option<Message>> {
        let mut packet = [0; LONGEST];
        let length = loop {
            match read(&self.0, &mut packet) {
                Err(Errno::EINTR) => {}
                Err(Errno::ECONNRESET) => break 0,
                other => break other.context("receive from the other side of the birth")?,
            }
        };
        if length == 0 {
            return Ok(None);
        }
        Message::decode(&packet[..length]).map(Some)
    }

    /// The next message, and the descriptor that came with it.
    pub(super) fn receive_with(&self) -> Result<Option<(Message, Option<OwnedFd>)>> {
        let mut packet = [0; LONGEST];
        let (length, fd) = receive_descriptor(self.0.as_raw_fd(), &mut packet)?;
        if length == 0 {
            return Ok(None);
        }
        Ok(Some((Message::decode(&packet[..length])?, fd)))
    }

    /// Wait for one message and no other.
    ///
    /// # Errors
    /// The other side is gone, or says something else.
    pub(super) fn expect(&self, wanted: &Message) -> Result<()> {
        match self.receive()? {
            Some(message) if message == *wanted => Ok(()),
            Some(Message::Failed(text)) => bail!(text),
            Some(message) => bail!("expected {wanted:?}, was told {message:?}"),
            None => bail!("the other side of the birth was killed"),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// One packet of any Unix socket with at most one descriptor.
pub(crate) fn receive_descriptor(
    socket: RawFd,
    packet: &mut [u8],
) -> Result<(usize, Option<OwnedFd>)> {
    let mut space = nix::cmsg_space!(RawFd);
    let mut buffers = [IoSliceMut::new(packet)];
    let received = loop {
        match recvmsg::<()>(
            socket,
            &mut buffers,
            Some(&mut space),
            MsgFlags::MSG_CMSG_CLOEXEC,
        ) {
            Err(Errno::EINTR) => {}
            other => {
                break other
                    .map_err(io::Error::from)
                    .context("receive a descriptor")?;
            }
        }
    };
    let mut descriptor = None;
    for message in received.cmsgs().context("receive a descriptor")? {
        if let ControlMessageOwned::ScmRights(fds) = message {
            for fd in fds {
                // SAFETY: the kernel just made this descriptor for us.
                descriptor = Some(unsafe { OwnedFd::from_raw_fd(fd) });
            }
        }
    }
    Ok((received.bytes, descriptor))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message() -> impl Strategy<Value = Message> {
        prop_oneof![
            Just(Message::MapIds),
            Just(Message::IdsMapped),
            any::<i32>().prop_map(Message::Born),
            Just(Message::RunHooks),
            Just(Message::HooksRan),
            Just(Message::Listener),
            Just(Message::ListenerSent),
            Just(Message::Ready),
            Just(Message::Go),
            ".{0,200}".prop_map(Message::Failed),
        ]
    }

    proptest! {
        #[test]
        fn a_message_arrives_as_it_was_sent(message in message()) {
            let (ours, theirs) = Channel::pair().unwrap();
            ours.send(&message).unwrap();
            prop_assert_eq!(theirs.receive().unwrap(), Some(message));
        }

        #[test]
        fn no_packet_makes_the_receiver_panic(packet: Vec<u8>) {
            let _undecoded = Message::decode(&packet);
        }
    }

    #[test]
    fn a_killed_side_is_noticed() {
        let (ours, theirs) = Channel::pair().unwrap();
        drop(theirs);
        assert!(ours.receive().unwrap().is_none());
        assert!(ours.send(&Message::Go).is_err());
    }

    #[test]
    fn a_reason_that_is_too_long_is_cut() {
        let (ours, theirs) = Channel::pair().unwrap();
        ours.send(&Message::Failed("x".repeat(2 * LONGEST)))
            .unwrap();
        assert_eq!(
            theirs.receive().unwrap(),
            Some(Message::Failed("x".repeat(LONGEST - 1)))
        );
    }
}
