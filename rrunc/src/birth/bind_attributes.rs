//! The attributes of a bind mount, beside those of the mount that is bound.
//!
//! As in runc: where no option names an attribute, the copy keeps what its source has. Otherwise it has what the options set and
//! nothing else, but in a user namespace, where what the source has is locked: there that is kept, and an option that says the
//! opposite is refused. How times are kept is one question, and stays as it is unless an option chooses.

use std::os::fd::BorrowedFd;

use anyhow::{Context, Result, anyhow};
use libc::{
    MOUNT_ATTR__ATIME, MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODEV, MOUNT_ATTR_NODIRATIME,
    MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_RDONLY,
    MOUNT_ATTR_RELATIME, MOUNT_ATTR_STRICTATIME,
};
use nix::errno::Errno;
use nix::sys::statfs::{Statfs, fstatfs};
use nix::sys::statvfs::FsFlags;

use super::options::Options;
use crate::kernel::mount::{Attributes, set_attributes};

/// What a less powerful user namespace may not take from a mount.
const LOCKABLE: u64 = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

const TIMES: u64 = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;

/// Give the copy, attached nowhere yet, what the options ask for. `locked`: the container has a user namespace.
///
/// # Errors
/// An option would take a locked attribute away.
pub(super) fn set(tree: BorrowedFd<'_>, options: &Options, locked: bool) -> Result<()> {
    let asked = Asked::of(options);
    if options.own.is_empty() && !asked.times {
        return Ok(());
    }
    let told = "set the mount's attributes";
    if !locked {
        match set_attributes(tree, false, asked.alone()) {
            // They are locked all the same: this process is in a user namespace.
            Err(Errno::EPERM) => {}
            other => return other.context(told),
        }
    }
    let source = attributes_of(&fstatfs(tree).context("look at the mount")?);
    let change = asked
        .beside(source)
        .map_err(|lost| anyhow!("cannot clear locked flags {lost}: operation not permitted"))?;
    set_attributes(tree, false, change).context(told)
}

/// What the options say of the mount alone.
#[derive(Debug, Clone, Copy)]
struct Asked {
    set: u64,
    clear: u64,
    /// An option chooses how times are kept.
    times: bool,
}

impl Asked {
    fn of(options: &Options) -> Asked {
        Asked {
            set: options.own.set,
            clear: options.own.clear & LOCKABLE,
            times: options.chooses_times || options.own.set & MOUNT_ATTR_NODIRATIME != 0,
        }
    }

    /// What is set, and nothing of the source's.
    fn alone(self) -> Attributes {
        let all = LOCKABLE | MOUNT_ATTR_NOSYMFOLLOW;
        let (set, clear) = match self.times {
            true => (self.set, all | TIMES),
            false => (self.set & !TIMES, all),
        };
        Attributes {
            // The kinds of time are one field, which is cleared to be set.
            clear: clear & !(set & !MOUNT_ATTR__ATIME),
            set,
            propagation: 0,
        }
    }

    /// What is set and what the source has; else the names of what would be lost.
    fn beside(self, source: u64) -> Result<Attributes, String> {
        let mut lost = source & self.clear;
        if self.times && self.set & TIMES != source & TIMES {
            lost |= source & TIMES;
            if lost == 0 {
                return Err("relatime".to_owned());
            }
        }
        if lost != 0 {
            return Err(names(lost));
        }
        let all = Asked {
            set: self.set | source & LOCKABLE,
            times: false,
            ..self
        };
        Ok(all.alone())
    }
}

const NAMES: [(u64, FsFlags, &str); 6] = [
    (MOUNT_ATTR_RDONLY, FsFlags::ST_RDONLY, "ro"),
    (MOUNT_ATTR_NOSUID, FsFlags::ST_NOSUID, "nosuid"),
    (MOUNT_ATTR_NODEV, FsFlags::ST_NODEV, "nodev"),
    (MOUNT_ATTR_NOEXEC, FsFlags::ST_NOEXEC, "noexec"),
    (MOUNT_ATTR_NOATIME, FsFlags::ST_NOATIME, "noatime"),
    (MOUNT_ATTR_NODIRATIME, FsFlags::ST_NODIRATIME, "nodiratime"),
];

fn names(attributes: u64) -> String {
    let mut names: Vec<&str> = NAMES
        .iter()
        .filter(|(attribute, _, _)| attributes & attribute != 0)
        .map(|(_, _, name)| *name)
        .collect();
    if attributes & MOUNT_ATTR_STRICTATIME != 0 {
        names.push("strictatime");
    }
    names.join(",")
}

fn attributes_of(mount: &Statfs) -> u64 {
    let flags = mount.flags();
    let mut attributes = NAMES
        .iter()
        .filter(|(_, flag, _)| flags.contains(*flag))
        .fold(MOUNT_ATTR_RELATIME, |all, (attribute, _, _)| {
            all | attribute
        });
    if !flags.intersects(FsFlags::ST_NOATIME | FsFlags::ST_RELATIME) {
        attributes |= MOUNT_ATTR_STRICTATIME;
    }
    attributes
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn asked(options: &[&str]) -> Asked {
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        Asked::of(&Options::parse(&options).unwrap())
    }

    #[test]
    fn what_is_not_asked_for_is_cleared() {
        let change = asked(&["bind", "nosuid", "rw"]).alone();
        assert_eq!(change.set, MOUNT_ATTR_NOSUID);
        assert_eq!(
            change.clear,
            LOCKABLE & !MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOSYMFOLLOW
        );
    }

    #[test]
    fn times_stay_unless_one_is_chosen() {
        for option in ["atime", "norelatime", "nostrictatime", "diratime", "ro"] {
            assert_eq!(
                asked(&["bind", option]).alone().clear & TIMES,
                0,
                "{option}"
            );
        }
        for (option, set) in [
            ("noatime", MOUNT_ATTR_NOATIME),
            ("relatime", MOUNT_ATTR_RELATIME),
            ("strictatime", MOUNT_ATTR_STRICTATIME),
            ("nodiratime", MOUNT_ATTR_NODIRATIME),
        ] {
            let change = asked(&["bind", option]).alone();
            assert_eq!(
                (change.set, change.clear & MOUNT_ATTR__ATIME),
                (set, MOUNT_ATTR__ATIME)
            );
        }
    }

    #[test]
    fn what_is_locked_is_kept_or_refused() {
        let source = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME;
        let change = asked(&["bind", "nosuid"]).beside(source).unwrap();
        assert_eq!(
            change.set,
            MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID
        );
        assert_eq!(change.clear & TIMES, 0);
        assert_eq!(
            asked(&["bind", "rw", "dev"]).beside(source).unwrap_err(),
            "ro,nodev"
        );
        assert_eq!(
            asked(&["bind", "strictatime"]).beside(source).unwrap_err(),
            "noatime"
        );
        assert_eq!(
            asked(&["bind", "noatime"]).beside(0).unwrap_err(),
            "relatime"
        );
        asked(&["bind", "noatime"]).beside(source).unwrap();
        asked(&["bind", "exec", "suid"]).beside(source).unwrap();
    }
}
