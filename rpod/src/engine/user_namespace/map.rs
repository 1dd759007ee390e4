//! Maps of ids: read as podman-run(1), "--uidmap" has them, completed, turned around.

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

pub use crate::rootless::IdMap;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Maps {
    pub uids: Vec<IdMap>,
    pub gids: Vec<IdMap>,
    /// The ids were chosen by rpod, and are nobody else's.
    pub auto: bool,
}

impl Maps {
    /// The container's root, as it is seen outside.
    pub fn root(&self) -> (u32, u32) {
        self.outside(0, 0)
    }

    /// A user and a group of the container as they are seen outside; the kernel's nobody for those that it does not have.
    pub fn outside(&self, uid: u32, gid: u32) -> (u32, u32) {
        const NOBODY: u32 = 65534;
        (
            outside(&self.uids, uid).unwrap_or(NOBODY),
            outside(&self.gids, gid).unwrap_or(NOBODY),
        )
    }

    /// The container has this group.
    pub fn has_group(&self, gid: u32) -> bool {
        outside(&self.gids, gid).is_some()
    }

    /// The way back.
    pub fn inside(&self, uid: u32, gid: u32) -> Option<(u32, u32)> {
        let turned = |maps: &[IdMap]| -> Vec<IdMap> {
            let turn = |map: &IdMap| IdMap {
                inside: map.outside,
                outside: map.inside,
                size: map.size,
            };
            maps.iter().map(turn).collect()
        };
        Some((
            outside(&turned(&self.uids), uid)?,
            outside(&turned(&self.gids), gid)?,
        ))
    }

    /// Names the maps, so that what is made for one is found by another container that has the same.
    pub fn name(&self) -> String {
        let text = |maps: &[IdMap]| {
            let words = maps
                .iter()
                .map(|m| format!("{}-{}-{}", m.inside, m.outside, m.size));
            words.collect::<Vec<_>>().join("_")
        };
        let whole = format!("{}.{}", text(&self.uids), text(&self.gids));
        if whole.len() <= 128 {
            return whole;
        }
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(whole.as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn outside(maps: &[IdMap], inside: u32) -> Option<u32> {
    maps.iter().find_map(|map| {
        let offset = inside.checked_sub(map.inside)?;
        (offset < map.size).then(|| map.outside + offset)
    })
}

/// A map as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    pub map: IdMap,
    /// `+`: everybody else keeps a place.
    pub extends: bool,
    /// `u` and `g`: for which of the two it is meant. Without either it is for the option's own.
    pub for_users: bool,
    pub for_groups: bool,
}

/// Reads `[FLAGS]CONTAINER:OUTSIDE[:SIZE]`, of UIDs or of GIDs. FLAGS are of `+`, `u`, `g`; `@` before OUTSIDE says that it is an id of the host, which
/// `around`, the map of rpod's own namespace, knows by another.
pub fn parse(kind: &str, text: &str, around: &[IdMap]) -> Result<Given> {
    let wrong = || {
        format!(
            "initializing ID mappings: {kind} setting is malformed expected [\"[+ug]uint32:[@]uint32[:uint32]\"] : [{text:?}]"
        )
    };
    let rest = text.trim_start_matches(['+', 'u', 'g']);
    let flags = &text[..text.len() - rest.len()];
    let fields: Vec<&str> = rest.split(':').collect();
    let (inside, from, size) = match fields[..] {
        [inside, from] => (inside, from, "1"),
        [inside, from, size] => (inside, from, size),
        _ => bail!(wrong()),
    };
    let number = |text: &str| text.parse::<u32>().ok().with_context(wrong);
    let (inside, size) = (number(inside)?, number(size)?);
    let from = match from.strip_prefix('@') {
        None => number(from)?,
        Some(host) => {
            let host = number(host)?;
            let known = seen((host, 1), around).and_then(|runs| Some(runs.first()?.0));
            known.with_context(|| {
                format!("mapping {text:?}: id {host} of the host is none of yours: it has to be in /etc/subuid or /etc/subgid")
            })?
        }
    };
    if size == 0 || inside.checked_add(size).is_none() || from.checked_add(size).is_none() {
        bail!(wrong());
    }
    Ok(Given {
        map: IdMap {
            inside,
            outside: from,
            size,
        },
        extends: flags.contains('+'),
        for_users: flags.contains('u'),
        for_groups: flags.contains('g'),
    })
}

/// The whole map: what was given, and with `+` every other id that there is (`whole`), in order, for the ids that are left over.
pub fn complete(given: &[Given], whole: &[IdMap]) -> Result<Vec<IdMap>> {
    let own: Vec<IdMap> = given.iter().map(|given| given.map).collect();
    for (at, map) in own.iter().enumerate() {
        let meets = |a: u32, b: u32, other: &IdMap| {
            u64::from(a) < u64::from(b) + u64::from(other.size)
                && u64::from(b) < u64::from(a) + u64::from(map.size)
        };
        if own[..at].iter().any(|other| {
            meets(map.inside, other.inside, other) || meets(map.outside, other.outside, other)
        }) {
            bail!(
                "mapping {}:{}:{} meets another",
                map.inside,
                map.outside,
                map.size
            );
        }
    }
    let mut all = own.clone();
    if given.iter().any(|given| given.extends) {
        let available: Vec<(u32, u32)> = whole.iter().map(|map| (map.inside, map.size)).collect();
        let count = available.iter().map(|(_, size)| size).sum();
        let free = without(&available, own.iter().map(|map| (map.outside, map.size)));
        let places = without(&[(0, count)], own.iter().map(|map| (map.inside, map.size)));
        all.extend(pair(&places, &free));
    }
    all.sort_by_key(|map| map.inside);
    Ok(all)
}

/// Ids of the host as `around`, the map of rpod's own namespace, knows them, in order; nothing unless it has them all.
pub(super) fn seen(host: (u32, u32), around: &[IdMap]) -> Option<Vec<(u32, u32)>> {
    let (mut start, mut left) = host;
    let mut runs = Vec::new();
    while left > 0 {
        let (first, known) = around.iter().find_map(|map| {
            let offset = start.checked_sub(map.outside)?;
            (offset < map.size).then(|| (map.inside + offset, map.size - offset))
        })?;
        let size = known.min(left);
        runs.push((first, size));
        left -= size;
        start = start.saturating_add(size);
    }
    Some(runs)
}

/// Runs of ids without those that are taken.
pub(super) fn without(
    runs: &[(u32, u32)],
    taken: impl Iterator<Item = (u32, u32)>,
) -> Vec<(u32, u32)> {
    let mut left: Vec<(u32, u32)> = runs.to_vec();
    for (start, size) in taken {
        let end = start.saturating_add(size);
        left = left
            .iter()
            .flat_map(|&(first, count)| {
                let last = first.saturating_add(count);
                let before = (first, start.clamp(first, last) - first);
                let behind = (end.clamp(first, last), last - end.clamp(first, last));
                [before, behind]
            })
            .filter(|(_, count)| *count > 0)
            .collect();
    }
    left
}

/// Ids inside to ids outside, in order, as many as there are of both.
pub(super) fn pair(inside: &[(u32, u32)], outside: &[(u32, u32)]) -> Vec<IdMap> {
    let (mut inside, mut outside) = (inside.to_vec(), outside.to_vec());
    let mut all = Vec::new();
    while let (Some(a), Some(b)) = (inside.first_mut(), outside.first_mut()) {
        let size = a.1.min(b.1);
        all.push(IdMap {
            inside: a.0,
            outside: b.0,
            size,
        });
        for run in [a, b] {
            *run = (run.0 + size, run.1 - size);
        }
        inside.retain(|run| run.1 > 0);
        outside.retain(|run| run.1 > 0);
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const AROUND: [IdMap; 2] = [map(0, 1000, 1), map(1, 100_000, 10)];

    const fn map(inside: u32, outside: u32, size: u32) -> IdMap {
        IdMap {
            inside,
            outside,
            size,
        }
    }

    #[test]
    fn mappings_are_podmans() {
        let given = parse("UID", "0:1:5", &AROUND).unwrap();
        assert_eq!((given.map, given.extends), (map(0, 1, 5), false));
        assert_eq!(parse("UID", "7:@1000", &AROUND).unwrap().map, map(7, 0, 1));
        let flagged = parse("UID", "+g3:@100002:2", &AROUND).unwrap();
        assert!(flagged.extends && flagged.for_groups && !flagged.for_users);
        assert_eq!(flagged.map, map(3, 3, 2));
        for bad in ["", "1", "1:2:0", "x:1", "1:@5", "1:2:3:4", "4294967295:0:2"] {
            assert!(parse("UID", bad, &AROUND).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_extended_map_has_everybody() {
        let given = [parse("UID", "+7:@1000", &AROUND).unwrap()];
        assert_eq!(
            complete(&given, &AROUND).unwrap(),
            [map(0, 1, 7), map(7, 0, 1), map(8, 8, 3)]
        );
        let twice = [
            parse("UID", "0:1:5", &AROUND).unwrap(),
            parse("UID", "4:8", &AROUND).unwrap(),
        ];
        assert!(complete(&twice, &AROUND).is_err());
    }

    #[test]
    fn the_hosts_ids_as_they_are_seen() {
        assert_eq!(seen((100_003, 2), &AROUND), Some(vec![(4, 2)]));
        assert_eq!(seen((100_003, 8), &AROUND), None);
        let parted = [map(1, 500, 2), map(7, 502, 3)];
        assert_eq!(seen((501, 3), &parted), Some(vec![(2, 1), (7, 2)]));
    }

    #[test]
    fn there_and_back() {
        let maps = Maps {
            uids: vec![map(0, 1, 7), map(7, 0, 1)],
            gids: vec![map(0, 1, 7)],
            auto: false,
        };
        assert_eq!(maps.outside(7, 3), (0, 4));
        assert_eq!(maps.inside(0, 4), Some((7, 3)));
        assert_eq!(maps.inside(9, 4), None);
        assert_eq!(maps.name(), "0-1-7_7-0-1.0-1-7");
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[+ug@:0-9]{0,24}") {
            if let Ok(given) = parse("UID", &text, &AROUND) {
                prop_assert!(complete(&[given], &AROUND).is_ok());
            }
        }
    }
}
