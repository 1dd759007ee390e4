//! Users of the host: the lines of passwd(5), and those that getent(1) finds elsewhere (LDAP, systemd).
//!
//! The C library's own way to the latter loads libraries into the program, which one that is linked statically cannot count on.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use nix::unistd::{Gid, Uid};

const PASSWD: &str = "/etc/passwd";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: Uid,
    pub gid: Gid,
    /// The GECOS field: the full name, and what else there is to say.
    pub about: String,
    pub home: PathBuf,
}

pub fn by_name(name: &str) -> Result<Option<User>> {
    find(name, |user| user.name == name)
}

pub fn by_id(uid: Uid) -> Result<Option<User>> {
    find(&uid.to_string(), |user| user.uid == uid)
}

/// By name, or by number if nobody has such a name.
pub fn by_name_or_id(text: &str) -> Result<Option<User>> {
    match (by_name(text)?, text.parse()) {
        (None, Ok(uid)) => by_id(Uid::from_raw(uid)),
        (found, _) => Ok(found),
    }
}

/// `key` is what getent(1) is asked for; it takes a number for an id, whatever was meant.
fn find(key: &str, is_meant: impl Fn(&User) -> bool) -> Result<Option<User>> {
    let file = match fs::read(PASSWD) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        read => read.with_context(|| format!("reading {PASSWD}"))?,
    };
    Ok(among(&file, &is_meant).or_else(|| among(&elsewhere(key), &is_meant)))
}

fn among(lines: &[u8], is_meant: impl Fn(&User) -> bool) -> Option<User> {
    let lines = String::from_utf8_lossy(lines);
    lines.lines().filter_map(parse).find(is_meant)
}

/// Nothing where there is no getent(1): such a host has no users but those of the file.
fn elsewhere(key: &str) -> Vec<u8> {
    let answer = Command::new("getent")
        .args(["passwd", "--", key])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    answer.map(|answer| answer.stdout).unwrap_or_default()
}

/// `name:password:uid:gid:about:home:shell`; what is none is passed over, as by the C library.
fn parse(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    Some(User {
        name: fields.next().filter(|name| !name.is_empty())?.to_owned(),
        uid: Uid::from_raw(fields.nth(1)?.parse().ok()?),
        gid: Gid::from_raw(fields.next()?.parse().ok()?),
        about: fields.next()?.to_owned(),
        home: fields.next()?.into(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_are_read() {
        let text =
            b"+::::::\n# ann\nroot:x:0:0:root:/root:/bin/sh\nann:x:7:8:Ann \xff,,,:/home/ann:\n";
        let ann = among(text, |user| user.name == "ann").unwrap();
        assert_eq!((ann.uid.as_raw(), ann.gid.as_raw()), (7, 8));
        assert_eq!(ann.home, PathBuf::from("/home/ann"));
        assert!(ann.about.starts_with("Ann "));
        assert_eq!(among(text, |user| user.uid.as_raw() == 1), None);
    }

    #[test]
    fn a_number_may_be_an_id() {
        let root = by_name_or_id("0").unwrap();
        assert_eq!(root, by_name("root").unwrap());
        assert!(root.is_some());
        assert_eq!(by_name("0").unwrap(), None);
        assert_eq!(by_name_or_id("no-such-user").unwrap(), None);
    }
}
