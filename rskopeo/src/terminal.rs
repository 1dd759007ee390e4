//! Questions to whoever sits at the terminal.

use std::io::{self, Write};
use std::os::fd::AsFd;

use anyhow::{Context, Result};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

/// Reads a line without echo.
///
/// # Errors
/// Standard input is no terminal.
pub fn ask_hidden(prompt: &str) -> Result<String> {
    let stdin = io::stdin();
    let shown = tcgetattr(stdin.as_fd()).map_err(io::Error::from)?;
    let mut hidden = shown.clone();
    hidden.local_flags.remove(LocalFlags::ECHO);
    print!("{prompt}");
    io::stdout().flush()?;
    tcsetattr(stdin.as_fd(), SetArg::TCSAFLUSH, &hidden).context("hiding what is typed")?;
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    tcsetattr(stdin.as_fd(), SetArg::TCSANOW, &shown).context("showing again what is typed")?;
    println!();
    read?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
