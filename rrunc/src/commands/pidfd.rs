//! `--pidfd-socket`: the process as a descriptor, which no later process can
//! take over.

use std::io::IoSlice;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context, Result};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use nix::unistd::Pid;

use crate::kernel::process;

/// Open the process, and send the descriptor to whoever listens.
///
/// # Errors
/// Nobody listens, or the process is gone.
pub(super) fn send(path: &Path, pid: Pid) -> Result<()> {
    let pidfd = process::open(pid).with_context(|| format!("open process {pid}"))?;
    let deliver = || -> Result<()> {
        let socket = UnixStream::connect(path)?;
        let fds = [pidfd.as_raw_fd()];
        let rights = [ControlMessage::ScmRights(&fds)];
        let name = [IoSlice::new(b"pidfd")];
        sendmsg::<()>(
            socket.as_raw_fd(),
            &name,
            &rights,
            MsgFlags::MSG_NOSIGNAL,
            None,
        )?;
        Ok(())
    };
    deliver().with_context(|| format!("send the pidfd to {}", path.display()))
}
