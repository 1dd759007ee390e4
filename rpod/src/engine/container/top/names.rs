//! Ids and names of users and groups, inside of the container and on the host.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::bundle::Rootfs;

/// Who is who in a container and on its host.
#[derive(Debug)]
pub struct View {
    pub inside: Names,
    pub host: Names,
}

#[derive(Debug, Default)]
pub struct Names {
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
    /// From, to, count: what an id that rpod sees is called here. Empty: the same.
    uid_map: Vec<(u32, u32, u32)>,
    gid_map: Vec<(u32, u32, u32)>,
}

impl View {
    pub fn of(rootfs: &Path, init: i32) -> Result<View> {
        let rootfs = Rootfs::open(rootfs)?;
        let inside = |path: &str| rootfs.read(path).ok().flatten().unwrap_or_default();
        let host = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Ok(View {
            inside: Names {
                users: entries(&inside("/etc/passwd")),
                groups: entries(&inside("/etc/group")),
                uid_map: id_map(&host(&format!("/proc/{init}/uid_map"))),
                gid_map: id_map(&host(&format!("/proc/{init}/gid_map"))),
            },
            host: Names {
                users: entries(&host("/etc/passwd")),
                groups: entries(&host("/etc/group")),
                // An ordinary user's rpod sees ids as its own namespace has them.
                uid_map: outwards(id_map(&host("/proc/self/uid_map"))),
                gid_map: outwards(id_map(&host("/proc/self/gid_map"))),
            },
        })
    }
}

impl Names {
    pub fn uid(&self, id: u32) -> u32 {
        mapped(&self.uid_map, id)
    }

    /// The name, or the number of whoever has none.
    pub fn user(&self, id: u32) -> String {
        let id = self.uid(id);
        self.users
            .get(&id)
            .cloned()
            .unwrap_or_else(|| id.to_string())
    }

    pub fn group(&self, id: u32) -> String {
        let id = mapped(&self.gid_map, id);
        self.groups
            .get(&id)
            .cloned()
            .unwrap_or_else(|| id.to_string())
    }
}

/// `NAME:PASSWORD:ID:…`, the first name of an id.
fn entries(text: &str) -> BTreeMap<u32, String> {
    let mut all = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(Ok(id))) = (fields.next(), fields.nth(1).map(str::parse)) {
            all.entry(id).or_insert_with(|| name.to_owned());
        }
    }
    all
}

/// `INSIDE OUTSIDE COUNT`.
fn id_map(text: &str) -> Vec<(u32, u32, u32)> {
    let lines = text.lines().filter_map(|line| {
        let mut numbers = line.split_ascii_whitespace().map(str::parse);
        let (inside, outside, count) = (
            numbers.next()?.ok()?,
            numbers.next()?.ok()?,
            numbers.next()?.ok()?,
        );
        Some((outside, inside, count))
    });
    lines.collect()
}

fn outwards(map: Vec<(u32, u32, u32)>) -> Vec<(u32, u32, u32)> {
    map.into_iter()
        .map(|(outside, inside, count)| (inside, outside, count))
        .collect()
}

fn mapped(map: &[(u32, u32, u32)], id: u32) -> u32 {
    let found = map
        .iter()
        .find(|(from, _, count)| id >= *from && id - from < *count);
    found.map_or(id, |(from, to, _)| to + (id - from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_as_the_container_knows_them() {
        let names = Names {
            users: entries("root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/:\n"),
            uid_map: id_map("         0     100000      65536\n"),
            ..Names::default()
        };
        assert_eq!(names.user(100_033), "web");
        assert_eq!(names.user(100_000), "root");
        assert_eq!(names.user(100_007), "7");
        let host = Names {
            users: entries("root:x:0:0::/:\ndaemon:x:1:1::/:\nme:x:1000:1000::/:\n"),
            uid_map: outwards(id_map("0 1000 1\n1 100000 65536\n")),
            ..Names::default()
        };
        assert_eq!((host.user(0), host.user(1)), ("me".into(), "100000".into()));
    }
}
