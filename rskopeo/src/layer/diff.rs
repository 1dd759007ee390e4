//! What has become of a tree since it was described.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::stat::SFlag;

use super::error::Result;
use super::mtree::{Facts, Mtree, content_digest, facts};
use super::path::{clean, split};
use super::walk::{Found, Step, walk};

/// What a layer has to hold to make the new tree of the old one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New and changed files, by path.
    pub(super) changed: BTreeSet<Vec<u8>>,
    /// Files that are gone from directories that are still there.
    pub(super) removed: BTreeSet<Vec<u8>>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty()
    }
}

/// Compares the tree at `root` with what it was. What is below a path of `masked` does not count.
///
/// # Errors
/// Something of the tree cannot be read, or a masked path leads out of it.
pub fn changes(root: &OwnedFd, was: Mtree, masked: &[Vec<u8>]) -> Result<Changes> {
    let masked: Vec<Vec<u8>> = masked
        .iter()
        .map(|path| clean(path))
        .collect::<Result<_>>()?;
    let is_masked = |path: &[u8]| masked.iter().any(|mask| is_within(path, mask));
    let mut was = was.files;
    let mut directories = BTreeSet::new();
    let mut changes = Changes::default();
    walk(root.as_fd(), &mut |step| {
        let Step::At(found) = step else { return Ok(()) };
        if found.is(SFlag::S_IFDIR) {
            directories.insert(found.path.to_vec());
        }
        let is_new = match was.remove(found.path) {
            Some(facts) => has_changed(&facts, found)?,
            None => true,
        };
        if is_new && !is_masked(found.path) {
            changes.changed.insert(found.path.to_vec());
        }
        Ok(())
    })?;
    changes.removed = was
        .into_keys()
        .filter(|path| directories.contains(split(path).0) && !is_masked(path))
        .collect();
    Ok(changes)
}

/// Whether `path` is `mask` or below it.
fn is_within(path: &[u8], mask: &[u8]) -> bool {
    path.strip_prefix(mask)
        .is_some_and(|rest| mask.is_empty() || rest.is_empty() || rest.starts_with(b"/"))
}

fn has_changed(was: &Facts, found: &Found<'_>) -> Result<bool> {
    let is = facts(found)?;
    let told = |keyword: &str| was.contains_key(keyword) && is.contains_key(keyword);
    let differs = |keyword: &str| told(keyword) && was[keyword] != is[keyword];
    // A directory's size and number of links are its file system's own affair, a symlink has no mode.
    let compared: &[&str] = match is["type"].as_str() {
        "dir" => &["type", "uid", "gid", "mode", "tar_time"],
        "link" => &["type", "uid", "gid", "nlink", "tar_time", "link"],
        _ => &["type", "size", "uid", "gid", "mode", "nlink", "tar_time"],
    };
    if compared.iter().any(|keyword| differs(keyword)) || !attributes(was).eq(attributes(&is)) {
        return Ok(true);
    }
    Ok(match was.get("sha256digest") {
        Some(digest) => content_digest(found)?.is_some_and(|now| now != *digest),
        None => false,
    })
}

fn attributes(facts: &Facts) -> impl Iterator<Item = (&String, &String)> {
    facts
        .iter()
        .filter(|(keyword, _)| keyword.starts_with("xattr."))
}
