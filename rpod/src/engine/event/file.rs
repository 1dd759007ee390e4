//! The log file: a line of JSON an event, appended by one write.
//!
//! Writers hold the file's flock shared, whoever cuts it to its newer half holds it exclusively. A writer that finds the file it
//! has open replaced opens the new one, so no event goes to a file that nobody reads.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Event, Kind};
use crate::store::id;

/// The attribute of the two events that enclose what a rotation has kept.
const ROTATION: &str = "io.podman.event.rotate";

/// Appends an event; a file that would grow beyond `max_size` bytes is cut first.
pub(super) fn append(path: &Path, max_size: u64, event: &Event) -> Result<()> {
    let context = || format!("writing {}", path.display());
    let mut line = serde_json::to_vec(event).context("encoding an event")?;
    line.push(b'\n');
    loop {
        let mut file = open(path).with_context(context)?;
        file.lock_shared().with_context(context)?;
        let found = file.metadata().with_context(context)?;
        if found.nlink() == 0 {
            continue;
        }
        if found.len() > 0 && found.len() + line.len() as u64 >= max_size {
            drop(file);
            rotate(path, max_size).with_context(|| format!("rotating {}", path.display()))?;
            file = open(path).with_context(context)?;
            file.lock_shared().with_context(context)?;
            if file.metadata().with_context(context)?.nlink() == 0 {
                continue;
            }
        }
        return file.write_all(&line).with_context(context);
    }
}

/// Makes the log and its directory if they are not there. True if the directory was made: the machine runs anew.
pub(super) fn prepare(path: &Path) -> Result<bool> {
    let Some(directory) = path.parent() else {
        return Ok(false);
    };
    if directory.exists() {
        return Ok(false);
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("making {}", directory.display()))?;
    Ok(true)
}

pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

/// Keeps the newer half between two events that say so.
fn rotate(path: &Path, max_size: u64) -> Result<()> {
    let mut old = open(path)?;
    old.lock()?;
    let found = old.metadata()?;
    // Somebody else may have done it while we waited.
    if found.nlink() == 0 || found.len() < max_size / 2 {
        return Ok(());
    }
    let half = path.with_file_name(format!(
        "{}.tmp-{}",
        path.file_name().unwrap_or_default().to_string_lossy(),
        id::short(&id::new()?)
    ));
    let written = (|| -> Result<()> {
        let mut new = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&half)?;
        old.seek(SeekFrom::Start(found.len() / 2))?;
        let mut kept = BufReader::new(&old);
        kept.read_until(b'\n', &mut Vec::new())?;
        new.write_all(&mark(path, "begin")?)?;
        io::copy(&mut kept, &mut new)?;
        new.write_all(&mark(path, "end")?)?;
        Ok(fs::rename(&half, path)?)
    })();
    if written.is_err() {
        // What failed is the error.
        let _ = fs::remove_file(&half);
    }
    written
}

fn mark(path: &Path, which: &str) -> Result<Vec<u8>> {
    let mut event = Event::now(Kind::System, "log-rotation");
    event.name = path.display().to_string();
    event.attributes = Some([(ROTATION.to_owned(), which.to_owned())].into());
    let mut line = serde_json::to_vec(&event)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_full_log_keeps_its_newer_half_and_every_line_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.log");
        for number in 0..200 {
            let mut event = Event::now(Kind::Volume, "create");
            event.name = format!("v{number}");
            append(&path, 4096, &event).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.len() < 4096 + 400, "{}", text.len());
        let events: Vec<Event> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(events.last().unwrap().name, "v199");
        assert_eq!(events[0].status, "log-rotation");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn many_writers_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.log");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    for number in 0..50 {
                        let mut event = Event::now(Kind::Volume, "create");
                        event.name = format!("{writer}-{number}");
                        append(path, 100_000, &event).unwrap();
                    }
                });
            }
        });
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 200);
    }
}
