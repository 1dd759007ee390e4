//! What a download that broke off has brought: kept in a cache directory, so that the next run goes on from there.
//!
//! ```text
//! $XDG_CACHE_HOME/rskopeo/<hex of the blob's digest>   the first bytes of the blob, flock'ed by who downloads it
//! ```
//!
//! Only downloads that take long are kept: others are sooner had again than written twice. Nothing of a file is trusted; the reader
//! checks the digest of the whole, and a file that was part of a wrong whole is removed. One that is whole goes, too, unless the
//! copy has nothing else to show for it yet ([`UntilDone`]).

use std::env;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;

use super::{Client, Download, UntilDone};
use crate::digest::Digest;
use crate::manifest::Descriptor;

/// So many bytes tell how long a download takes, and wait in memory until then. One of fewer bytes is only kept whole.
const FIRST: usize = 1 << 20;
/// What is left has to take longer than this.
pub(super) const LONG: Duration = Duration::from_secs(2);
/// All files together, in bytes.
const MOST: u64 = 4 << 30;
/// A file that nobody came back for.
const OLDEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// A blob's bytes: those that are kept first, then those of the registry.
pub struct KeptDownload {
    digest: Digest,
    kept: Option<Kept>,
    rest: Rest,
    size: u64,
    read: u64,
    until_done: Arc<UntilDone>,
}

/// The registry is asked for the rest when all that is kept was read.
enum Rest {
    Waiting(Arc<Client>),
    Open(Download),
}

/// The file, or what may become one.
struct Kept {
    path: PathBuf,
    state: State,
}

enum State {
    /// Not known to take long yet.
    Undecided {
        /// When the first bytes came: a registry may think for a while before that.
        since: Instant,
        first: Vec<u8>,
    },
    /// Being read; what comes after it is appended.
    Reading(File),
    Writing(File),
}

impl KeptDownload {
    pub fn begin(
        client: &Arc<Client>,
        blob: &Descriptor,
        until_done: &Arc<UntilDone>,
    ) -> Result<Self> {
        // Of what has no size nobody could tell when it is whole.
        let directory = (blob.size > 0).then(directory).flatten();
        let kept = directory
            .map(|directory| Kept::of(&directory.join(blob.digest.hex()), blob.size))
            .filter(|kept| kept.is_there() || blob.size > FIRST as u64 || until_done.is_asked());
        let rest = match &kept {
            Some(kept) if kept.is_there() => Rest::Waiting(Arc::clone(client)),
            _ => Rest::Open(Download::begin(client, &blob.digest, 0)?),
        };
        Ok(Self {
            digest: blob.digest.clone(),
            kept,
            rest,
            size: blob.size,
            read: 0,
            until_done: Arc::clone(until_done),
        })
    }

    fn download(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Rest::Waiting(client) = &self.rest {
            let download = Download::begin(client, &self.digest, self.read);
            self.rest =
                Rest::Open(download.map_err(|error| io::Error::other(format!("{error:#}")))?);
        }
        match &mut self.rest {
            Rest::Open(download) => download.read(buffer),
            Rest::Waiting(..) => Ok(0),
        }
    }
}

impl Read for KeptDownload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(kept) = &mut self.kept
            && let State::Reading(file) = &mut kept.state
        {
            let n = file.read(buffer)?;
            self.read += n as u64;
            self.until_done.found(n as u64);
            if n > 0 || self.read >= self.size {
                return Ok(n);
            }
            kept.go_on();
        }
        let n = self.download(buffer)?;
        self.read += n as u64;
        if n > 0 {
            self.until_done.downloaded(n as u64);
            let left = self.size.saturating_sub(self.read);
            let kept = self.kept.take();
            self.kept = kept.and_then(|kept| kept.take(&buffer[..n], left, &self.until_done));
        }
        Ok(n)
    }
}

impl Drop for KeptDownload {
    /// A blob that has come whole, right or wrong, is kept only for a copy that needs it until it is done.
    fn drop(&mut self) {
        let Some(kept) = self.kept.take().filter(|_| self.read >= self.size) else {
            return;
        };
        let is_there = match &kept.state {
            State::Undecided { first, .. } => {
                self.until_done.takes_long() && create(&kept.path, first).is_ok()
            }
            State::Reading(_) | State::Writing(_) => true,
        };
        match is_there {
            true if self.until_done.is_asked() => {
                self.until_done.whole(self.digest.clone(), kept.path);
            }
            true => drop(fs::remove_file(&kept.path)),
            false => {}
        }
    }
}

impl Kept {
    fn of(path: &Path, size: u64) -> Self {
        let found = File::options().read(true).append(true).open(path).ok();
        let ours = found.filter(|file| file.try_lock().is_ok());
        let usable = ours.filter(|file| file.metadata().is_ok_and(|meta| meta.len() <= size));
        Self {
            path: path.to_owned(),
            state: match usable {
                Some(file) => State::Reading(file),
                None => State::Undecided {
                    since: Instant::now(),
                    first: Vec::new(),
                },
            },
        }
    }

    fn is_there(&self) -> bool {
        matches!(self.state, State::Reading(_))
    }

    /// All that was kept is read.
    fn go_on(&mut self) {
        let start = State::Undecided {
            since: Instant::now(),
            first: Vec::new(),
        };
        if let State::Reading(file) = std::mem::replace(&mut self.state, start) {
            self.state = State::Writing(file);
        }
    }

    /// Takes what was downloaded; so many bytes are left. None when the blob is not to be kept, or cannot be: that is no reason to
    /// stop.
    fn take(mut self, bytes: &[u8], left: u64, until_done: &UntilDone) -> Option<Self> {
        match &mut self.state {
            State::Writing(file) => file.write_all(bytes).ok()?,
            State::Reading(_) => {}
            State::Undecided { since, first } => {
                if first.is_empty() {
                    *since = Instant::now();
                }
                first.extend_from_slice(bytes);
                if first.len() >= FIRST {
                    let each = since.elapsed().as_secs_f64() / first.len() as f64;
                    let takes_long = left as f64 * each >= LONG.as_secs_f64();
                    if !takes_long && !until_done.takes_long() {
                        return None;
                    }
                    let file = create(&self.path, first).ok()?;
                    self.state = State::Writing(file);
                }
            }
        }
        Some(self)
    }
}

fn create(path: &Path, first: &[u8]) -> io::Result<File> {
    let directory = crate::atomic::directory_of(path);
    // What was downloaded with somebody's credentials is nobody else's.
    let mut private = fs::DirBuilder::new();
    private.recursive(true).mode(0o700).create(directory)?;
    sweep(directory)?;
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    // Somebody else downloads the same blob.
    file.try_lock().map_err(io::Error::other)?;
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(first)?;
    Ok(file)
}

/// Removes what is too old, and the oldest of what is too much. Files in use stay.
fn sweep(directory: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        if !meta.is_file() {
            continue;
        }
        files.push((meta.modified()?, meta.len(), entry.path()));
    }
    files.sort();
    let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
    let now = SystemTime::now();
    for (modified, size, path) in files {
        let age = now.duration_since(modified).unwrap_or_default();
        if age < OLDEST && total < MOST {
            continue;
        }
        let free = File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
        if free {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => total -= size,
            }
        }
    }
    Ok(())
}

/// None where there is no home.
pub(super) fn directory() -> Option<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("rskopeo"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_old_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["new", "old", "used"] {
            fs::write(path(name), name).unwrap();
        }
        let long_ago = SystemTime::now() - OLDEST - Duration::from_secs(1);
        let used = File::options().write(true).open(path("used")).unwrap();
        used.set_modified(long_ago).unwrap();
        used.lock().unwrap();
        let old = File::options().write(true).open(path("old")).unwrap();
        old.set_modified(long_ago).unwrap();
        drop(old);
        sweep(directory.path()).unwrap();
        assert!(path("new").exists() && path("used").exists() && !path("old").exists());
    }
}
