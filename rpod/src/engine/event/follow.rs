//! The log file as it grows, over rotations.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::{Event, file};

/// The lines of the log from its beginning or from its end on.
#[derive(Debug)]
pub(super) struct Follow {
    path: PathBuf,
    watch: Inotify,
    log: BufReader<File>,
    /// A line whose end is not written yet.
    part: String,
    /// The last line that was read, or was there before: a log that was cut begins with lines that may have been read before.
    last: String,
}

impl Follow {
    pub(super) fn open(path: &Path, from_start: bool) -> Result<Follow> {
        let context = || format!("reading {}", path.display());
        file::prepare(path)?;
        let watch = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)
            .context("watching the event log")?;
        let mut log = file::open(path).with_context(context)?;
        watch
            .add_watch(
                path.parent().unwrap_or(Path::new("/")),
                AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_CREATE,
            )
            .with_context(context)?;
        let mut last = String::new();
        if !from_start {
            let text = io::read_to_string(&log).with_context(context)?;
            let end = text.rfind('\n').map_or(0, |end| end + 1);
            last = text[..end]
                .split_inclusive('\n')
                .next_back()
                .unwrap_or_default()
                .to_owned();
            log.seek(SeekFrom::Start(end as u64))
                .with_context(context)?;
        }
        Ok(Follow {
            path: path.to_owned(),
            watch,
            log: BufReader::new(log),
            part: String::new(),
            last,
        })
    }

    /// The next event that is there. A line that is none is told, and passed over.
    pub(super) fn next(&mut self) -> Result<Option<Event>> {
        loop {
            let read = self
                .log
                .read_line(&mut self.part)
                .with_context(|| format!("reading {}", self.path.display()))?;
            if !self.part.ends_with('\n') {
                if read == 0 && self.was_replaced()? {
                    continue;
                }
                return Ok(None);
            }
            let line = std::mem::take(&mut self.part);
            match serde_json::from_str::<Event>(&line) {
                Ok(event) => {
                    self.last = line;
                    return Ok(Some(event));
                }
                Err(error) => eprintln!(
                    "time=\"{}\" level=error msg=\"Failed to read event: {}: {error}\"",
                    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ"),
                    self.path.display()
                ),
            }
        }
    }

    /// Opens the log that has taken this one's place, all of which was read.
    fn was_replaced(&mut self) -> Result<bool> {
        let context = || format!("reading {}", self.path.display());
        let open = self.log.get_ref().metadata().with_context(context)?;
        let there = match fs::metadata(&self.path) {
            Ok(there) => there,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error).with_context(context),
        };
        if (open.ino(), open.dev()) == (there.ino(), there.dev()) {
            return Ok(false);
        }
        let mut log = file::open(&self.path).with_context(context)?;
        let text = io::read_to_string(&log).with_context(context)?;
        let known = match self.last.is_empty() {
            true => None,
            false => text.find(&self.last),
        };
        let next = known.map_or(0, |at| at + self.last.len());
        log.seek(SeekFrom::Start(next as u64))
            .with_context(context)?;
        self.log = BufReader::new(log);
        self.part.clear();
        Ok(true)
    }

    /// Waits until something may have been written, at most until then. False if it is then.
    pub(super) fn wait(&self, until: Option<Timestamp>) -> Result<bool> {
        let timeout = match until {
            None => PollTimeout::NONE,
            Some(until) => {
                let left = until.duration_since(Timestamp::now()).as_millis();
                if left <= 0 {
                    return Ok(false);
                }
                PollTimeout::try_from(left.min(3_600_000)).unwrap_or(PollTimeout::MAX)
            }
        };
        let mut fds = [PollFd::new(self.watch.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => return Ok(true),
            Ok(_) => {}
            Err(errno) => return Err(errno).context("waiting for events"),
        }
        match self.watch.read_events() {
            Ok(_) | Err(nix::errno::Errno::EAGAIN) => Ok(true),
            Err(errno) => Err(errno).context("watching the event log"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Kind;
    use super::*;

    #[test]
    fn every_event_is_seen_once_over_rotations() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events/events.log");
        let mut follow = Follow::open(&path, false).unwrap();
        let mut seen = Vec::new();
        for number in 0..300 {
            let mut event = Event::now(Kind::Volume, "create");
            event.name = number.to_string();
            file::append(&path, 2048, &event).unwrap();
            if number % 7 == 0 {
                while let Some(event) = follow.next().unwrap() {
                    seen.push(event);
                }
            }
        }
        while let Some(event) = follow.next().unwrap() {
            seen.push(event);
        }
        let names: Vec<String> = seen
            .into_iter()
            .filter(|event| event.kind == Kind::Volume)
            .map(|event| event.name)
            .collect();
        assert_eq!(names, (0..300).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}
