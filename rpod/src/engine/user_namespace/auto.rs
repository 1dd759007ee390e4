//! `--userns=auto`: ids that no other container has.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Result, bail};

use super::map::{self, IdMap, Maps, pair, without};
use super::{UserNamespace, mode};
use crate::engine::container::record::Container;
use crate::engine::{Context, container, rootless};
use crate::output::parse_number;
use crate::rootless::{SUBGID, SUBUID, ranges_of};

/// Whose entry root's containers take ids from.
const OWNER: &str = "containers";

/// podman's smallest.
const SMALLEST: u32 = 1024;

/// Nobody is no reason for 64 Ki of ids.
const NOBODY: u32 = 65534;

/// `auto[:size=N,uidmapping=C:H:N,gidmapping=C:H:N]`.
#[derive(Clone, Debug, Default)]
pub struct Auto {
    size: Option<u32>,
    uids: Vec<IdMap>,
    gids: Vec<IdMap>,
}

pub fn parse(options: &str) -> Result<Auto> {
    let (users, groups) = mode::around()?;
    let mut auto = Auto::default();
    for option in options.split(',').filter(|option| !option.is_empty()) {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        match key {
            "size" => auto.size = Some(parse_number("ParseUint", value)?),
            "uidmapping" => auto.uids.push(map::parse("UID", value, &users)?.map),
            "gidmapping" => auto.gids.push(map::parse("GID", value, &groups)?.map),
            _ => bail!(
                "unknown option specified: {key:?}: size, uidmapping and gidmapping are known"
            ),
        }
    }
    Ok(auto)
}

/// Chooses the ids of a new container. The caller holds off others who choose until the container's record is there.
pub fn choose(ctx: &Context, asked: &Auto, container: &Container) -> Result<Maps> {
    let size = match asked.size {
        Some(size) => size,
        None => needed(ctx, container),
    };
    let (users, groups) = available()?;
    let (mut taken_users, mut taken_groups) = (Vec::new(), Vec::new());
    for other in container::all(ctx)? {
        if let UserNamespace::Own(maps) = &other.user_namespace
            && maps.auto
        {
            taken_users.extend(maps.uids.iter().map(|map| (map.outside, map.size)));
            taken_groups.extend(maps.gids.iter().map(|map| (map.outside, map.size)));
        }
    }
    let choose = |file: &str, runs: &[(u32, u32)], taken: Vec<(u32, u32)>, forced: &[IdMap]| {
        let free = without(
            runs,
            taken
                .into_iter()
                .chain(forced.iter().map(|map| (map.outside, map.size))),
        );
        let places = without(
            &[(0, size)],
            forced.iter().map(|map| (map.inside, map.size)),
        );
        let wanted: u32 = places.iter().map(|(_, count)| count).sum();
        let run = free.iter().find(|(_, count)| *count >= wanted);
        let Some((start, _)) = run else {
            bail!(
                "--userns=auto: {wanted} ids in a row are not free in {file}: remove containers, or give a larger range"
            );
        };
        let mut all = pair(&places, &[(*start, wanted)]);
        all.extend(forced);
        all.sort_by_key(|map| map.inside);
        Ok(all)
    };
    Ok(Maps {
        uids: choose(SUBUID, &users, taken_users, &asked.uids)?,
        gids: choose(SUBGID, &groups, taken_groups, &asked.gids)?,
        auto: true,
    })
}

type Runs = Vec<(u32, u32)>;

/// Root has the entry `containers`, others all of theirs but themselves.
fn available() -> Result<(Runs, Runs)> {
    if rootless() {
        let (users, groups) = mode::around()?;
        let others = |maps: &[IdMap]| {
            let runs: Vec<_> = maps.iter().map(|map| (map.inside, map.size)).collect();
            without(&runs, [(0, 1)].into_iter())
        };
        return Ok((others(&users), others(&groups)));
    }
    let of = |file: &str| -> Result<Vec<(u32, u32)>> {
        let ranges = ranges_of(file, OWNER)?;
        if ranges.is_empty() {
            bail!(
                "cannot find mappings for user \"{OWNER}\": {file} has no entry for it: add one, such as {OWNER}:2147483647:2147483648"
            );
        }
        Ok(ranges
            .iter()
            .map(|range| (range.start, range.count))
            .collect())
    };
    Ok((of(SUBUID)?, of(SUBGID)?))
}

/// As many ids as the image's files of users and groups name.
fn needed(ctx: &Context, container: &Container) -> u32 {
    let mut ids = BTreeSet::from([SMALLEST - 1]);
    for file in ["etc/passwd", "etc/group"] {
        let mut layers = container.image.layers.iter().rev();
        let found = layers.find_map(|layer| {
            let path = ctx.store.layers().join(layer).join("diff").join(file);
            // A link could lead to the host's.
            let is_file = fs::symlink_metadata(&path).is_ok_and(|about| about.is_file());
            is_file.then(|| fs::read_to_string(&path).ok()).flatten()
        });
        for line in found.unwrap_or_default().lines() {
            let fields = line.split(':').skip(2).take(2);
            let numbers = fields.filter_map(|field| field.parse::<u32>().ok());
            ids.extend(numbers.filter(|id| *id < NOBODY));
        }
    }
    let words = container.process.user.split(':');
    let user = words.filter_map(|word| word.parse::<u32>().ok());
    ids.extend(user.filter(|id| *id < u32::MAX));
    ids.last().map_or(SMALLEST, |last| last + 1)
}
