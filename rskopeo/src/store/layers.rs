//! Unpacked layers: made under a temporary name, renamed to their chainID when whole.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::syncfs;

use super::spread::spread;
use crate::digest::Digest;
use crate::fatal;
use crate::layer::{self, Extractor, Form, Limits, Options, Owners, Unsettled, Watcher};

const TEMPORARY: &str = ".tmp-";

/// The directory of unpacked layers.
#[derive(Clone, Debug)]
pub struct Layers {
    directory: PathBuf,
    owners: Owners,
}

/// A layer in the making; removed when dropped before [`Staged::commit`].
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
    /// Locked for as long as the layer is in the making.
    lock: File,
    owners: Owners,
    unsettled: Unsettled,
    done: bool,
}

impl Layers {
    pub fn at(directory: &Path) -> Self {
        let owners = if nix::unistd::geteuid().is_root() {
            Owners::Kept
        } else {
            Owners::Callers
        };
        Self {
            directory: directory.to_owned(),
            owners,
        }
    }

    /// The same, of files that are other people's than the layers say.
    pub fn owned(self, owners: Owners) -> Self {
        Self { owners, ..self }
    }

    /// Makes the directory if missing, and removes what killed processes have left in it.
    pub fn create(&self) -> Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(&self.directory)
            .with_context(|| format!("creating {}", self.directory.display()))?;
        spread(&self.directory);
        self.sweep()
    }

    pub fn has(&self, chain_id: &Digest) -> bool {
        self.path(chain_id).join("diff").is_dir()
    }

    /// Unpacks a layer's blob, of any compression, beside the others.
    /// With `diff_id`, the plain bytes are checked against it.
    pub fn unpack(
        &self,
        blob: impl Read + Send,
        diff_id: Option<&Digest>,
        limits: Limits,
    ) -> Result<Staged> {
        let mut staged = self.stage()?;
        staged.unpack(blob, diff_id, limits, None)?;
        Ok(staged)
    }

    /// A place for a layer, with nothing in it.
    pub fn stage(&self) -> Result<Staged> {
        loop {
            let directory = tempfile::Builder::new()
                .prefix(TEMPORARY)
                .tempdir_in(&self.directory)
                .with_context(|| {
                    format!(
                        "creating a temporary directory in {}",
                        self.directory.display()
                    )
                })?;
            let lock = File::open(directory.path())
                .with_context(|| format!("open {}", directory.path().display()))?;
            lock.lock()
                .with_context(|| format!("locking {}", directory.path().display()))?;
            // Another process may have swept it away between its making and its locking.
            if lock.metadata()?.nlink() > 0 {
                return Ok(Staged {
                    path: directory.keep(),
                    lock,
                    owners: self.owners.clone(),
                    unsettled: Unsettled::default(),
                    done: false,
                });
            }
        }
    }

    /// Removes temporary directories whose maker is gone.
    pub fn sweep(&self) -> Result<()> {
        let listing = fs::read_dir(&self.directory)
            .with_context(|| format!("listing {}", self.directory.display()))?;
        for entry in listing {
            let entry = entry.with_context(|| format!("listing {}", self.directory.display()))?;
            if !entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                continue;
            }
            match File::open(entry.path()) {
                Ok(directory) if directory.try_lock().is_ok() => remove_tree(&entry.path())?,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("open {}", entry.path().display()));
                }
            }
        }
        Ok(())
    }

    fn path(&self, chain_id: &Digest) -> PathBuf {
        self.directory.join(chain_id.hex())
    }
}

impl Staged {
    /// The layer's tree.
    pub fn diff(&self) -> PathBuf {
        self.path.join("diff")
    }

    /// Unpacks a blob into the tree, once.
    pub fn unpack(
        &mut self,
        blob: impl Read + Send,
        diff_id: Option<&Digest>,
        limits: Limits,
        watcher: Option<&mut dyn Watcher>,
    ) -> Result<()> {
        let diff = self.diff();
        fs::create_dir(&diff).with_context(|| format!("creating {}", diff.display()))?;
        // Whatever the caller's umask is; an entry for the root may change it.
        fs::set_permissions(&diff, Permissions::from_mode(0o755))
            .with_context(|| format!("chmod {}", diff.display()))?;
        let options = Options {
            form: Form::Overlay,
            owners: self.owners.clone(),
            limits,
        };
        let mut extractor = Extractor::new(open_directory(&diff)?, options);
        self.unsettled = layer::apply_watched(blob, diff_id, &mut extractor, watcher)?;
        for line in extractor.finish()? {
            fatal::warn(&line);
        }
        Ok(())
    }

    /// Whether nothing of the layers below is needed.
    pub fn stands_alone(&self) -> bool {
        self.unsettled.is_empty()
    }

    /// Makes up what the layers below have to tell, whose trees are `below`, the nearest first; then all of it is on the disk.
    pub fn settle(&mut self, below: impl Iterator<Item = PathBuf>) -> Result<()> {
        let unsettled = std::mem::take(&mut self.unsettled);
        if !unsettled.is_empty() {
            let lowers: Vec<OwnedFd> = below
                .map(|lower| open_directory(&lower))
                .collect::<Result<_>>()?;
            unsettled.settle(open_directory(&self.diff())?, &lowers)?;
        }
        syncfs(self.lock.as_fd()).with_context(|| format!("syncing {}", self.path.display()))
    }

    /// Gives the layer its name, after its bytes are on the disk. `below` are the chainIDs of the layers under it, the base first.
    pub fn commit(mut self, layers: &Layers, chain_id: &Digest, below: &[Digest]) -> Result<()> {
        let below = below.iter().rev();
        self.settle(below.map(|lower| layers.path(lower).join("diff")))?;
        let target = layers.path(chain_id);
        match fs::rename(&self.path, &target) {
            Ok(()) => self.done = true,
            // Another process was first with the same layer; ours is dropped.
            Err(_) if layers.has(chain_id) => {}
            Err(error) => {
                return Err(error).with_context(|| format!("renaming to {}", target.display()));
            }
        }
        let directory = open_directory(&layers.directory)?;
        nix::unistd::fsync(directory)
            .with_context(|| format!("syncing {}", layers.directory.display()))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.done
            && let Err(error) = remove_tree(&self.path)
        {
            fatal::warn(&format!("{error:#}"));
        }
    }
}

fn open_directory(path: &Path) -> Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
    open(path, flags, Mode::empty()).with_context(|| format!("open {}", path.display()))
}

fn remove_tree(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}
