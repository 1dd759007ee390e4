//! The k8s-file log: `TIME STREAM F|P TEXT`, one entry a line (CRI logging).
//!
//! A batch of output is formatted into one buffer and written at once. Where a
//! write fails (the disk is full), the file is cut back to its last whole line,
//! the container goes on, and the loss is counted; once there is room again the
//! log says how much is missing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::driver::FilePlan;
use super::entry::{self, ENTRY_MAX, Entry};
use super::timestamp::{Clock, LENGTH};
use crate::files::beside;
use crate::report;
use crate::streams::Stream;

/// Bytes formatted before they are written.
const BUFFER: usize = 512 * 1024;
const MODE: u32 = 0o640;

/// Bytes before an entry's text: `TIME STREAM F `.
const HEAD: usize = LENGTH + b" stdout F ".len();
/// Where the F or P of an entry stands.
const TAG: usize = HEAD - 2;

pub(crate) struct K8sFile {
    file: File,
    path: PathBuf,
    size_max: Option<u64>,
    global_size_max: Option<u64>,
    rotate: Option<u32>,
    /// Bytes in the file, those in `pending` included.
    size: u64,
    /// Bytes logged in all.
    total: u64,
    pending: Vec<u8>,
    clock: Clock,
    /// Entries that could not be written and have not been told of yet.
    lost: u64,
}

impl K8sFile {
    pub(crate) fn open(plan: &FilePlan) -> Result<Self> {
        let file = create(&plan.path, false)
            .with_context(|| format!("Failed to open log file {}", plan.path.display()))?;
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        Ok(Self {
            file,
            path: plan.path.clone(),
            size_max: plan.size_max,
            global_size_max: plan.global_size_max,
            rotate: plan.rotate,
            size,
            total: size,
            pending: Vec::new(),
            clock: Clock::new(),
            lost: 0,
        })
    }

    pub(crate) fn write(&mut self, stream: Stream, bytes: &[u8]) {
        self.pending.reserve_exact(BUFFER);
        let mut head = head(self.clock.now(), stream);
        let mut rest = bytes;
        while let Some(entry) = entry::next(&mut rest) {
            if self.global_size_max.is_some_and(|max| self.total >= max) {
                break;
            }
            head[TAG] = if entry.partial { b'P' } else { b'F' };
            self.append(&head, &entry);
        }
        self.flush();
    }

    fn append(&mut self, head: &[u8; HEAD], entry: &Entry<'_>) {
        let length = HEAD + entry.content.len() + usize::from(entry.partial);
        // An entry that fits no file has one for itself.
        if self
            .size_max
            .is_some_and(|max| self.size > 0 && self.size + length as u64 > max)
        {
            self.flush();
            self.turn_over();
        }
        if self.pending.len() + length > BUFFER {
            self.flush();
        }
        self.pending.extend_from_slice(head);
        self.pending.extend_from_slice(entry.content);
        if entry.partial {
            self.pending.push(b'\n');
        }
        self.size += length as u64;
        self.total += length as u64;
    }

    /// Writes what is pending.
    fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        if self.lost > 0 && !self.tell_loss() {
            self.lose(0);
            return;
        }
        let (written, result) = write_all(&mut self.file, &self.pending);
        match result {
            Ok(()) => self.pending.clear(),
            Err(error) => {
                report::warn(format_args!(
                    "cannot write {}: {error}",
                    self.path.display()
                ));
                self.lose(written);
            }
        }
    }

    /// Says in the log that entries are missing; false if there is no room yet.
    fn tell_loss(&mut self) -> bool {
        let now = String::from_utf8_lossy(self.clock.now()).into_owned();
        let lost = self.lost;
        let line = format!("{now} stderr F [conmon: {lost} log entries lost: no space]\n");
        let (written, result) = write_all(&mut self.file, line.as_bytes());
        if result.is_err() {
            self.cut_back(written);
            return false;
        }
        self.size += line.len() as u64;
        self.total += line.len() as u64;
        self.lost = 0;
        true
    }

    /// Counts what of `pending` is lost after `written` bytes, and removes a
    /// torn entry.
    fn lose(&mut self, written: usize) {
        let whole = memchr::memrchr(b'\n', &self.pending[..written]).map_or(0, |at| at + 1);
        self.lost += memchr::memchr_iter(b'\n', &self.pending[whole..]).count() as u64;
        self.cut_back(written - whole);
        self.size -= (self.pending.len() - whole) as u64;
        self.total -= (self.pending.len() - whole) as u64;
        self.pending.clear();
    }

    /// Takes the file's last `excess` bytes away again.
    fn cut_back(&self, excess: usize) {
        if excess == 0 {
            return;
        }
        let cut = self.file.metadata().and_then(|metadata| {
            self.file
                .set_len(metadata.len().saturating_sub(excess as u64))
        });
        if let Err(error) = cut {
            report::warn(format_args!("cannot cut {}: {error}", self.path.display()));
        }
    }

    /// Goes on in an empty file under the same name: the old one is kept as
    /// NAME.1 where rotation is asked for, and dropped otherwise. If that fails,
    /// the log goes on in the old file.
    pub(crate) fn turn_over(&mut self) {
        let result = match self.rotate {
            Some(keep) => rotate(&self.path, keep),
            None => replace(&self.path),
        };
        match result {
            Ok(file) => {
                self.file = file;
                self.size = 0;
            }
            Err(error) => {
                report::warn(format_args!(
                    "cannot turn over {}: {error}",
                    self.path.display()
                ));
                self.size = 0;
            }
        }
    }

    /// Gives memory back until the next write.
    pub(crate) fn release(&mut self) {
        self.pending = Vec::new();
    }

    pub(crate) fn sync(&mut self) {
        if let Err(error) = self.file.sync_all() {
            report::warn(format_args!("cannot sync {}: {error}", self.path.display()));
        }
    }
}

/// The start of a whole entry, which is the same for all of a batch.
fn head(time: &[u8; LENGTH], stream: Stream) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    let (start, rest) = head.split_at_mut(LENGTH);
    start.copy_from_slice(time);
    rest.copy_from_slice(match stream {
        Stream::Stdout => b" stdout F ",
        Stream::Stderr => b" stderr F ",
    });
    head
}

/// Appends, so that another program may truncate the file meanwhile.
fn create(path: &Path, exclusive: bool) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .create_new(exclusive)
        .mode(MODE)
        .open(path)
}

/// An empty file in the place of the old one, in one step.
fn replace(path: &Path) -> io::Result<File> {
    let file = fresh(&beside(path, b".tmp"))?;
    fs::rename(beside(path, b".tmp"), path)?;
    Ok(file)
}

/// NAME.N-1 becomes NAME.N and so on, NAME becomes NAME.1. The new file is made
/// first: without it nothing is moved.
fn rotate(path: &Path, keep: u32) -> io::Result<File> {
    let numbered = |n: u32| beside(path, format!(".{n}").as_bytes());
    let temporary = beside(path, b".new");
    let file = fresh(&temporary)?;
    for n in (1..keep).rev() {
        rename_if_there(&numbered(n), &numbered(n + 1))?;
    }
    rename_if_there(path, &numbered(1))?;
    fs::rename(&temporary, path)?;
    Ok(file)
}

/// A new file; what an interrupted turn left there is removed.
fn fresh(path: &Path) -> io::Result<File> {
    match create(path, true) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            create(path, true)
        }
        result => result,
    }
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// How many bytes went out, and why not all.
fn write_all(file: &mut File, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

const _: () = assert!(ENTRY_MAX + 64 < BUFFER, "an entry fits the buffer");

#[cfg(test)]
#[path = "k8s_file_tests.rs"]
mod tests;
