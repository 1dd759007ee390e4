//! Who runs: the image's `User`, looked up in the rootfs's own `/etc/passwd` and `/etc/group` (image-spec conversion.md).

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{BorrowedFd, OwnedFd};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

/// A larger passwd or group file is refused, in bytes.
const FILE_LIMIT: u64 = 16 << 20;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) additional_gids: Vec<u32>,
    pub(super) home: String,
}

/// Resolves `user[:group]`, each a name or a number.
pub(super) fn resolve(spec: &str, rootfs: BorrowedFd<'_>) -> Result<User> {
    let passwd = read(rootfs, "etc/passwd")?;
    let group = read(rootfs, "etc/group")?;
    find(spec, &passwd, &group).with_context(|| format!("cannot resolve the image's user {spec:?}"))
}

fn find(spec: &str, passwd: &str, group: &str) -> Result<User> {
    let (name, group_name) = match spec.split_once(':') {
        Some((name, group)) => (name, Some(group).filter(|group| !group.is_empty())),
        None => (spec, None),
    };
    let name = if name.is_empty() { "0" } else { name };
    let entry = passwd
        .lines()
        .map(fields)
        .find(|entry| names(entry, name) && entry.len() >= 4);
    let mut user = match &entry {
        Some(entry) => User {
            uid: entry[2]
                .parse()
                .with_context(|| format!("user id {:?} in /etc/passwd", entry[2]))?,
            gid: entry[3]
                .parse()
                .with_context(|| format!("group id {:?} in /etc/passwd", entry[3]))?,
            additional_gids: Vec::new(),
            home: entry.get(5).copied().unwrap_or_default().to_owned(),
        },
        None => User {
            uid: number(name, "user", "/etc/passwd")?,
            home: "/".to_owned(),
            ..User::default()
        },
    };
    let groups = || group.lines().map(fields).filter(|entry| entry.len() >= 3);
    if let Some(group_name) = group_name {
        user.gid = match groups().find(|entry| names(entry, group_name)) {
            Some(entry) => entry[2]
                .parse()
                .with_context(|| format!("group id {:?} in /etc/group", entry[2]))?,
            None => number(group_name, "group", "/etc/group")?,
        };
    } else if let Some(login) = entry.as_ref().map(|entry| entry[0]) {
        user.additional_gids = groups()
            .filter(|entry| {
                entry
                    .get(3)
                    .is_some_and(|members| members.split(',').any(|member| member == login))
            })
            .filter_map(|entry| entry[2].parse().ok())
            .collect();
    }
    Ok(user)
}

fn fields(line: &str) -> Vec<&str> {
    line.trim().split(':').collect()
}

/// Whether the line is the one of that name or number.
fn names(entry: &[&str], wanted: &str) -> bool {
    entry.first() == Some(&wanted)
        || (wanted.bytes().all(|byte| byte.is_ascii_digit()) && entry.get(2) == Some(&wanted))
}

fn number(name: &str, kind: &str, file: &str) -> Result<u32> {
    match name.parse::<u32>() {
        Ok(id) if id < u32::MAX => Ok(id),
        _ => bail!("no {kind} {name:?} in the image's {file}"),
    }
}

/// The file as the container sees it; empty when there is none.
fn read(rootfs: BorrowedFd<'_>, path: &str) -> Result<String> {
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let file: OwnedFd = match openat2(rootfs, path, how) {
        Ok(file) => file,
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(String::new()),
        Err(errno) => return Err(errno).with_context(|| format!("open the image's /{path}")),
    };
    let file = File::from(file);
    if !file.metadata()?.is_file() {
        bail!("the image's /{path} is not a file");
    }
    let mut bytes = Vec::new();
    match file.take(FILE_LIMIT + 1).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 > FILE_LIMIT => {
            bail!("the image's /{path} is larger than {FILE_LIMIT} bytes")
        }
        Ok(_) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error).with_context(|| format!("reading the image's /{path}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/srv:/bin/false\n";
    const GROUP: &str = "root:x:0:\nstaff:x:50:web,other\naudio:x:29:web\nweb:x:33:\n";

    fn user(spec: &str) -> Option<(u32, u32, Vec<u32>, String)> {
        let User {
            uid,
            gid,
            additional_gids,
            home,
        } = find(spec, PASSWD, GROUP).ok()?;
        Some((uid, gid, additional_gids, home))
    }

    #[test]
    fn names_and_numbers() {
        assert_eq!(user(""), Some((0, 0, vec![], "/root".into())));
        assert_eq!(user("web"), Some((33, 33, vec![50, 29], "/srv".into())));
        assert_eq!(user("33"), user("web"));
        assert_eq!(user("web:audio"), Some((33, 29, vec![], "/srv".into())));
        assert_eq!(user("1000:1001"), Some((1000, 1001, vec![], "/".into())));
        for unknown in ["nobody", "web:nogroup", "-1", "4294967295"] {
            assert_eq!(user(unknown), None, "{unknown}");
        }
    }
}
