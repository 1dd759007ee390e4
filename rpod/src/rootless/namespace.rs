//! User namespaces and their maps.

use std::fs;
use std::io::Write as _;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::identity::Identity;
use super::ranges::{self, Range, SUBGID, SUBUID};

/// A run of ids: `size` of them, from `inside` in the namespace and from `outside` around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMap {
    pub inside: u32,
    pub outside: u32,
    pub size: u32,
}

/// The map of this process's user namespace: `uid_map` or `gid_map`.
pub fn own_map(kind: &str) -> Result<Vec<IdMap>> {
    map_of("self", kind)
}

/// That of a process, as it is seen from here.
pub fn map_of(process: &str, kind: &str) -> Result<Vec<IdMap>> {
    let path = format!("/proc/{process}/{kind}");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    Ok(parse(&text))
}

fn parse(text: &str) -> Vec<IdMap> {
    let map = |line: &str| {
        let mut fields = line.split_ascii_whitespace().map(str::parse);
        let mut next = || fields.next()?.ok();
        Some(IdMap {
            inside: next()?,
            outside: next()?,
            size: next()?,
        })
    };
    text.lines().filter_map(map).collect()
}

/// Whether this is another user namespace than the machine's first.
pub(super) fn is_mapped() -> bool {
    let first = [IdMap {
        inside: 0,
        outside: 0,
        size: u32::MAX,
    }];
    own_map("uid_map").is_ok_and(|map| map != first)
}

/// What an id of this namespace is around it.
pub(super) fn outside_of(kind: &str, inside: u32) -> Option<u32> {
    let maps = own_map(kind).ok()?;
    maps.iter().find_map(|map| {
        let offset = inside.checked_sub(map.inside)?;
        (offset < map.size).then(|| map.outside + offset)
    })
}

/// Which ids a user's namespace has.
#[derive(Debug)]
pub(super) enum Ids {
    /// The user as root, and after it the subordinate ids.
    Ranges { uids: Vec<Range>, gids: Vec<Range> },
    /// The user as root alone.
    Single,
}

impl Ids {
    pub(super) fn of(identity: Identity) -> Result<Ids> {
        let uids = ranges::of_user(SUBUID, identity.uid)?;
        let gids = ranges::of_user(SUBGID, identity.uid)?;
        if uids.is_empty() || gids.is_empty() {
            return Ok(Ids::Single);
        }
        Ok(Ids::Ranges { uids, gids })
    }

    /// Maps them into the namespace of a process that has just entered it.
    pub(super) fn write(&self, pid: Pid, identity: Identity) -> Result<()> {
        match self {
            Ids::Ranges { uids, gids } => {
                run_helper("newgidmap", pid, identity.gid, gids, SUBGID)?;
                run_helper("newuidmap", pid, identity.uid, uids, SUBUID)
            }
            Ids::Single => {
                // The kernel's condition for a group map without a helper.
                write(pid, "setgroups", "deny")?;
                write(pid, "gid_map", &format!("0 {} 1\n", identity.gid))?;
                write(pid, "uid_map", &format!("0 {} 1\n", identity.uid))
            }
        }
    }
}

fn run_helper(program: &str, pid: Pid, own: u32, ranges: &[Range], file: &str) -> Result<()> {
    let mut command = Command::new(program);
    command
        .arg(pid.to_string())
        .args(["0", &own.to_string(), "1"]);
    let mut inside = 1u32;
    for range in ranges {
        let numbers = [inside, range.start, range.count];
        command.args(numbers.map(|number| number.to_string()));
        inside = match inside.checked_add(range.count) {
            Some(next) => next,
            None => bail!("{file}: the ranges are more ids than there are"),
        };
    }
    let output = command.output().with_context(|| {
        format!(
            "starting {program}, which maps the ids of {file}: install it (Debian: package uidmap)"
        )
    })?;
    if !output.status.success() {
        bail!(
            "{program} failed: {}: is it setuid root, and are the ranges of {file} as they should be?",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

fn write(pid: Pid, file: &str, text: &str) -> Result<()> {
    let path = format!("/proc/{pid}/{file}");
    let written = fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("writing {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_as_the_kernel_shows_them() {
        let text = "         0       1000          1\n         1     100000      65536\n";
        let map = |inside, outside, size| IdMap {
            inside,
            outside,
            size,
        };
        assert_eq!(parse(text), [map(0, 1000, 1), map(1, 100_000, 65536)]);
    }
}
