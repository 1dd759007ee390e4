//! What comes of an image whose copy has nothing to show for it before it is done, as an archive that is being written. Blobs
//! that have come whole stay in the cache directory until then, so that a copy that was killed is begun again with them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::kept::LONG;
use crate::digest::Digest;

/// The blobs of one image. Without [`expect`](Self::expect) nothing is kept.
#[derive(Debug, Default)]
pub struct UntilDone {
    blobs: Mutex<Blobs>,
}

#[derive(Debug, Default)]
struct Blobs {
    is_asked: bool,
    /// Bytes that are still to come.
    left: u64,
    downloaded: u64,
    /// When the first bytes came.
    since: Option<Instant>,
    whole: BTreeMap<Digest, Whole>,
}

#[derive(Debug)]
struct Whole {
    path: PathBuf,
    /// Its bytes were the promised ones.
    is_right: bool,
}

impl UntilDone {
    /// So many bytes more are to be kept.
    pub fn expect(&self, bytes: u64) {
        let mut blobs = self.blobs();
        blobs.is_asked = true;
        blobs.left = blobs.left.saturating_add(bytes);
    }

    pub(super) fn is_asked(&self) -> bool {
        self.blobs().is_asked
    }

    /// So many bytes have been downloaded.
    pub(super) fn downloaded(&self, bytes: u64) {
        let mut blobs = self.blobs();
        blobs.since.get_or_insert_with(Instant::now);
        blobs.downloaded += bytes;
        blobs.left = blobs.left.saturating_sub(bytes);
    }

    /// So many bytes had been kept by an earlier run.
    pub(super) fn found(&self, bytes: u64) {
        let mut blobs = self.blobs();
        blobs.left = blobs.left.saturating_sub(bytes);
    }

    /// Whether downloading all of it takes long enough to be worth the room.
    pub(super) fn takes_long(&self) -> bool {
        let blobs = self.blobs();
        blobs.is_asked
            && blobs
                .since
                .is_some_and(|since| blobs.all_take(since.elapsed()) >= LONG)
    }

    /// A blob lies at `path`, whole but not known to be right.
    pub(super) fn whole(&self, blob: Digest, path: PathBuf) {
        let is_right = false;
        self.blobs().whole.insert(blob, Whole { path, is_right });
    }

    /// The bytes of the blob were the promised ones.
    pub fn came(&self, blob: &Digest) {
        if let Some(whole) = self.blobs().whole.get_mut(blob) {
            whole.is_right = true;
        }
    }

    /// The copy is done.
    pub fn done(&self) {
        let mut blobs = self.blobs();
        for whole in std::mem::take(&mut blobs.whole).into_values() {
            fs::remove_file(whole.path).ok();
        }
    }

    fn blobs(&self) -> MutexGuard<'_, Blobs> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blobs {
    /// How long all downloads take together when they go on as in the time that has passed.
    fn all_take(&self, passed: Duration) -> Duration {
        let all = self.downloaded.saturating_add(self.left).max(1);
        let share = self.downloaded as f64 / all as f64;
        // What nobody has patience for is as good as for ever.
        Duration::try_from_secs_f64(passed.as_secs_f64() / share).unwrap_or(Duration::MAX)
    }
}

impl Drop for UntilDone {
    /// A copy that has failed may be tried again, but not with what was wrong.
    fn drop(&mut self) {
        self.blobs().whole.retain(|_, whole| !whole.is_right);
        self.done();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nothing_is_kept_that_nobody_asked_for() {
        let blobs = UntilDone::default();
        blobs.downloaded(1);
        assert!(!blobs.is_asked() && !blobs.takes_long());
        blobs.expect(u64::MAX - 1);
        std::thread::sleep(Duration::from_millis(1));
        assert!(blobs.is_asked() && blobs.takes_long());
    }

    #[test]
    fn the_time_is_told_from_what_has_passed() {
        let blobs = Blobs {
            downloaded: 10,
            left: 30,
            ..Blobs::default()
        };
        assert_eq!(
            blobs.all_take(Duration::from_secs(1)),
            Duration::from_secs(4)
        );
        assert_eq!(
            Blobs::default().all_take(Duration::from_secs(1)),
            Duration::MAX
        );
    }

    #[test]
    fn what_is_right_stays_until_it_is_done() {
        let directory = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = ["right", "wrong"]
            .map(|name| directory.path().join(name))
            .into();
        let begin = || {
            let blobs = UntilDone::default();
            for file in &files {
                fs::write(file, "x").unwrap();
                let name = file.to_string_lossy();
                blobs.whole(Digest::sha256(name.as_bytes()), file.clone());
            }
            let right = files[0].to_string_lossy();
            blobs.came(&Digest::sha256(right.as_bytes()));
            blobs
        };
        drop(begin());
        assert!(files[0].exists() && !files[1].exists());
        begin().done();
        assert!(!files[0].exists() && !files[1].exists());
    }
}
