//! A person at a terminal: types, reads, makes the window larger.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::unistd::setsid;

use crate::command::{Cmd, code_of};

#[derive(Debug)]
pub struct Terminal {
    master: File,
    child: Child,
    /// What was shown since the last [`Terminal::expect`].
    shown: String,
    /// All that was ever shown, for the message of a failure.
    transcript: String,
}

const LIMIT: Duration = Duration::from_secs(15);

impl Terminal {
    /// Starts the command with a terminal of 24 rows and 80 columns as its controlling one.
    pub fn start(cmd: Cmd) -> Result<Terminal> {
        let pty = openpty(Some(&size(24, 80)), None).context("openpty")?;
        let mut command = cmd.into_command();
        command
            .stdin(pty.slave.try_clone()?)
            .stdout(pty.slave.try_clone()?)
            .stderr(pty.slave);
        // SAFETY: between fork and exec only setsid and ioctl are called, both of which are async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                setsid()?;
                match libc::ioctl(0, libc::TIOCSCTTY, 0) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            });
        }
        let child = command
            .spawn()
            .context("starting a command in a terminal")?;
        // The command keeps the slave's descriptors until it is dropped, and then the end of the session could not be seen.
        drop(command);
        Ok(Terminal {
            master: File::from(pty.master),
            child,
            shown: String::new(),
            transcript: String::new(),
        })
    }

    /// Types; end a line with `\n`, ctrl-c is `\x03`.
    pub fn type_in(&mut self, keys: &str) -> Result<()> {
        self.master.write_all(keys.as_bytes()).context("typing")
    }

    /// Waits until this is shown, and forgets all up to its end.
    pub fn expect(&mut self, text: &str) -> Result<()> {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(at) = self.shown.find(text) {
                self.shown.drain(..at + text.len());
                return Ok(());
            }
            ensure!(
                self.read_until(deadline)?,
                "the terminal does not show {text:?}; it showed:\n{}",
                self.transcript
            );
        }
    }

    pub fn resize(&mut self, rows: u16, columns: u16) -> Result<()> {
        let size = size(rows, columns);
        // SAFETY: the descriptor is open and TIOCSWINSZ reads one winsize, which `size` is.
        let done =
            unsafe { libc::ioctl(self.master.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        ensure!(done == 0, "resizing: {}", std::io::Error::last_os_error());
        Ok(())
    }

    /// Waits for the end and returns the exit code.
    pub fn wait(mut self) -> Result<i32> {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(code_of(status));
            }
            if Instant::now() > deadline {
                bail!(
                    "the command has not ended; the terminal showed:\n{}",
                    self.transcript
                );
            }
            self.read_until(Instant::now() + Duration::from_millis(10))?;
        }
    }

    /// Reads what is shown next; false when nothing is shown in time or ever again.
    fn read_until(&mut self, deadline: Instant) -> Result<bool> {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, PollTimeout::try_from(left)?)? == 0 {
            return Ok(false);
        }
        let mut buffer = [0; 4096];
        // A terminal whose other side was closed fails with EIO.
        let count = self.master.read(&mut buffer).unwrap_or(0);
        let text = String::from_utf8_lossy(&buffer[..count]);
        self.shown.push_str(&text);
        self.transcript.push_str(&text);
        Ok(count > 0)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

/// A console that nobody types at.
pub fn console() -> Result<(File, OwnedFd)> {
    let pty = openpty(Some(&size(24, 80)), None).context("openpty")?;
    Ok((File::from(pty.master), pty.slave))
}
