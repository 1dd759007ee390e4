//! The directory of one container.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use nix::sys::stat::Mode;

use super::{State, Status};
use crate::cgroup;

const STATE_FILE: &str = "state.json";
const FIFO: &str = "exec.fifo";
/// Its name while the container is being made.
const HIDDEN_FIFO: &str = ".exec.fifo";

/// One container's directory.
#[derive(Debug)]
pub(crate) struct Container {
    path: PathBuf,
    /// Held while the container is being changed.
    lock: Option<File>,
}

impl Container {
    /// The container there, for whoever only looks.
    pub(super) fn at(path: PathBuf) -> Container {
        Container { path, lock: None }
    }

    /// The container there, once nobody else changes it.
    ///
    /// # Errors
    /// The directory cannot be opened, or flock(2) fails.
    pub(super) fn lock(path: PathBuf) -> Result<Container> {
        let lock = File::open(&path).with_context(|| format!("open {}", path.display()))?;
        lock.lock()
            .with_context(|| format!("lock {}", path.display()))?;
        Ok(Container {
            path,
            lock: Some(lock),
        })
    }

    /// Let others change the container. To close the descriptor would not do:
    /// a process that is being born has a copy of it.
    ///
    /// # Errors
    /// flock(2) fails.
    pub(crate) fn unlock(&mut self) -> Result<()> {
        match self.lock.take() {
            Some(lock) => lock
                .unlock()
                .with_context(|| format!("unlock {}", self.path.display())),
            None => Ok(()),
        }
    }

    /// Record the state: a new file renamed over the old one.
    ///
    /// It is not synced to a disk: the record is about a process, and both end with the machine's
    /// run. What a machine that lost its power may leave, an empty file, is read as none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn save(&self, state: &State) -> Result<()> {
        let path = self.path.join(STATE_FILE);
        let fresh = self.path.join(".state.json");
        let write = || -> Result<()> {
            let mut file = File::options()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&fresh)?;
            file.write_all(&serde_json::to_vec(state)?)?;
            Ok(fs::rename(&fresh, &path)?)
        };
        write().with_context(|| format!("write {}", path.display()))
    }

    /// Read the record; `None` when a `create` was killed before it wrote one.
    ///
    /// # Errors
    /// The record is there but cannot be read.
    pub(crate) fn load(&self) -> Result<Option<State>> {
        let path = self.path.join(STATE_FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
        };
        if text.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        serde_json::from_slice(&text)
            .map(Some)
            .with_context(|| format!("read {}", path.display()))
    }

    /// The record of a container that is whole.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn state(&self) -> Result<State> {
        self.load()?
            .ok_or_else(|| anyhow!("container is half made: it can only be deleted"))
    }

    /// What the container is now.
    ///
    /// # Errors
    /// The freezer's state cannot be read.
    pub(crate) fn status(&self, state: &State) -> Result<Status> {
        if !state.is_alive() {
            let being_made = state.pid == 0 && self.lock.is_none() && self.is_locked();
            return Ok(if being_made {
                Status::Creating
            } else {
                Status::Stopped
            });
        }
        if self.path.join(HIDDEN_FIFO).exists() {
            return Ok(Status::Creating);
        }
        if cgroup::Manager::from_paths(state.cgroup_paths.clone()).is_frozen()? {
            return Ok(Status::Paused);
        }
        Ok(if self.fifo().exists() {
            Status::Created
        } else {
            Status::Running
        })
    }

    fn is_locked(&self) -> bool {
        let lock = File::open(&self.path).map(|directory| directory.try_lock());
        matches!(lock, Ok(Err(TryLockError::WouldBlock)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The fifo that holds the process back until `start`.
    pub(crate) fn fifo(&self) -> PathBuf {
        self.path.join(FIFO)
    }

    /// Make the fifo under another name, and open it so that reading from it
    /// waits.
    ///
    /// # Errors
    /// It cannot be made or opened.
    pub(crate) fn make_fifo(&self) -> Result<File> {
        let path = self.path.join(HIDDEN_FIFO);
        nix::unistd::mkfifo(&path, Mode::from_bits_truncate(0o600))
            .with_context(|| format!("mkfifo {}", path.display()))?;
        File::options()
            .read(true)
            .write(true)
            .open(&path)
            .with_context(|| format!("open {}", path.display()))
    }

    /// Give the fifo its name: the container is created.
    ///
    /// # Errors
    /// It cannot be renamed.
    pub(crate) fn show_fifo(&self) -> Result<()> {
        let path = self.fifo();
        fs::rename(self.path.join(HIDDEN_FIFO), &path)
            .with_context(|| format!("rename to {}", path.display()))
    }

    /// Remove the directory and all in it.
    ///
    /// # Errors
    /// Something cannot be removed.
    pub(crate) fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.path).with_context(|| format!("remove {}", self.path.display()))
    }
}
