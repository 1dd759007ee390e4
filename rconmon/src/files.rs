//! Small files that others wait for: whole or not there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// How much a reader may rely on the file after a crash of the host.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Only as long as the host runs.
    Volatile,
    /// On the disk before the name appears.
    Synced,
}

/// Puts `content` under `path` by rename, so that no reader sees a part of it.
pub(crate) fn write_whole(path: &Path, content: &[u8], durability: Durability) -> Result<()> {
    let temporary = beside(path, format!(".{}.tmp", std::process::id()).as_bytes());
    let written = (|| -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(content)?;
        if durability == Durability::Synced {
            file.sync_all()?;
        }
        drop(file);
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // It may never have been created; the first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// `path` with `suffix` after its last byte.
pub(crate) fn beside(path: &Path, suffix: &[u8]) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(std::ffi::OsStr::from_bytes(suffix));
    PathBuf::from(name)
}

/// Removes `path`; that it is not there is no error.
pub(crate) fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn replaces_whole_and_leaves_nothing_beside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("exit");
        for content in ["137", "0"] {
            write_whole(&path, content.as_bytes(), Durability::Synced).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn names_the_file_it_cannot_write() {
        let error = write_whole(Path::new("/no/such/dir/x"), b"", Durability::Volatile);
        assert!(format!("{:#}", error.unwrap_err()).contains("/no/such/dir/x"));
    }
}
