//! The person's own terminal: raw while attached, as it was afterwards.

use std::io::{IsTerminal as _, Stdin};
use std::os::fd::AsFd as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

/// A terminal in raw mode; dropped, it is again what it was.
#[derive(Debug)]
pub struct Raw {
    stdin: Stdin,
    before: Termios,
}

impl Raw {
    /// Nothing when standard input is no terminal.
    pub fn enter() -> Result<Option<Raw>> {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(&stdin).context("reading the terminal's settings")?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(&stdin, SetArg::TCSANOW, &raw).context("setting the terminal raw")?;
        Ok(Some(Raw { stdin, before }))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Err(errno) = tcsetattr(self.stdin.as_fd(), SetArg::TCSANOW, &self.before) {
            eprintln!("rpod: the terminal could not be set back ({errno}): type `reset`");
        }
    }
}

/// Rows and columns of the person's terminal.
pub fn size() -> Option<(u16, u16)> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    for fd in [libc::STDIN_FILENO, libc::STDOUT_FILENO] {
        // SAFETY: TIOCGWINSZ writes one winsize to the pointer that it is given.
        if unsafe { libc::ioctl(fd, libc::TIOCGWINSZ, &mut size) } == 0 && size.ws_row > 0 {
            return Some((size.ws_row, size.ws_col));
        }
    }
    None
}

/// Tells conmon how large the terminal is, through the ctl fifo of the bundle.
pub fn resize(bundle: &Path) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let Some((rows, columns)) = size() else {
        return Ok(());
    };
    let path = bundle.join("ctl");
    // Without O_NONBLOCK a monitor that died would leave us waiting for a reader for ever.
    let opened = std::fs::OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(&path);
    let mut fifo = match opened {
        Ok(fifo) => fifo,
        // A quick container has ended, and its monitor with it: there is no terminal left to resize.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENXIO | libc::ENOENT)) => {
            return Ok(());
        }
        Err(error) => return Err(error).with_context(|| format!("opening {}", path.display())),
    };
    fifo.write_all(format!("1 {rows} {columns}\n").as_bytes())
        .with_context(|| format!("writing to {}", path.display()))
}
