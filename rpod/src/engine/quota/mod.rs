//! How much a directory may hold: the project quotas that XFS has, and few others: xfs_quota(8).
//!
//! The directory and all that comes to be in it belong to a project, which is a number that nothing else on the disk has; the kernel
//! keeps what is of the project below its limits. Such directories are in the homes of containers and volumes, which lie in one of a
//! few places, `ROOT/containers` or `ROOT/volumes`. Each place has ten thousand numbers: those that follow on its own project, where
//! an administrator gave it one, else some that hang on its inode. The kernel tells which of them are taken, so that nothing is
//! written down that could be lost or wrong.
//!
//! It is the kernel that is asked whether a disk can do it, and ext4 with the feature `project` can, too; there whoever has
//! CAP_SYS_RESOURCE, as root and privileged containers have, is not held back.

mod kernel;

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::{host, rootless};
use crate::output::warn;
use crate::store::Lock;

/// Limits; of what is 0 there may be any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quota {
    /// Bytes.
    pub size: u64,
    /// Files and directories, with those that are limited themselves.
    pub inodes: u64,
}

impl Quota {
    pub fn is_none(&self) -> bool {
        *self == Quota::default()
    }
}

/// Numbers that a place has.
const NUMBERS: u32 = 10_000;

/// What of a home is limited besides `work`, which has the number of `upper`. Its records are not: they can be written, whatever is full.
const LIMITED: [&str; 2] = ["upper", "_data"];

/// Limits what empty directories of a home may hold together. `options` is what the limits are asked for by.
pub fn limit(home: &Path, directories: &[&str], quota: &Quota, options: &str) -> Result<()> {
    let place = place(home);
    let failed = || format!("limiting what {} may hold", home.display());
    let disk = enforcing(place, options)?;
    let _choosing = lock(place)?;
    let project = match free(&disk, place) {
        // Root of a container is none of the host's.
        Err(error) if error.downcast_ref() == Some(&Errno::EPERM) => bail!(roots_alone(options)),
        project => project?,
    };
    for directory in directories {
        let directory = File::open(home.join(directory)).with_context(failed)?;
        kernel::join(&directory, project).with_context(failed)?;
    }
    kernel::set_limits(&disk, project, quota).with_context(failed)
}

/// Does to a limited directory what has to be done also if it is full. Nothing that is limited runs meanwhile; were this process killed,
/// the next one that does it sets the limits again.
pub fn while_unlimited<T>(
    home: &Path,
    directory: &str,
    quota: &Quota,
    options: &str,
    act: impl FnOnce() -> Result<T>,
) -> Result<T> {
    if quota.is_none() {
        return act();
    }
    let failed = || format!("limiting what {} may hold", home.display());
    let disk = enforcing(place(home), options)?;
    let directory = File::open(home.join(directory)).with_context(failed)?;
    let project = kernel::project(&directory).with_context(failed)?;
    if project == 0 || project == kernel::project(&disk).with_context(failed)? {
        bail!(
            "{} is not limited any more: it has no project of its own, as a copy has none: make it anew",
            home.display()
        );
    }
    kernel::set_limits(&disk, project, &Quota::default()).with_context(failed)?;
    let done = act();
    kernel::set_limits(&disk, project, quota).with_context(failed)?;
    done
}

/// The disk of a place, if limits are kept there.
fn enforcing(place: &Path, options: &str) -> Result<File> {
    if rootless() {
        bail!(roots_alone(options));
    }
    let looking = || format!("looking for quotas of {}", place.display());
    let disk = File::open(place).with_context(looking)?;
    if !kernel::is_enforced(&disk).with_context(looking)? {
        bail!(
            "{}: {} is on {}, which enforces none: {MOUNT}, or {TMPFS}",
            refusal(options),
            place.display(),
            host::file_system(place)?
        );
    }
    Ok(disk)
}

const MOUNT: &str = "mount XFS there with -o prjquota";
const TMPFS: &str = "use a volume of type=tmpfs with o=size=…";

/// In podman's words.
fn refusal(options: &str) -> String {
    format!("{options} not supported. Filesystem does not support Project Quota")
}

fn roots_alone(options: &str) -> String {
    let refusal = refusal(options);
    format!("{refusal}: only the host's root sets one: have root do it, or {TMPFS}")
}

/// Frees the number of what is limited in a home, which is about to be removed.
pub fn lift(home: &Path) {
    for directory in LIMITED {
        if let Err(error) = try_to_lift(place(home), &home.join(directory)) {
            // The limit of a number that nothing has keeps nobody from anything.
            warn(&format!(
                "lifting the limits of {}: {error:#}",
                home.display()
            ));
        }
    }
}

fn try_to_lift(place: &Path, directory: &Path) -> Result<()> {
    let directory = match File::open(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    // Not every file system knows of projects.
    let Ok(project) = kernel::project(&directory) else {
        return Ok(());
    };
    if project == 0 {
        return Ok(());
    }
    let disk = File::open(place)?;
    // One that is inherited, or was given by an administrator, is not ours.
    if numbers(&disk)?.contains(&project) && kernel::is_enforced(&disk)? {
        kernel::set_limits(&disk, project, &Quota::default())?;
    }
    Ok(())
}

/// Where all homes of this kind are.
fn place(home: &Path) -> &Path {
    home.parent().unwrap_or(home)
}

/// Held while a number is chosen.
fn lock(place: &Path) -> Result<Lock> {
    let path = place.join(".quota.lock");
    let mut options = OpenOptions::new();
    let made = options.create(true).append(true).mode(0o600).open(&path);
    made.with_context(|| format!("making {}", path.display()))?;
    Lock::exclusive(&path)
}

fn free(disk: &File, place: &Path) -> Result<u32> {
    let numbers = numbers(disk)?;
    let looking = || format!("looking for a free project in {}", place.display());
    for number in numbers.clone() {
        if kernel::is_free(disk, number).with_context(looking)? {
            return Ok(number);
        }
    }
    bail!(
        "all projects from {} to {} are taken: give {} another with \"xfs_quota -x -c 'project -s -p DIR NUMBER'\"",
        numbers.start(),
        numbers.end(),
        place.display()
    )
}

fn numbers(disk: &File) -> Result<RangeInclusive<u32>> {
    let own = kernel::project(disk).context("reading a project")?;
    let inode = disk.metadata().context("reading an inode")?.ino();
    Ok(numbers_after(own, inode))
}

fn numbers_after(own: u32, inode: u64) -> RangeInclusive<u32> {
    let places = u64::from(u32::MAX / NUMBERS - 1);
    let before = match own {
        // Below a place's first ones are those that people choose.
        0 => NUMBERS * u32::try_from(1 + inode % places).unwrap_or(1),
        own => own,
    };
    before.saturating_add(1)..=before.saturating_add(NUMBERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_numbers_of_their_own() {
        assert_eq!(numbers_after(100_000, 7), 100_001..=110_000);
        assert_eq!(numbers_after(u32::MAX, 7), u32::MAX..=u32::MAX);
        assert_eq!(numbers_after(0, 0), 10_001..=20_000);
        assert_eq!(numbers_after(0, 1), 20_001..=30_000);
        for inode in [u64::MAX, u64::from(u32::MAX), 429_495, 429_494, 429_493] {
            let numbers = numbers_after(0, inode);
            assert_eq!(numbers.end() - numbers.start(), NUMBERS - 1, "{inode}");
        }
    }
}
