//! What nothing refers to any more, and what killed processes left half-made.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::store::directory::entries;
use crate::store::{Lock, id};

/// Remove what has an id for its name and is not kept, and what a killed process left half-made.
pub fn directory(path: &Path, kept: &BTreeSet<String>) -> Result<()> {
    for path in entries(path)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let half_made = name.starts_with(".tmp-");
        if !(half_made || id::is_whole(&name) && !kept.contains(&*name)) {
            continue;
        }
        if half_made && Lock::try_exclusive(&path)?.is_none() {
            continue;
        }
        remove(&path)?;
    }
    Ok(())
}

/// A directory first gets a name that says it is half-made: a removal cut short leaves no half layer.
pub fn remove(path: &Path) -> Result<()> {
    let context = || format!("removing {}", path.display());
    if !path.symlink_metadata().with_context(context)?.is_dir() {
        return fs::remove_file(path).with_context(context);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with(".tmp-") {
        return fs::remove_dir_all(path).with_context(context);
    }
    let doomed = path.with_file_name(format!(".tmp-{name}"));
    fs::rename(path, &doomed).with_context(context)?;
    fs::remove_dir_all(&doomed).with_context(context)
}
