//! A mount's options: which belong to the mount, which to the file system.

use anyhow::{Result, bail};
use libc::{
    MOUNT_ATTR__ATIME, MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODEV, MOUNT_ATTR_NODIRATIME,
    MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_RDONLY,
    MOUNT_ATTR_RELATIME, MOUNT_ATTR_STRICTATIME, MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE,
};

use crate::kernel::mount::Attributes;

/// Options sorted by who acts on them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// Bind instead of making a file system; with `true` also what is mounted
    /// below.
    pub(super) bind: Option<bool>,
    /// For this mount alone.
    pub(super) own: Attributes,
    /// An option chose how this mount keeps times, and none took that back.
    pub(super) chooses_times: bool,
    /// For this mount and those below it.
    pub(super) recursive: Attributes,
    /// Changes of propagation in order; with `true` also of mounts below.
    pub(super) propagation: Vec<(u64, bool)>,
    /// Parameters of the file system: `size=1m`, or `nr_inodes` alone.
    pub(super) data: Vec<(String, Option<String>)>,
    /// Fill the tmpfs with what it hides.
    pub(super) copy_up: bool,
    /// Map ids; with `true` also of mounts below.
    pub(super) map_ids: Option<bool>,
    /// A source that is a symbolic link is made anew in the container, and not followed.
    pub(super) copy_symlink: bool,
}

impl Options {
    /// Sort the options; of two that contradict, the later holds.
    ///
    /// # Errors
    /// `remount`, which this runtime does not do.
    pub(super) fn parse(options: &[String]) -> Result<Options> {
        let mut parsed = Options::default();
        for option in options {
            parsed.add(option)?;
        }
        Ok(parsed)
    }

    fn add(&mut self, option: &str) -> Result<()> {
        if let Some(change) = attribute(option) {
            change.apply(&mut self.own);
            if change.clear & MOUNT_ATTR__ATIME != 0 {
                self.chooses_times = matches!(option, "noatime" | "relatime" | "strictatime");
            }
        } else if let Some(change) = option.strip_prefix('r').and_then(attribute) {
            change.apply(&mut self.recursive);
        } else if let Some(kind) = propagation(option) {
            self.propagation.push((kind, false));
        } else if let Some(kind) = option.strip_prefix('r').and_then(propagation) {
            self.propagation.push((kind, true));
        } else {
            match option {
                "bind" => self.bind = Some(self.bind.unwrap_or(false)),
                "rbind" => self.bind = Some(true),
                "idmap" => self.map_ids = Some(false),
                "ridmap" => self.map_ids = Some(true),
                "tmpcopyup" => self.copy_up = true,
                "copy-symlink" => self.copy_symlink = true,
                // The kernel's defaults, and what only quiets its log.
                "" | "defaults" | "loud" | "silent" => {}
                "remount" => bail!("option \"remount\" is not supported"),
                _ => self.data.push(parameter(option)),
            }
        }
        Ok(())
    }

    /// The value of a parameter of the file system.
    pub(super) fn has(&self, key: &str) -> bool {
        self.data.iter().any(|(name, _)| name == key)
    }

    /// The attributes a new mount starts with, for fsmount(2).
    pub(super) fn initial(&self) -> u64 {
        self.own.set | self.recursive.set
    }
}

fn parameter(option: &str) -> (String, Option<String>) {
    match option.split_once('=') {
        Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
        None => (option.to_owned(), None),
    }
}

/// Attributes that an option sets and clears.
#[derive(Debug, Clone, Copy)]
struct Change {
    set: u64,
    clear: u64,
}

impl Change {
    fn apply(self, attributes: &mut Attributes) {
        attributes.set = attributes.set & !self.clear | self.set;
        // The three kinds of atime are one field: it is cleared to be set.
        let field = self.set & MOUNT_ATTR__ATIME != 0;
        attributes.clear = attributes.clear & !self.set | self.clear;
        if field {
            attributes.clear |= MOUNT_ATTR__ATIME;
        }
    }
}

fn attribute(option: &str) -> Option<Change> {
    let on = |flag| Change {
        set: flag,
        clear: 0,
    };
    let off = |flag| Change {
        set: 0,
        clear: flag,
    };
    let atime = |kind| Change {
        set: kind,
        clear: MOUNT_ATTR__ATIME,
    };
    Some(match option {
        "ro" => on(MOUNT_ATTR_RDONLY),
        "rw" => off(MOUNT_ATTR_RDONLY),
        "nosuid" => on(MOUNT_ATTR_NOSUID),
        "suid" => off(MOUNT_ATTR_NOSUID),
        "nodev" => on(MOUNT_ATTR_NODEV),
        "dev" => off(MOUNT_ATTR_NODEV),
        "noexec" => on(MOUNT_ATTR_NOEXEC),
        "exec" => off(MOUNT_ATTR_NOEXEC),
        "nodiratime" => on(MOUNT_ATTR_NODIRATIME),
        "diratime" => off(MOUNT_ATTR_NODIRATIME),
        "nosymfollow" => on(MOUNT_ATTR_NOSYMFOLLOW),
        "symfollow" => off(MOUNT_ATTR_NOSYMFOLLOW),
        "noatime" => atime(MOUNT_ATTR_NOATIME),
        "strictatime" => atime(MOUNT_ATTR_STRICTATIME),
        "atime" | "relatime" | "norelatime" | "nostrictatime" => atime(MOUNT_ATTR_RELATIME),
        _ => return None,
    })
}

fn propagation(option: &str) -> Option<u64> {
    Some(match option {
        "private" => MS_PRIVATE,
        "shared" => MS_SHARED,
        "slave" => MS_SLAVE,
        "unbindable" => MS_UNBINDABLE,
        _ => return None,
    })
}

/// The propagation of a whole tree: `rslave`, and whether it is recursive.
pub(super) fn tree_propagation(name: &str) -> Result<(u64, bool)> {
    let found = propagation(name).map(|kind| (kind, false));
    match found.or_else(|| {
        name.strip_prefix('r')
            .and_then(propagation)
            .map(|kind| (kind, true))
    }) {
        Some(found) => Ok(found),
        None => bail!(
            "linux.rootfsPropagation: {name:?} is none of [r]private, [r]shared, [r]slave, [r]unbindable"
        ),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(options: &[&str]) -> Options {
        Options::parse(
            &options
                .iter()
                .map(|&option| option.to_owned())
                .collect::<Vec<_>>(),
        )
        .unwrap()
    }

    #[test]
    fn the_later_option_holds() {
        assert_eq!(
            parse(&["ro", "rw"]).own,
            Attributes {
                set: 0,
                clear: MOUNT_ATTR_RDONLY,
                propagation: 0
            }
        );
        assert_eq!(
            parse(&["rw", "ro"]).own,
            Attributes {
                set: MOUNT_ATTR_RDONLY,
                clear: 0,
                propagation: 0
            }
        );
        let times = parse(&["noatime", "strictatime"]).own;
        assert_eq!(
            (times.set, times.clear),
            (MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME)
        );
    }

    #[test]
    fn options_go_to_who_acts_on_them() {
        let options = parse(&["rbind", "rro", "rslave", "nosuid", "size=64k", "mode=1777"]);
        assert_eq!(options.bind, Some(true));
        assert_eq!(options.recursive.set, MOUNT_ATTR_RDONLY);
        assert_eq!(options.propagation, [(MS_SLAVE, true)]);
        assert_eq!(options.own.set, MOUNT_ATTR_NOSUID);
        assert_eq!(
            options.data,
            [
                ("size".into(), Some("64k".into())),
                ("mode".into(), Some("1777".into()))
            ]
        );
    }

    #[test]
    fn names_that_begin_with_r_are_not_taken_for_recursive() {
        assert_eq!(parse(&["relatime"]).recursive, Attributes::default());
        assert_eq!(parse(&["ro"]).recursive, Attributes::default());
        assert_eq!(parse(&["rbind", "bind"]).bind, Some(true));
    }

    proptest! {
        #[test]
        fn nothing_is_both_set_and_cleared_but_the_atime_field(
            words in proptest::collection::vec("(r?(ro|rw|no(suid|dev|exec|atime)|suid|dev|exec|atime|strictatime))|[a-z=0-9]{0,8}", 0..12)
        ) {
            prop_assume!(!words.iter().any(|word| word == "remount"));
            let options = Options::parse(&words).unwrap();
            for attributes in [options.own, options.recursive] {
                prop_assert_eq!(attributes.set & attributes.clear & !MOUNT_ATTR__ATIME, 0);
            }
        }
    }
}
