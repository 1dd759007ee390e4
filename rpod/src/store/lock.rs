//! flock on a directory or file: held while the value lives, given back by the kernel when the process dies.

use std::fs::{File, TryLockError};
use std::path::Path;

use anyhow::{Context as _, Result};

#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "held for its lock, which ends with it")] File);

impl Lock {
    /// Waits until nobody else holds the lock.
    pub fn exclusive(path: &Path) -> Result<Lock> {
        let file = open(path)?;
        file.lock()
            .with_context(|| format!("locking {}", path.display()))?;
        Ok(Lock(file))
    }

    /// Waits until nobody holds the lock exclusively.
    pub fn shared(path: &Path) -> Result<Lock> {
        let file = open(path)?;
        file.lock_shared()
            .with_context(|| format!("locking {} shared", path.display()))?;
        Ok(Lock(file))
    }

    /// The lock if it is free now, nothing if somebody holds it.
    pub fn try_exclusive(path: &Path) -> Result<Option<Lock>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("locking {}", path.display()))
            }
        }
    }
}

fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| format!("opening {} to lock it", path.display()))
}
