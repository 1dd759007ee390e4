//! Hands a filter's notification descriptor to the agent that answers it
//! (runtime-spec runtime-linux.md / config-linux.md, "ContainerProcessState").

use super::Error;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use std::io::{Error as IoError, IoSlice};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// `linux.seccomp.listenerPath` and `listenerMetadata`.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) path: PathBuf,
    pub(crate) metadata: String,
}

impl Listener {
    /// Sends the descriptor with the process's id and the container's state, as the JSON that the
    /// `state` operation prints. The runtime calls this, not the filtered process.
    pub(crate) fn send(
        &self,
        fd: BorrowedFd,
        pid: i32,
        state: serde_json::Value,
    ) -> Result<(), Error> {
        let message = serde_json::json!({
            "ociVersion": state["ociVersion"],
            "fds": ["seccompFd"],
            "pid": pid,
            "metadata": self.metadata,
            "state": state,
        });
        self.send_bytes(fd, message.to_string().as_bytes())
            .map_err(|source| Error::Listener {
                path: self.path.clone(),
                source,
            })
    }

    fn send_bytes(&self, fd: BorrowedFd, bytes: &[u8]) -> Result<(), IoError> {
        let socket = UnixStream::connect(&self.path)?;
        let fds = [fd.as_raw_fd()];
        let rights = [ControlMessage::ScmRights(&fds)];
        let sent = sendmsg::<()>(
            socket.as_raw_fd(),
            &[IoSlice::new(bytes)],
            &rights,
            MsgFlags::MSG_NOSIGNAL,
            None,
        )?;
        std::io::Write::write_all(&mut &socket, &bytes[sent..])
    }
}
