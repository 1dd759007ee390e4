//! Two trees of files: the first thing in which one differs from the other.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::{Context as _, Result};

/// What is different below `found` from what is below `wanted`; nothing if they are alike.
pub(super) fn difference(wanted: &Path, found: &Path, inside: &Path) -> Result<Option<String>> {
    let stat = |path: &Path| {
        fs::symlink_metadata(path).with_context(|| format!("stat {}", path.display()))
    };
    let (a, b) = (stat(wanted)?, stat(found)?);
    let differs = |what: &str| Ok(Some(format!("{}: {what} differs", inside.display())));
    if a.file_type() != b.file_type() {
        return differs("the kind of file");
    }
    if (a.mode(), a.uid(), a.gid()) != (b.mode(), b.uid(), b.gid()) {
        return differs("owner or mode");
    }
    if a.is_dir() {
        return in_directory(wanted, found, inside);
    }
    if a.is_symlink() {
        let target = |path| fs::read_link(path).context("reading a symbolic link");
        return match target(wanted)? == target(found)? {
            true => Ok(None),
            false => differs("the target"),
        };
    }
    if a.file_type().is_char_device() || a.file_type().is_block_device() {
        return match a.rdev() == b.rdev() {
            true => Ok(None),
            false => differs("the device"),
        };
    }
    if a.is_file() && (a.len() != b.len() || !same_content(wanted, found)?) {
        return differs("the content");
    }
    Ok(None)
}

fn in_directory(wanted: &Path, found: &Path, inside: &Path) -> Result<Option<String>> {
    let (a, b) = (names(wanted)?, names(found)?);
    if let Some(name) = a.difference(&b).next() {
        return Ok(Some(format!("{} is missing", inside.join(name).display())));
    }
    if let Some(name) = b.difference(&a).next() {
        return Ok(Some(format!(
            "{} is not of the image",
            inside.join(name).display()
        )));
    }
    for name in &a {
        let difference = difference(&wanted.join(name), &found.join(name), &inside.join(name))?;
        if difference.is_some() {
            return Ok(difference);
        }
    }
    Ok(None)
}

fn names(directory: &Path) -> Result<BTreeSet<OsString>> {
    let context = || format!("listing {}", directory.display());
    let entries = fs::read_dir(directory).with_context(context)?;
    entries
        .map(|entry| Ok(entry.with_context(context)?.file_name()))
        .collect()
}

fn same_content(wanted: &Path, found: &Path) -> Result<bool> {
    let (mut a, mut b) = (open(wanted)?, open(found)?);
    let mut left = vec![0; 1 << 17];
    let mut right = vec![0; 1 << 17];
    loop {
        let size = a
            .read(&mut left)
            .with_context(|| format!("reading {}", wanted.display()))?;
        if size == 0 {
            return Ok(true);
        }
        // A disk that cannot give the file back is damage, not an error.
        if b.read_exact(&mut right[..size]).is_err() || left[..size] != right[..size] {
            return Ok(false);
        }
    }
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
        .with_context(|| format!("opening {}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_first_difference_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        for tree in [&a, &b] {
            fs::create_dir_all(tree.join("sub")).unwrap();
            fs::write(tree.join("sub/file"), "12345").unwrap();
            symlink("file", tree.join("sub/link")).unwrap();
        }
        let told = || difference(&a, &b, Path::new("/")).unwrap();
        assert_eq!(told(), None);
        fs::write(b.join("sub/file"), "12346").unwrap();
        assert_eq!(told().unwrap(), "/sub/file: the content differs");
        fs::remove_file(b.join("sub/file")).unwrap();
        assert_eq!(told().unwrap(), "/sub/file is missing");
        fs::write(b.join("more"), "").unwrap();
        assert_eq!(told().unwrap(), "/more is not of the image");
    }
}
