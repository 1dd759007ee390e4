//! Which blobs are being copied: no blob twice at once, and so many at most, whichever images they are of.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::digest::Digest;

/// Shared by all copies to one place.
#[derive(Debug)]
pub struct UnderWay {
    most: usize,
    blobs: Mutex<HashSet<Digest>>,
    ended: Condvar,
}

/// A blob that nobody else copies meanwhile.
pub struct Begun<'a> {
    under_way: &'a UnderWay,
    digest: &'a Digest,
}

impl UnderWay {
    pub fn at_most(most: usize) -> Self {
        Self {
            most,
            blobs: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// How many blobs may be copied at once.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Waits until the blob can be begun. Whoever holds one begins no other.
    pub fn begin<'a>(&'a self, digest: &'a Digest) -> Begun<'a> {
        let mut blobs = self.blobs();
        while blobs.len() >= self.most || blobs.contains(digest) {
            blobs = self
                .ended
                .wait(blobs)
                .unwrap_or_else(PoisonError::into_inner);
        }
        blobs.insert(digest.clone());
        Begun {
            under_way: self,
            digest,
        }
    }

    fn blobs(&self) -> MutexGuard<'_, HashSet<Digest>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.under_way.blobs().remove(self.digest);
        self.under_way.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    #[test]
    fn no_blob_twice_and_no_more_than_are_allowed() {
        let under_way = UnderWay::at_most(2);
        let blobs: Vec<Digest> = (0..3u8).map(|n| Digest::sha256(&[n])).collect();
        let all = AtomicUsize::new(0);
        let each: Vec<AtomicUsize> = blobs.iter().map(|_| AtomicUsize::new(0)).collect();
        thread::scope(|scope| {
            for n in 0..12 {
                let (blob, this) = (&blobs[n % 3], &each[n % 3]);
                let (under_way, all) = (&under_way, &all);
                scope.spawn(move || {
                    let _begun = under_way.begin(blob);
                    assert!(all.fetch_add(1, Ordering::SeqCst) < 2);
                    assert_eq!(this.fetch_add(1, Ordering::SeqCst), 0);
                    thread::sleep(Duration::from_millis(2));
                    this.fetch_sub(1, Ordering::SeqCst);
                    all.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert!(under_way.blobs().is_empty());
    }
}
