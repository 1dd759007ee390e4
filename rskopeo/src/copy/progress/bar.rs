//! One blob's line.

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use crate::digest::Digest;
use crate::manifest::Descriptor;

/// Without brackets, in columns, where there is room.
const BAR: usize = 30;
/// Where a terminal does not tell its width.
const WIDTH: usize = 80;

#[derive(Debug)]
pub(super) struct Bar {
    pub(super) digest: Digest,
    /// Bytes, of `size`.
    pub(super) done: u64,
    size: u64,
    began: Instant,
    /// When there was a line about it.
    pub(super) told: Instant,
}

impl Bar {
    pub(super) fn new(blob: &Descriptor) -> Self {
        let now = Instant::now();
        Self {
            digest: blob.digest.clone(),
            done: 0,
            size: blob.size,
            began: now,
            told: now,
        }
    }

    /// For a log: `Copying blob 0123456789ab: 12.3MiB of 45.6MiB (27%), 1.2MiB/s, 28s left`
    pub(super) fn line(&self) -> String {
        self.line_after(self.began.elapsed())
    }

    fn line_after(&self, elapsed: Duration) -> String {
        let (done, size) = (bytes(self.done), bytes(self.size));
        let percent = percent(self.done, self.size);
        let speed = speed(self.done, elapsed);
        let mut line = format!(
            "{}: {done} of {size} ({percent}%), {}/s",
            self.name(),
            bytes(speed)
        );
        if let Some(left) = self.seconds_left(speed) {
            line.push_str(&format!(", {left}s left"));
        }
        line
    }

    /// For a terminal of `width` columns.
    pub(super) fn picture(&self, width: usize) -> String {
        self.picture_after(self.began.elapsed(), width)
    }

    fn picture_after(&self, elapsed: Duration, width: usize) -> String {
        let speed = speed(self.done, elapsed);
        let mut told = format!(
            "{} / {} | {}/s",
            bytes(self.done),
            bytes(self.size),
            bytes(speed)
        );
        if let Some(left) = self.seconds_left(speed) {
            told.push_str(&format!(" {left}s"));
        }
        let name = self.name();
        // A line that wraps would be drawn over in part only.
        let room = width.saturating_sub(name.len() + told.len() + " [] ".len() + 1);
        let columns = room.min(BAR);
        let filled = columns * percent(self.done, self.size) as usize / 100;
        let head = if filled < columns { ">" } else { "" };
        let bar = format!("{}{head}", "=".repeat(filled));
        let mut line = format!("{name} [{bar:-<columns$}] {told}");
        line.truncate(width.saturating_sub(1));
        line
    }

    pub(super) fn ended(&self, how: &str) -> String {
        format!("{} {how}   | {}", self.name(), bytes(self.size))
    }

    fn name(&self) -> String {
        format!("Copying blob {}", &self.digest.hex()[..12])
    }

    fn seconds_left(&self, speed: u64) -> Option<u64> {
        (speed > 0).then(|| self.size.saturating_sub(self.done).div_ceil(speed))
    }
}

fn percent(done: u64, size: u64) -> u64 {
    done.saturating_mul(100)
        .checked_div(size)
        .unwrap_or(100)
        .min(100)
}

/// Bytes in a second.
fn speed(done: u64, elapsed: Duration) -> u64 {
    (done as f64 / elapsed.as_secs_f64().max(0.001)) as u64
}

fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["b", "KiB", "MiB", "GiB", "TiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1}{}", UNITS[unit])
}

/// In columns.
pub(super) fn terminal_width() -> usize {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: TIOCGWINSZ writes a winsize, which `size` is.
    let told = unsafe { libc::ioctl(io::stdout().as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    match told == 0 && size.ws_col > 0 {
        true => size.ws_col.into(),
        false => WIDTH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_how_far_how_fast_and_how_long() {
        let blob = Descriptor::new("", Digest::sha256(b""), 40 << 20);
        let mut bar = Bar::new(&blob);
        bar.done = 10 << 20;
        let elapsed = Duration::from_secs(5);
        assert_eq!(
            bar.line_after(elapsed),
            "Copying blob e3b0c44298fc: 10.0MiB of 40.0MiB (25%), 2.0MiB/s, 15s left"
        );
        assert_eq!(
            bar.picture_after(elapsed, 100),
            "Copying blob e3b0c44298fc [=======>----------------------] 10.0MiB / 40.0MiB | 2.0MiB/s 15s"
        );
        assert_eq!(
            bar.picture_after(elapsed, 80),
            "Copying blob e3b0c44298fc [====>-------------] 10.0MiB / 40.0MiB | 2.0MiB/s 15s"
        );
        assert_eq!(bar.picture_after(elapsed, 20).len(), 19);
        assert_eq!(
            bar.ended("done"),
            "Copying blob e3b0c44298fc done   | 40.0MiB"
        );
        bar.done = 0;
        assert!(bar.line_after(elapsed).ends_with("(0%), 0.0b/s"));
    }
}
