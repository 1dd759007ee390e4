//! Measuring directories of the store.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Bytes of the regular files below a directory, each inode once, however many links it has.
pub fn size(directory: &Path) -> Result<u64> {
    measure(directory, &mut BTreeSet::new())
}

fn measure(directory: &Path, seen: &mut BTreeSet<u64>) -> Result<u64> {
    let context = || format!("measuring {}", directory.display());
    let mut size = 0;
    for entry in fs::read_dir(directory).with_context(context)? {
        let entry = entry.with_context(context)?;
        let metadata = match entry.metadata() {
            // A container that runs may have removed it meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            metadata => metadata.with_context(context)?,
        };
        if metadata.is_dir() {
            size += measure(&entry.path(), seen)?;
        } else if metadata.is_file() && (metadata.nlink() == 1 || seen.insert(metadata.ino())) {
            size += metadata.len();
        }
    }
    Ok(size)
}
