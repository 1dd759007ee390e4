//! Directories and files that may not be there.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// What is in a directory, in no order; nothing where it is not there.
pub fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let listing = || format!("listing {}", directory.display());
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(listing)?,
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    paths.collect::<Result<_, _>>().with_context(listing)
}

/// Removes a directory with all that is in it, if it is there.
pub fn remove_tree(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Removes a file, if it is there.
pub fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_not_there_is_empty_and_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("some");
        assert!(entries(&path).unwrap().is_empty());
        fs::create_dir_all(path.join("inside")).unwrap();
        assert_eq!(entries(&path).unwrap(), [path.join("inside")]);
        for _ in 0..2 {
            remove_tree(&path).unwrap();
            assert!(!path.exists());
        }
        fs::write(&path, "").unwrap();
        assert!(entries(&path).is_err() && remove_tree(&path).is_err());
        for _ in 0..2 {
            remove_if_there(&path).unwrap();
            assert!(!path.exists());
        }
        assert!(remove_if_there(dir.path()).is_err());
    }
}
