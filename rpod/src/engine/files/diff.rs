//! What a layer changes of the layers below it.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{FileStat, Mode};

use super::pack::{OPAQUE, is_opaque, is_whiteout};
use super::{is_dir, kind, look};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Changed,
    Added,
    Deleted,
}

#[derive(Debug)]
pub struct Change {
    pub kind: Kind,
    /// From the root.
    pub path: PathBuf,
}

/// What the top layer (a directory in overlayfs form) adds to, changes of and hides from the lower ones, lowest first.
pub fn of_layer(top: &Path, lower: &[PathBuf]) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    let dir = open_dir(AT_FDCWD, top.as_os_str())
        .with_context(|| format!("opening {}", top.display()))?;
    walk_layer(dir, Path::new("/"), lower, &mut changes)?;
    Ok(changes)
}

fn walk_layer(
    dir: OwnedFd,
    path: &Path,
    lower: &[PathBuf],
    changes: &mut Vec<Change>,
) -> Result<()> {
    let failed = || format!("reading {}", path.display());
    let opaque = is_opaque(&dir).with_context(failed)?;
    let (stream, mut names) = list(dir).with_context(failed)?;
    names.retain(|name| name.as_bytes() != OPAQUE);
    for name in &names {
        let Some(stat) = look(&stream, name).with_context(failed)? else {
            continue;
        };
        let path = path.join(name);
        let before = below(lower, &path)?;
        if is_whiteout(&stat) {
            if before.is_some() {
                changes.push(Change {
                    kind: Kind::Deleted,
                    path,
                });
            }
            continue;
        }
        let kind = if before.is_some() {
            Kind::Changed
        } else {
            Kind::Added
        };
        changes.push(Change {
            kind,
            path: path.clone(),
        });
        if is_dir(&stat) {
            let sub = open_dir(&stream, name).with_context(failed)?;
            walk_layer(sub, &path, lower, changes)?;
        }
    }
    if opaque {
        for name in names_below(lower, path)? {
            if !names.contains(&name) {
                changes.push(Change {
                    kind: Kind::Deleted,
                    path: path.join(name),
                });
            }
        }
    }
    Ok(())
}

/// What the layers below have at a path, by overlayfs's rules.
fn below(lower: &[PathBuf], path: &Path) -> Result<Option<FileStat>> {
    for layer in lower.iter().rev() {
        match in_layer(layer, path)
            .with_context(|| format!("reading {} in {}", path.display(), layer.display()))?
        {
            Found::Here(stat) => return Ok(Some(stat)),
            Found::Hidden => return Ok(None),
            Found::Deeper => {}
        }
    }
    Ok(None)
}

enum Found {
    Here(FileStat),
    /// This layer hides what is below it.
    Hidden,
    Deeper,
}

fn in_layer(layer: &Path, path: &Path) -> Result<Found, Errno> {
    let mut dir = open_dir(AT_FDCWD, layer.as_os_str())?;
    let names: Vec<&OsStr> = path.iter().skip(1).collect();
    let mut hides = false;
    for (at, name) in names.iter().enumerate() {
        let Some(stat) = look(&dir, name)? else {
            return Ok(if hides { Found::Hidden } else { Found::Deeper });
        };
        if is_whiteout(&stat) {
            return Ok(Found::Hidden);
        }
        if at + 1 == names.len() {
            return Ok(Found::Here(stat));
        }
        if !is_dir(&stat) {
            return Ok(Found::Hidden);
        }
        dir = open_dir(&dir, name)?;
        hides |= is_opaque(&dir)?;
    }
    Ok(Found::Deeper)
}

/// The names that the layers below have in a directory.
fn names_below(lower: &[PathBuf], path: &Path) -> Result<Vec<OsString>> {
    let mut found: Vec<OsString> = Vec::new();
    for layer in lower.iter().rev() {
        let inside = layer.join(path.strip_prefix("/").unwrap_or(path));
        let Ok(dir) = open_dir(AT_FDCWD, inside.as_os_str()) else {
            continue;
        };
        let (_, names) = list(dir).with_context(|| format!("listing {}", inside.display()))?;
        for name in names {
            if below(lower, &path.join(&name))?.is_some() && !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What differs between two trees: `new` seen from `old`.
pub fn of_trees(new: &Path, old: &Path) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    let open = |path: &Path| {
        open_dir(AT_FDCWD, path.as_os_str()).with_context(|| format!("opening {}", path.display()))
    };
    walk_trees(open(new)?, open(old)?, Path::new("/"), &mut changes)?;
    Ok(changes)
}

fn walk_trees(new: OwnedFd, old: OwnedFd, path: &Path, changes: &mut Vec<Change>) -> Result<()> {
    let failed = || format!("comparing {}", path.display());
    let (new, new_names) = list(new).with_context(failed)?;
    let (old, old_names) = list(old).with_context(failed)?;
    let mut names = [new_names, old_names].concat();
    names.sort();
    names.dedup();
    for name in names {
        let path = path.join(&name);
        match (
            look(&new, &name).with_context(failed)?,
            look(&old, &name).with_context(failed)?,
        ) {
            (Some(now), Some(before)) => {
                let at = changes.len();
                if is_dir(&now) && is_dir(&before) {
                    let (now, before) = (
                        open_dir(&new, &name).with_context(failed)?,
                        open_dir(&old, &name).with_context(failed)?,
                    );
                    walk_trees(now, before, &path, changes)?;
                }
                if changes.len() > at || differ(&now, &before) {
                    changes.insert(
                        at,
                        Change {
                            kind: Kind::Changed,
                            path,
                        },
                    );
                }
            }
            (Some(now), None) => {
                changes.push(Change {
                    kind: Kind::Added,
                    path: path.clone(),
                });
                if is_dir(&now) {
                    walk_layer(
                        open_dir(&new, &name).with_context(failed)?,
                        &path,
                        &[],
                        changes,
                    )?;
                }
            }
            (None, Some(_)) => changes.push(Change {
                kind: Kind::Deleted,
                path,
            }),
            (None, None) => {}
        }
    }
    Ok(())
}

fn differ(a: &FileStat, b: &FileStat) -> bool {
    let of = |stat: &FileStat| (stat.st_mode, stat.st_uid, stat.st_gid, stat.st_rdev);
    // The size and time of a directory tell of its entries, which are compared themselves.
    let content = |stat: &FileStat| (stat.st_size, stat.st_mtime);
    of(a) != of(b) || kind(a) != kind(b) || !is_dir(a) && content(a) != content(b)
}

fn open_dir(dir: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(dir, name, flags, Mode::empty())
}

/// The directory's names in order.
fn list(dir: OwnedFd) -> Result<(Dir, Vec<OsString>), Errno> {
    let mut stream = Dir::from_fd(dir)?;
    let mut names = Vec::new();
    for entry in stream.iter() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name.to_vec()));
        }
    }
    names.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    Ok((stream, names))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    fn told(changes: &[Change]) -> Vec<String> {
        changes
            .iter()
            .map(|change| format!("{:?} {}", change.kind, change.path.display()))
            .collect()
    }

    #[test]
    fn a_layer_against_those_below() {
        let dir = tempfile::tempdir().unwrap();
        let (low, top) = (dir.path().join("low"), dir.path().join("top"));
        fs::create_dir_all(low.join("etc")).unwrap();
        fs::write(low.join("etc/a"), "").unwrap();
        fs::create_dir_all(top.join("etc")).unwrap();
        fs::write(top.join("etc/a"), "x").unwrap();
        fs::write(top.join("etc/b"), "").unwrap();
        let changes = of_layer(&top, std::slice::from_ref(&low)).unwrap();
        assert_eq!(
            told(&changes),
            ["Changed /etc", "Changed /etc/a", "Added /etc/b"]
        );
        let changes = of_trees(&top, &low).unwrap();
        assert_eq!(
            told(&changes),
            ["Changed /etc", "Changed /etc/a", "Added /etc/b"]
        );
        assert_eq!(
            told(&of_trees(&low, &top).unwrap()).last().unwrap(),
            "Deleted /etc/b"
        );
    }
}
