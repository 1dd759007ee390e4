//! The fifos `ctl` and `winsz` in the bundle: `1 HEIGHT WIDTH` resizes the
//! terminal, `2 0 0` opens the log anew; `winsz` takes `HEIGHT WIDTH` alone.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::files::remove_if_there;
use crate::report;

/// Longest line that is looked at.
const LINE: usize = 199;
/// Most rows or columns of a terminal.
const SIZE_MAX: i64 = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: u16,
    pub(crate) columns: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Resize(Size),
    ReopenLogs,
}

/// A fifo, with a writer of our own so that it never comes to its end.
pub(crate) struct Fifo {
    pub(crate) reader: File,
    _writer: File,
    lines: Lines,
    parse: fn(&[u8]) -> Option<Command>,
}

impl Fifo {
    pub(crate) fn control(bundle: &Path) -> Result<Self> {
        Self::open(&bundle.join("ctl"), parse_control)
    }

    pub(crate) fn window_size(bundle: &Path) -> Result<Self> {
        Self::open(&bundle.join("winsz"), parse_window_size)
    }

    fn open(path: &Path, parse: fn(&[u8]) -> Option<Command>) -> Result<Self> {
        remove_if_there(path)?;
        mkfifo(path, Mode::from_bits_retain(0o660))
            .with_context(|| format!("Failed to mkfifo at {}", path.display()))?;
        let nonblocking = OFlag::O_NONBLOCK.bits();
        let open = |options: &mut std::fs::OpenOptions| {
            options
                .custom_flags(nonblocking)
                .open(path)
                .with_context(|| format!("cannot open {}", path.display()))
        };
        let reader = open(File::options().read(true))?;
        let writer = open(File::options().write(true))?;
        Ok(Self {
            reader,
            _writer: writer,
            lines: Lines::default(),
            parse,
        })
    }

    /// Reads what is there and calls `act` for every good line of it.
    pub(crate) fn serve(&mut self, mut act: impl FnMut(Command)) {
        let mut buffer = [0; 512];
        // Nothing there, or interrupted: poll comes back to it.
        let Ok(length) = self.reader.read(&mut buffer) else {
            return;
        };
        let parse = self.parse;
        self.lines
            .feed(&buffer[..length], |line| match parse(line) {
                Some(command) => act(command),
                None => report::warn(format_args!(
                    "invalid control message: {}",
                    String::from_utf8_lossy(line)
                )),
            });
    }
}

/// Cuts bytes into lines; a line that is too long is dropped as a whole.
struct Lines {
    buffer: [u8; LINE],
    length: usize,
    overlong: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            buffer: [0; LINE],
            length: 0,
            overlong: false,
        }
    }
}

impl Lines {
    fn feed(&mut self, bytes: &[u8], mut line: impl FnMut(&[u8])) {
        for &byte in bytes {
            if byte == b'\n' {
                if !self.overlong {
                    line(&self.buffer[..self.length]);
                }
                (self.length, self.overlong) = (0, false);
            } else if self.length == LINE {
                self.overlong = true;
            } else {
                self.buffer[self.length] = byte;
                self.length += 1;
            }
        }
    }
}

fn parse_control(line: &[u8]) -> Option<Command> {
    let ([kind, rows, columns], _) = numbers(line)?;
    // conmon wants a sensible size even where it is not used.
    let size = size(rows, columns)?;
    match kind {
        1 => Some(Command::Resize(size)),
        2 => Some(Command::ReopenLogs),
        _ => None,
    }
}

fn parse_window_size(line: &[u8]) -> Option<Command> {
    let ([rows, columns], _) = numbers(line)?;
    size(rows, columns).map(Command::Resize)
}

fn size(rows: i64, columns: i64) -> Option<Size> {
    let fits = |n: i64| (0..=SIZE_MAX).contains(&n).then_some(n as u16);
    Some(Size {
        rows: fits(rows)?,
        columns: fits(columns)?,
    })
}

/// N decimal numbers and what follows them, as scanf's `%d` reads them.
fn numbers<const N: usize>(line: &[u8]) -> Option<([i64; N], &[u8])> {
    let mut rest = line;
    let mut result = [0; N];
    for slot in &mut result {
        rest = rest.trim_ascii_start();
        let sign = usize::from(matches!(rest.first(), Some(b'-' | b'+')));
        let digits = rest[sign..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (number, tail) = rest.split_at(sign + digits);
        *slot = std::str::from_utf8(number).ok()?.parse().ok()?;
        rest = tail;
    }
    Some((result, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resize(rows: u16, columns: u16) -> Option<Command> {
        Some(Command::Resize(Size { rows, columns }))
    }

    #[test]
    fn good_lines() {
        assert_eq!(parse_control(b"1 24 80"), resize(24, 80));
        assert_eq!(parse_control(b"1 2 2 3"), resize(2, 2));
        assert_eq!(parse_control(b"1 0010 0020"), resize(10, 20));
        assert_eq!(parse_control(b"2 0 0"), Some(Command::ReopenLogs));
        assert_eq!(parse_window_size(b"24 80"), resize(24, 80));
    }

    #[test]
    fn bad_lines() {
        for line in [
            "",
            "foo",
            "999",
            "999 2 2",
            "1 2",
            "1 -1 -1",
            "1 10.5 20.3",
            "1 0x10 0x20",
            "1 1001 1",
            "1 1 65535",
            "1 99999999999999999999 1",
        ] {
            assert_eq!(parse_control(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn lines_across_reads_and_overlong_ones() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        let long = [b'#'; 1000];
        for part in [&b"1 2"[..], b" 3\n2 0", b" 0\n", &long, b"\n1 1 1\n"] {
            lines.feed(part, |line| seen.push(line.to_vec()));
        }
        assert_eq!(seen, [&b"1 2 3"[..], b"2 0 0", b"1 1 1"]);
    }
}
