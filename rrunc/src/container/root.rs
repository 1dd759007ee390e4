//! The root of all containers' directories.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use nix::unistd::geteuid;

use super::Container;
use crate::kernel::procfs;
use crate::security::seccomp::Cache;

/// The directory of all containers.
#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
    /// By `--root`, and so expected to be there.
    asked: bool,
}

/// Root of a user namespace that an ordinary user has entered: as runc tells
/// it, by the user's name and directory, which both stay the user's.
fn is_a_users_root() -> bool {
    std::env::var_os("XDG_RUNTIME_DIR").is_some()
        && std::env::var_os("USER").is_none_or(|name| name != "root")
        && procfs::in_user_namespace()
}

impl Root {
    /// `--root`, else `/run/rrunc`, else for an ordinary user, also one who
    /// is root of a user namespace, `$XDG_RUNTIME_DIR/rrunc`.
    ///
    /// # Errors
    /// An ordinary user without XDG_RUNTIME_DIR.
    pub(crate) fn choose(asked: Option<&Path>) -> Result<Root> {
        if let Some(asked) = asked {
            return Ok(Root {
                path: std::path::absolute(asked).context("--root")?,
                asked: true,
            });
        }
        if geteuid().is_root() && !is_a_users_root() {
            return Ok(Root {
                path: "/run/rrunc".into(),
                asked: false,
            });
        }
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").ok_or_else(|| {
            anyhow!("XDG_RUNTIME_DIR is not set: give the state directory with --root")
        })?;
        Ok(Root {
            path: Path::new(&runtime).join("rrunc"),
            asked: false,
        })
    }

    /// Make the directory of a new container, and lock it.
    ///
    /// # Errors
    /// The id is not a name, or is taken.
    pub(crate) fn create(&self, id: &str) -> Result<Container> {
        check_id(id)?;
        let path = self.path.join(id);
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        let made = match builder.create(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                builder
                    .recursive(true)
                    .create(&self.path)
                    .with_context(|| format!("mkdir {}", self.path.display()))?;
                builder.recursive(false).create(&path)
            }
            other => other,
        };
        match made {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                bail!("container with given ID already exists: {id}")
            }
            other => other.with_context(|| format!("mkdir {}", path.display()))?,
        }
        Container::lock(path.clone()).inspect_err(|_| drop(fs::remove_dir(&path)))
    }

    /// Where a container of this name is or would be.
    ///
    /// # Errors
    /// The id is not a name.
    pub(crate) fn directory_of(&self, id: &str) -> Result<PathBuf> {
        check_id(id)?;
        Ok(self.path.join(id))
    }

    /// Find a container, without its lock.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn find(&self, id: &str) -> Result<Container> {
        check_id(id)?;
        let path = self.path.join(id);
        ensure!(path.is_dir(), "container does not exist");
        Ok(Container::at(path))
    }

    /// Find a container and lock it, waiting for whoever changes it now.
    ///
    /// # Errors
    /// There is none, or it was deleted while waiting.
    pub(crate) fn find_locked(&self, id: &str) -> Result<Container> {
        let container = Container::lock(self.find(id)?.path().to_owned())?;
        ensure!(container.path().is_dir(), "container does not exist");
        Ok(container)
    }

    /// Where compiled filters are kept.
    pub(crate) fn filters(&self) -> Cache {
        Cache::under(&self.path)
    }

    /// The names of all containers, in order.
    ///
    /// # Errors
    /// The root cannot be read; that it is not there is no error, unless it was asked for.
    pub(crate) fn ids(&self) -> Result<Vec<String>> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound && !self.asked => {
                return Ok(Vec::new());
            }
            Err(error) => {
                return Err(error).with_context(|| format!("read {}", self.path.display()));
            }
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.with_context(|| format!("read {}", self.path.display()))?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                ids.extend(
                    entry
                        .file_name()
                        .into_string()
                        .ok()
                        .filter(|name| check_id(name).is_ok()),
                );
            }
        }
        ids.sort();
        Ok(ids)
    }
}

/// Names that are one path component, of runc's characters.
///
/// # Errors
/// The id is empty, `.` or `..`, or has another character.
fn check_id(id: &str) -> Result<()> {
    ensure!(!id.is_empty(), "container id cannot be empty");
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '-' | '.');
    ensure!(
        id.chars().all(allowed) && id != "." && id != "..",
        "invalid container ID format: {id:?}: use letters, digits, '_', '+', '-', '.'"
    );
    ensure!(
        id.len() <= 1024,
        "invalid container ID format: longer than 1024 bytes"
    );
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_one_path_component() {
        for id in ["a", "a.b-c_d+e", "..."] {
            check_id(id).unwrap();
        }
        for id in ["", ".", "..", "a/b", "a b", "é", "a\0"] {
            check_id(id).unwrap_err();
        }
    }

    #[test]
    fn a_container_without_a_record_is_half_made() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root {
            path: directory.path().join("root"),
            asked: false,
        };
        let container = root.create("c").unwrap();
        assert!(container.load().unwrap().is_none());
        assert!(
            root.create("c")
                .unwrap_err()
                .to_string()
                .starts_with("container with given ID already exists")
        );
        assert_eq!(root.ids().unwrap(), ["c"]);
        container.remove().unwrap();
        root.find("c").unwrap_err();
    }
}
