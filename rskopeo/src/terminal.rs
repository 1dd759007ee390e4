//! What is told on stdout, and questions to whoever sits at the terminal.

use std::fmt::Arguments;
use std::io::{self, Write};
use std::os::fd::AsFd;

use anyhow::{Context, Result};
use nix::sys::signal::{SigHandler, Signal, raise, signal};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

/// Writes a line to stdout; see [`write`].
pub fn line(text: Arguments<'_>) -> Result<()> {
    write(format!("{text}\n").as_bytes())
}

/// Writes to stdout, at once. When nobody reads it any more, the process ends by SIGPIPE, as Go's programs do; other pipes and
/// sockets that break are errors like any other.
pub fn write(bytes: &[u8]) -> Result<()> {
    write_to(io::stdout().lock(), bytes).context("writing to stdout")
}

/// Writes a line to stderr in the same way. There is nobody to tell of an error.
pub fn complain(text: &str) {
    write_to(io::stderr().lock(), format!("{text}\n").as_bytes()).ok();
}

fn write_to(mut stream: impl Write, bytes: &[u8]) -> io::Result<()> {
    let written = stream.write_all(bytes).and_then(|()| stream.flush());
    if matches!(&written, Err(error) if error.kind() == io::ErrorKind::BrokenPipe) {
        // SAFETY: no handler of ours is replaced; Rust's start-up has set the signal to be ignored.
        unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }
            .and_then(|_| raise(Signal::SIGPIPE))
            .map_err(io::Error::from)?;
    }
    written
}

/// Reads a line without echo.
///
/// # Errors
/// Standard input is no terminal.
pub fn ask_hidden(prompt: &str) -> Result<String> {
    let stdin = io::stdin();
    let shown = tcgetattr(stdin.as_fd()).map_err(io::Error::from)?;
    let mut hidden = shown.clone();
    hidden.local_flags.remove(LocalFlags::ECHO);
    write(prompt.as_bytes())?;
    tcsetattr(stdin.as_fd(), SetArg::TCSAFLUSH, &hidden).context("hiding what is typed")?;
    let mut typed = String::new();
    let read = stdin.read_line(&mut typed);
    tcsetattr(stdin.as_fd(), SetArg::TCSANOW, &shown).context("showing again what is typed")?;
    line(format_args!(""))?;
    read?;
    Ok(typed.trim_end_matches(['\r', '\n']).to_owned())
}
