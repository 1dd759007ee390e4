//! A client of the attach socket.

use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use anyhow::{Result, bail, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, Shutdown, SockFlag, SockType, UnixAddr, connect, recv, sendmsg,
    shutdown, socket,
};

use super::LIMIT;

/// One of those who watch.
#[derive(Debug)]
pub struct Client(OwnedFd);

impl Client {
    pub fn connect(path: &Path) -> Result<Client> {
        let socket = socket(
            AddressFamily::Unix,
            SockType::SeqPacket,
            SockFlag::SOCK_CLOEXEC,
            None,
        )?;
        connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
        Ok(Client(socket))
    }

    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        sendmsg::<()>(
            self.0.as_raw_fd(),
            &[IoSlice::new(bytes)],
            &[],
            MsgFlags::MSG_NOSIGNAL,
            None,
        )?;
        Ok(())
    }

    pub fn end_input(&self) -> Result<()> {
        Ok(shutdown(self.0.as_raw_fd(), Shutdown::Write)?)
    }

    /// The next message: stream and text; None at the end.
    pub fn message(&self) -> Result<Option<(u8, Vec<u8>)>> {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, PollTimeout::try_from(LIMIT)?)? == 0 {
            bail!("no message within {LIMIT:?}");
        }
        // One byte, and as much as clients have room for.
        let mut buffer = [0; 8193];
        match recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::MSG_TRUNC)? {
            0 => Ok(None),
            length if length > buffer.len() => bail!("a message of {length} bytes"),
            length => Ok(Some((buffer[0], buffer[1..length].to_vec()))),
        }
    }

    /// Waits for this text on one stream, however it is cut.
    pub fn expect(&self, stream: u8, text: &[u8]) -> Result<()> {
        let mut seen = Vec::new();
        while seen.len() < text.len() {
            match self.message()? {
                Some((from, part)) if from == stream => seen.extend(part),
                other => bail!("{other:?} after {:?}", String::from_utf8_lossy(&seen)),
            }
        }
        ensure!(
            seen == text,
            "{:?} in place of {:?}",
            String::from_utf8_lossy(&seen),
            String::from_utf8_lossy(text)
        );
        Ok(())
    }
}
