//! Words of a mount of which only one can be meant.

use anyhow::{Result, bail};

use super::mount::Words;

/// Of `--mount`, and how podman calls them together.
const OF_MOUNT: [(&[&str], &str); 8] = [
    (
        &["readonly", "ro", "rw"],
        "'readonly', 'ro', or 'rw' mnt.Options",
    ),
    (&["nodev", "dev"], "'nodev' and 'dev' mnt.Options"),
    (&["noexec", "exec"], "'noexec' and 'exec' mnt.Options"),
    (&["nosuid", "suid"], "'nosuid' and 'suid' mnt.Options"),
    (&["noswap"], "'noswap' mnt.Options"),
    (&["relabel"], "'relabel' option"),
    (
        &["tmpcopyup", "notmpcopyup"],
        "'tmpcopyup' and 'notmpcopyup' mnt.Options",
    ),
    (&["U", "chown"], "'U' or 'chown' option"),
];

pub(super) fn of_mount(words: &Words) -> Result<()> {
    for (kind, called) in OF_MOUNT {
        let given = words.iter().filter(|(key, _)| kind.contains(key));
        if given.count() > 1 {
            bail!("cannot pass {called} more than once: must provide an argument for option");
        }
    }
    Ok(())
}

/// Of `--volume`.
const OF_VOLUME: [(&[&str], &str); 8] = [
    (&["noexec", "exec"], "'noexec' or 'exec'"),
    (&["nodev", "dev"], "'nodev' or 'dev'"),
    (&["nosuid", "suid"], "'nosuid' or 'suid'"),
    (&["rw", "ro"], "'rw' or 'ro'"),
    (&["z", "Z", "O"], "'z', 'Z', or 'O'"),
    (&["U"], "'U'"),
    (
        &[
            "private",
            "rprivate",
            "shared",
            "rshared",
            "slave",
            "rslave",
            "unbindable",
            "runbindable",
        ],
        "'[r]shared', '[r]private', '[r]slave' or '[r]unbindable'",
    ),
    (&["copy", "nocopy"], "'copy' or 'nocopy'"),
];

pub(super) fn of_volume(options: &[&str]) -> Result<()> {
    for (kind, called) in OF_VOLUME {
        let given = options.iter().filter(|option| kind.contains(option));
        if given.count() > 1 {
            let all = options.join(", ");
            bail!("invalid options {all:?}, can only specify 1 {called} option");
        }
    }
    Ok(())
}
