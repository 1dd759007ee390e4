//! The terminal, as the runtime sends it: over a socket of our own.
#![expect(
    unsafe_code,
    reason = "a received descriptor is adopted; the window size is an ioctl"
)]

use std::fs::File;
use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::socket::{
    Backlog, ControlMessageOwned, MsgFlags, SockFlag, SockType, accept4, listen, recvmsg,
};
use nix::sys::termios::{OutputFlags, SetArg, tcgetattr, tcsetattr};
use nix::unistd::mkdtemp;

use crate::control::Size;
use crate::report;
use crate::socket::bind_in;

const NAME: &str = "console";

/// Waits for one terminal. The socket is in a directory that only we may enter.
pub(crate) struct ConsoleSocket {
    pub(crate) listener: OwnedFd,
    directory: PathBuf,
}

impl ConsoleSocket {
    pub(crate) fn open() -> Result<Self> {
        let template = std::env::temp_dir().join("conmon-term.XXXXXX");
        let directory =
            mkdtemp(&template).with_context(|| format!("cannot create {}", template.display()))?;
        let listener = bind_in(&directory, NAME, SockType::Stream, 0o700)?;
        listen(&listener, Backlog::new(1)?).context("Failed to listen on console-socket")?;
        Ok(Self {
            listener,
            directory,
        })
    }

    /// The runtime's `--console-socket`.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.join(NAME)
    }

    /// The terminal, if the runtime has connected by now.
    pub(crate) fn receive(&self) -> Result<Option<OwnedFd>> {
        let connection = match accept4(self.listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC) {
            // SAFETY: accept4 has just made it, and nobody else has it.
            Ok(fd) => unsafe { OwnedFd::from_raw_fd(fd) },
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
            Err(errno) => {
                return Err(errno).context("Failed to accept console-socket connection");
            }
        };
        let terminal = receive_descriptor(&connection)?;
        set_up(&terminal);
        Ok(Some(terminal))
    }
}

impl Drop for ConsoleSocket {
    fn drop(&mut self) {
        let remove = |path: &Path| -> std::io::Result<()> {
            std::fs::remove_file(path)?;
            std::fs::remove_dir(&self.directory)
        };
        if let Err(error) = remove(&self.path()) {
            report::warn(format_args!(
                "cannot remove {}: {error}",
                self.path().display()
            ));
        }
    }
}

fn receive_descriptor(connection: &OwnedFd) -> Result<OwnedFd> {
    let mut name = [0; 4096];
    let mut parts = [IoSliceMut::new(&mut name)];
    let mut space = nix::cmsg_space!([i32; 1]);
    let message = recvmsg::<()>(
        connection.as_raw_fd(),
        &mut parts,
        Some(&mut space),
        MsgFlags::MSG_CMSG_CLOEXEC,
    )
    .context("Failed to receive console file descriptor")?;
    for control in message
        .cmsgs()
        .context("Failed to receive console file descriptor")?
    {
        if let ControlMessageOwned::ScmRights(fds) = control
            && let Some(fd) = fds.first()
        {
            // SAFETY: the kernel has just installed it for us.
            return Ok(unsafe { OwnedFd::from_raw_fd(*fd) });
        }
    }
    bail!("the runtime sent no terminal over the console socket")
}

/// Line ends become CR LF, as clients in raw mode expect.
fn set_up(terminal: &OwnedFd) {
    let result = tcgetattr(terminal).and_then(|mut settings| {
        settings.output_flags |= OutputFlags::ONLCR;
        tcsetattr(terminal, SetArg::TCSANOW, &settings)
    });
    if let Err(errno) = result {
        report::warn(format_args!(
            "Failed to set console terminal settings: {errno}"
        ));
    }
}

pub(crate) fn resize(terminal: &File, size: Size) {
    let size = libc::winsize {
        ws_row: size.rows,
        ws_col: size.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: TIOCSWINSZ reads one winsize.
    let result = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
    if let Err(errno) = Errno::result(result) {
        report::warn(format_args!(
            "Failed to set process pty terminal size: {errno}"
        ));
    }
}
