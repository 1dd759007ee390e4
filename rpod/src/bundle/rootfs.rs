//! Files of the container's own root file system. It is hostile: every path is resolved by the kernel inside of it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::{Gid, Uid, fchown};

use super::accounts::Replaced;
use crate::engine::container::record::Container;
use crate::engine::rootless;
use crate::output::warn;
use crate::rootless::own_map;

#[derive(Debug)]
pub struct Rootfs(OwnedFd);

/// Who the process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
    pub home: String,
}

impl User {
    /// Its own group is among the others: who changes to another one does not get rid of what is forbidden to this one (CVE-2022-2989).
    pub(super) fn join_own_group(&mut self) {
        if !self.groups.contains(&self.gid) {
            self.groups.insert(0, self.gid);
        }
    }

    /// Leaves the groups that the container's user namespace does not have: all but its own where an ordinary user has no ranges.
    pub(super) fn leave_unmapped(&mut self, container: &Container) {
        let own = rootless().then(|| own_map("gid_map").unwrap_or_default());
        if own.is_some() && denies_groups() {
            self.groups.clear();
            return;
        }
        let is_own = |group: u32| {
            let mut maps = own.iter().flatten();
            own.is_none() || maps.any(|m| group >= m.inside && group - m.inside < m.size)
        };
        self.groups.retain(|&group| {
            let is_mapped = match container.user_namespace.maps() {
                Some(maps) => maps.has_group(group),
                None => is_own(group),
            };
            if !is_mapped {
                warn(&format!(
                    "Additional gid={group} is not present in the user namespace, skip setting it"
                ));
            }
            is_mapped
        });
    }
}

/// Nobody in this user namespace can set groups: user_namespaces(7), "setgroups".
fn denies_groups() -> bool {
    std::fs::read_to_string("/proc/self/setgroups").is_ok_and(|text| text.trim() == "deny")
}

/// More than any honest passwd file.
const MAX_FILE: u64 = 16 << 20;

impl Rootfs {
    pub fn open(path: &Path) -> Result<Rootfs> {
        let fd = open(
            path,
            OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
            Mode::empty(),
        );
        Ok(Rootfs(fd.with_context(|| {
            format!("opening the root file system {}", path.display())
        })?))
    }

    /// A regular file's text; nothing if there is none.
    pub fn read(&self, path: &str) -> Result<Option<String>> {
        let how = OpenHow::new()
            .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT);
        let fd = match openat2(&self.0, path, how) {
            Ok(fd) => fd,
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
            Err(errno) => {
                return Err(errno).with_context(|| format!("opening {path} in the container"));
            }
        };
        let kind = SFlag::from_bits_truncate(fstat(&fd)?.st_mode & SFlag::S_IFMT.bits());
        if kind != SFlag::S_IFREG {
            bail!("{path} in the container is no regular file");
        }
        let mut text = Vec::new();
        File::from(fd)
            .take(MAX_FILE)
            .read_to_end(&mut text)
            .with_context(|| format!("reading {path} in the container"))?;
        Ok(Some(String::from_utf8_lossy(&text).into_owned()))
    }

    /// A directory to work in.
    pub(super) fn directory(&self, path: &str) -> Result<Option<OwnedFd>> {
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT);
        match openat2(&self.0, path, how) {
            Ok(fd) => Ok(Some(fd)),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            Err(errno) => Err(errno).with_context(|| format!("opening {path} in the container")),
        }
    }

    /// Something is there.
    pub(super) fn has(&self, path: &Path) -> bool {
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT);
        openat2(&self.0, path, how).is_ok()
    }

    /// Adds to the end of a regular file, which is made if it is not there. False where its directory is not.
    pub(super) fn append(&self, path: &str, text: &str, owner: (u32, u32)) -> Result<bool> {
        let failed = || format!("adding to {path} in the container");
        let open = |flags, mode| {
            let how = OpenHow::new()
                .flags(OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CLOEXEC | flags)
                .mode(Mode::from_bits_truncate(mode))
                .resolve(ResolveFlag::RESOLVE_IN_ROOT);
            openat2(&self.0, path, how)
        };
        let fd = match open(OFlag::O_NONBLOCK | OFlag::O_NOCTTY, 0) {
            Err(Errno::ENOENT) => match open(OFlag::O_CREAT | OFlag::O_EXCL, 0o644) {
                Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(false),
                made => {
                    let made = made.with_context(failed)?;
                    let (uid, gid) = (Uid::from_raw(owner.0), Gid::from_raw(owner.1));
                    fchown(&made, Some(uid), Some(gid)).with_context(failed)?;
                    made
                }
            },
            opened => opened.with_context(failed)?,
        };
        let kind = SFlag::from_bits_truncate(fstat(&fd)?.st_mode & SFlag::S_IFMT.bits());
        if kind != SFlag::S_IFREG {
            bail!("{path} in the container is no regular file");
        }
        File::from(fd)
            .write_all(text.as_bytes())
            .with_context(failed)?;
        Ok(true)
    }

    /// `user[:group]`, each a name of the container's own files or a number.
    pub(super) fn user(
        &self,
        text: &str,
        more_groups: &[String],
        replaced: &Replaced,
    ) -> Result<User> {
        let (name, group) = text
            .split_once(':')
            .map_or((text, None), |(name, group)| (name, Some(group)));
        let file = |path: &str, other: &Option<PathBuf>| match other {
            Some(other) => read_host(other),
            None => Ok(self.read(path)?.unwrap_or_default()),
        };
        let passwd = file("/etc/passwd", &replaced.passwd)?;
        let group_file = file("/etc/group", &replaced.group)?;
        let mut user = lookup_user(
            &passwd,
            &group_file,
            if name.is_empty() { "0" } else { name },
        )?;
        if let Some(group) = group {
            user.gid = lookup_group(&group_file, group)?;
            user.groups.clear();
        }
        for group in more_groups {
            let gid = lookup_group(&group_file, group)?;
            if !user.groups.contains(&gid) {
                user.groups.push(gid);
            }
        }
        Ok(user)
    }
}

/// A file of the host's that the container has in the place of its own.
fn read_host(path: &Path) -> Result<String> {
    let failed = || format!("reading {}", path.display());
    let file = File::open(path).with_context(failed)?;
    let mut text = Vec::new();
    file.take(MAX_FILE)
        .read_to_end(&mut text)
        .with_context(failed)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn lookup_user(passwd: &str, groups: &str, name: &str) -> Result<User> {
    let number: Option<u32> = name.parse().ok();
    for line in passwd.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let [login, _, uid, gid, _, home, ..] = fields[..] else {
            continue;
        };
        let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse()) else {
            continue;
        };
        if number == Some(uid) || login == name {
            let home = if home.is_empty() { "/" } else { home };
            return Ok(User {
                uid,
                gid,
                groups: memberships(groups, login),
                home: home.to_owned(),
            });
        }
    }
    match number {
        Some(uid) => Ok(User {
            uid,
            gid: 0,
            groups: Vec::new(),
            home: if uid == 0 { "/root" } else { "/" }.to_owned(),
        }),
        None => bail!("unable to find user {name}: no matching entries in passwd file"),
    }
}

fn memberships(groups: &str, login: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for line in groups.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if let [_, _, gid, members, ..] = fields[..]
            && members.split(',').any(|member| member == login)
            && let Ok(gid) = gid.parse()
        {
            found.push(gid);
        }
    }
    found
}

fn lookup_group(groups: &str, name: &str) -> Result<u32> {
    if let Ok(gid) = name.parse() {
        return Ok(gid);
    }
    for line in groups.lines() {
        let mut fields = line.split(':');
        if fields.next() == Some(name)
            && let Some(Ok(gid)) = fields.nth(1).map(str::parse)
        {
            return Ok(gid);
        }
    }
    bail!("unable to find group {name}: no matching entries in group file")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::user_namespace::map::IdMap;
    use crate::engine::user_namespace::{Maps, UserNamespace};

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/srv:/bin/false\n";
    const GROUP: &str = "root:x:0:\nweb:x:34:\nlog:x:4:sys,web\n";

    #[test]
    fn a_user_is_in_its_own_group_and_in_none_that_is_not_mapped() {
        let mut user = lookup_user(PASSWD, GROUP, "web").unwrap();
        user.join_own_group();
        user.join_own_group();
        assert_eq!(user.groups, [34, 4]);
        let own = IdMap {
            inside: 0,
            outside: 1000,
            size: 10,
        };
        let mut container = Container::default();
        user.leave_unmapped(&container);
        assert_eq!(user.groups, [34, 4]);
        container.user_namespace = UserNamespace::Own(Maps {
            uids: vec![own],
            gids: vec![own],
            auto: false,
        });
        user.leave_unmapped(&container);
        assert_eq!(user.groups, [4]);
    }

    #[test]
    fn users_by_name_and_number() {
        assert_eq!(
            lookup_user(PASSWD, GROUP, "web").unwrap(),
            User {
                uid: 33,
                gid: 34,
                groups: vec![4],
                home: "/srv".into()
            }
        );
        assert_eq!(lookup_user(PASSWD, GROUP, "33").unwrap().groups, [4]);
        assert_eq!(lookup_user(PASSWD, GROUP, "1000").unwrap().gid, 0);
        assert!(
            lookup_user(PASSWD, GROUP, "nobody")
                .unwrap_err()
                .to_string()
                .contains("unable to find user nobody")
        );
    }

    #[test]
    fn a_link_to_the_host_stays_inside() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        std::os::unix::fs::symlink("../../../../etc/passwd", dir.path().join("etc/link")).unwrap();
        let rootfs = Rootfs::open(dir.path()).unwrap();
        assert_eq!(rootfs.read("/etc/link").unwrap(), None);
    }
}
