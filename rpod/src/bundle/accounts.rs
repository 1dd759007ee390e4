//! Accounts of a container that its image knows nothing of: its user has a name, and the host's users that were asked for are there.
//!
//! The lines go into the container's own files, where useradd(8) can replace them; into copies that are bound over them where the
//! root file system is read-only.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use nix::unistd::Uid;

use super::files::Bound;
use super::rootfs::Rootfs;
use crate::engine::container::record::Container;
use crate::rootless::identity;
use crate::users::{self, User};

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// Adds the lines, and gives rpod's own files to the container's root.
pub fn settle(
    container: &Container,
    run: &Path,
    home: &Path,
    files: &mut Vec<Bound>,
) -> Result<()> {
    if container.accounts.added && asks_for_lines(container) {
        let rootfs = Rootfs::open(&home.join("rootfs"))?;
        let (own_passwd, own_group) = (rootfs.read(PASSWD)?, rootfs.read(GROUP)?);
        let known = Known {
            passwd: own_passwd.as_deref().unwrap_or_default(),
            group: own_group.as_deref().unwrap_or_default(),
        };
        for (path, own, lines) in [
            (PASSWD, &own_passwd, passwd(container, &known)),
            (GROUP, &own_group, group(container, &known)),
        ] {
            // Where the image has no such file, none is made.
            if let Some(old) = own
                && !lines.is_empty()
                && mounted_at(container, path).is_none()
            {
                add(container, &rootfs, run, (path, old, &lines), files)?;
            }
        }
    }
    let Some(maps) = container.user_namespace.maps() else {
        return Ok(());
    };
    let (uid, gid) = maps.root();
    for file in files.iter().filter(|file| file.source.starts_with(run)) {
        chown(&file.source, Some(uid), Some(gid))
            .with_context(|| format!("changing the owner of {}", file.source.display()))?;
    }
    Ok(())
}

/// The files that the container has in the place of its image's.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    pub(super) passwd: Option<PathBuf>,
    pub(super) group: Option<PathBuf>,
}

impl Replaced {
    pub(super) fn of(container: &Container, run: &Path) -> Replaced {
        let find = |path: &'static str| {
            let copy = run.join(name(path));
            mounted_at(container, path).or_else(|| copy.exists().then_some(copy))
        };
        Replaced {
            passwd: find(PASSWD),
            group: find(GROUP),
        }
    }
}

struct Known<'a> {
    passwd: &'a str,
    group: &'a str,
}

fn asks_for_lines(container: &Container) -> bool {
    let asked = &container.accounts;
    let is_numeric = container
        .process
        .user
        .starts_with(|c: char| c.is_ascii_digit());
    is_numeric
        || container.process.user.contains(':')
        || !asked.host_users.is_empty()
        || asked.group_entry.is_some()
}

fn mounted_at(container: &Container, path: &str) -> Option<PathBuf> {
    let mut binds = container.mounts.iter().filter(|mount| mount.kind == "bind");
    let found = binds.find(|mount| mount.destination == path)?;
    Some(PathBuf::from(&found.source))
}

fn name(path: &'static str) -> &'static str {
    path.trim_start_matches("/etc/")
}

fn add(
    container: &Container,
    rootfs: &Rootfs,
    run: &Path,
    (path, old, lines): (&'static str, &str, &str),
    files: &mut Vec<Bound>,
) -> Result<()> {
    let between = if old.is_empty() || old.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let owner = container.user_namespace.maps().map_or((0, 0), |m| m.root());
    if !container.read_only && rootfs.append(path, &format!("{between}{lines}"), owner)? {
        return Ok(());
    }
    let source = run.join(name(path));
    fs::write(&source, format!("{old}{between}{lines}"))
        .with_context(|| format!("writing {}", source.display()))?;
    files.push(Bound {
        source,
        destination: path.to_owned(),
    });
    Ok(())
}

/// The host's users that were asked for, and the user that the container runs as.
fn passwd(container: &Container, known: &Known<'_>) -> String {
    let mut lines = String::new();
    for user in container
        .accounts
        .host_users
        .iter()
        .filter_map(|name| users::by_name_or_id(name).ok()?)
    {
        let (uid, gid) = (user.uid.to_string(), user.gid.to_string());
        if has(known.passwd, 0, &user.name) || has(known.passwd, 2, &uid) {
            continue;
        }
        let account = Account {
            name: &user.name,
            uid: &uid,
            gid: &gid,
            about: &user.about,
            home: &home_of(container, &user),
        };
        lines.push_str(&account.line(container));
    }
    let (uid, group) = asked(container);
    if uid.parse::<u32>().is_err() || has(known.passwd, 2, uid) || has(&lines, 2, uid) {
        return lines;
    }
    let gid = match group {
        Some(group) if group.parse::<u32>().is_err() => number_of(known.group, group),
        Some(group) => group.to_owned(),
        None => "0".to_owned(),
    };
    let person = person(container, uid);
    let (name, about) = match &person {
        Some(user) if container.accounts.passwd_entry.is_none() => {
            (user.name.as_str(), user.about.as_str())
        }
        _ => (uid, "container user"),
    };
    let account = Account {
        name,
        uid,
        gid: &gid,
        about,
        home: workdir(container),
    };
    lines + &account.line(container)
}

/// The group that the container runs as.
fn group(container: &Container, known: &Known<'_>) -> String {
    let (user, group) = asked(container);
    let gid = group.unwrap_or("0");
    if gid.parse::<u32>().is_err() || has(known.group, 2, gid) {
        return String::new();
    }
    match &container.accounts.group_entry {
        None => format!("{gid}:x:{gid}:{user}\n"),
        Some(entry) => {
            let entry = entry.replace("$GROUPNAME", gid).replace("$GID", gid);
            entry.replace("$USERLIST", user) + "\n"
        }
    }
}

/// `user[:group]` as it was asked for.
fn asked(container: &Container) -> (&str, Option<&str>) {
    match container.process.user.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (&container.process.user, None),
    }
}

/// Who that is on the host: the person who asked, where the container has users of its own.
fn person(container: &Container, uid: &str) -> Option<User> {
    let known = match identity() {
        Some(person) if container.user_namespace.maps().is_some() => person.uid,
        _ => uid.parse().ok()?,
    };
    users::by_id(Uid::from_raw(known)).ok()?
}

struct Account<'a> {
    name: &'a str,
    uid: &'a str,
    gid: &'a str,
    about: &'a str,
    home: &'a str,
}

impl Account<'_> {
    fn line(&self, container: &Container) -> String {
        let Account {
            name,
            uid,
            gid,
            about,
            home,
        } = self;
        let Some(entry) = &container.accounts.passwd_entry else {
            return format!("{name}:*:{uid}:{gid}:{about}:{home}:/bin/sh\n");
        };
        let values = [
            ("$USERNAME", name),
            ("$UID", uid),
            ("$GID", gid),
            ("$NAME", about),
            ("$HOME", home),
        ];
        let filled = values.iter().fold(entry.clone(), |entry, (key, value)| {
            entry.replace(key, value)
        });
        filled + "\n"
    }
}

/// The host's directory where it, or one above it, is mounted.
fn home_of(container: &Container, user: &User) -> String {
    let mut mounts = container
        .mounts
        .iter()
        .map(|mount| Path::new(&mount.destination));
    match mounts.any(|mount| mount != Path::new("/") && user.home.starts_with(mount)) {
        true => user.home.to_string_lossy().into_owned(),
        false => workdir(container).to_owned(),
    }
}

fn workdir(container: &Container) -> &str {
    match container.process.workdir.as_str() {
        "" => "/",
        workdir => workdir,
    }
}

/// Whether a line has this in one of its fields.
fn has(text: &str, field: usize, value: &str) -> bool {
    text.lines()
        .any(|line| line.split(':').nth(field) == Some(value))
}

fn number_of(groups: &str, name: &str) -> String {
    let mut lines = groups.lines().map(|line| line.split(':'));
    let found =
        lines.find_map(|mut fields| (fields.next() == Some(name)).then(|| fields.nth(1))?);
    found.unwrap_or("0").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(user: &str, change: impl FnOnce(&mut Container)) -> (String, String) {
        let mut container = Container::default();
        container.process.user = user.to_owned();
        container.process.workdir = "/srv".to_owned();
        change(&mut container);
        let known = Known {
            passwd: "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/:/bin/false\n",
            group: "root:x:0:\nweb:x:34:\n",
        };
        (passwd(&container, &known), group(&container, &known))
    }

    #[test]
    fn who_is_not_known_gets_a_line() {
        let none = (String::new(), String::new());
        assert_eq!(lines("33", |_| {}), none);
        assert_eq!(lines("web", |_| {}), none);
        let (passwd, group) = lines("4000123:4000456", |_| {});
        assert_eq!(
            passwd,
            "4000123:*:4000123:4000456:container user:/srv:/bin/sh\n"
        );
        assert_eq!(group, "4000456:x:4000456:4000123\n");
        let (passwd, _) = lines("4000123:web", |c| {
            c.accounts.passwd_entry = Some("$USERNAME-$UID-$GID-$NAME-$HOME".to_owned());
        });
        assert_eq!(passwd, "4000123-4000123-34-container user-/srv\n");
        let (passwd, _) = lines("", |c| c.accounts.host_users = vec!["daemon".to_owned()]);
        assert!(passwd.starts_with("daemon:*:1:1:"), "{passwd}");
    }
}
