//! podman-run(1), "--userns": what a word stands for.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::auto::{self, Auto};
use super::map::{self, IdMap, Maps, pair, without};
use super::{UserNamespace, namespace};
use crate::engine::{Context, container, rootless};
use crate::output::parse_number;
use crate::rootless::{SUBGID, SUBUID, identity, ranges_of};

/// What was asked for.
#[derive(Debug, Default)]
pub struct Asked<'a> {
    pub userns: Option<&'a str>,
    pub uidmap: &'a [String],
    pub gidmap: &'a [String],
    pub subuidname: Option<&'a str>,
    pub subgidname: Option<&'a str>,
}

/// A decision, and what follows from it.
#[derive(Debug, Default)]
pub struct Decided {
    pub namespace: UserNamespace,
    /// Who the process is unless that was asked for.
    pub user: Option<(u32, u32)>,
    /// The ids are still to be chosen, when the image is known.
    pub auto: Option<Auto>,
}

impl From<UserNamespace> for Decided {
    fn from(namespace: UserNamespace) -> Decided {
        Decided {
            namespace,
            ..Decided::default()
        }
    }
}

pub fn decide(ctx: &Context, asked: &Asked) -> Result<Decided> {
    let by_map = !asked.uidmap.is_empty() || !asked.gidmap.is_empty();
    let by_name = asked.subuidname.is_some() || asked.subgidname.is_some();
    match asked.userns {
        Some(mode) if (by_map || by_name) && mode != "private" => {
            bail!("--userns and --uidmap/--gidmap/--subuidname/--subgidname are mutually exclusive")
        }
        _ if by_map && by_name => {
            bail!("--uidmap, --gidmap and --subuidname, --subgidname cannot be given together")
        }
        _ if by_name => of_names(asked).map(Decided::from),
        _ if by_map => of_maps(asked).map(Decided::from),
        None => Ok(Decided::default()),
        Some(text) => of_word(ctx, text),
    }
}

fn of_word(ctx: &Context, text: &str) -> Result<Decided> {
    let (word, rest) = text.split_once(':').unwrap_or((text, ""));
    Ok(match (word, rest) {
        ("" | "host", "") => Decided::default(),
        ("private", "") => bail!(
            "must provide at least one UID or GID mapping to configure a user namespace: give --uidmap and --gidmap"
        ),
        ("keep-id", options) => keep_id(options)?,
        ("nomap", "") => UserNamespace::Own(no_map()?).into(),
        ("auto", options) => Decided {
            auto: Some(auto::parse(options)?),
            ..Decided::default()
        },
        ("container", name) if !name.is_empty() => {
            of_container(&container::find(ctx, name)?).into()
        }
        ("ns", path) if !path.is_empty() => of_path(Path::new(path))?.into(),
        _ => bail!(
            "unrecognized namespace mode {text} passed: --userns is host, keep-id[:uid=,gid=,size=], nomap, auto[:size=,…], container:NAME or ns:PATH"
        ),
    })
}

/// The namespace of another container.
pub fn of_container(other: &container::record::Container) -> UserNamespace {
    match &other.user_namespace {
        UserNamespace::Own(maps) => UserNamespace::Container(other.id.clone(), maps.clone()),
        shared => shared.clone(),
    }
}

/// The namespace that a file is.
fn of_path(path: &Path) -> Result<UserNamespace> {
    let identity = |path: &Path| {
        let about =
            fs::metadata(path).with_context(|| format!("--userns=ns:{}", path.display()))?;
        anyhow::Ok((about.dev(), about.ino()))
    };
    if identity(path)? == identity(Path::new("/proc/self/ns/user"))? {
        return Ok(UserNamespace::Host);
    }
    Ok(UserNamespace::Path(path.to_owned(), namespace::maps(path)?))
}

/// The maps of rpod's own namespace.
pub fn around() -> Result<(Vec<IdMap>, Vec<IdMap>)> {
    namespace::maps_of("self")
}

fn runs(maps: &[IdMap]) -> Vec<(u32, u32)> {
    maps.iter().map(|map| (map.inside, map.size)).collect()
}

fn of_maps(asked: &Asked) -> Result<UserNamespace> {
    let (users, groups) = around()?;
    let mut uids = Vec::new();
    let mut gids = Vec::new();
    for text in asked.uidmap {
        let given = map::parse("UID", text, &users)?;
        if given.for_users || !given.for_groups {
            uids.push(given);
        }
        if given.for_groups {
            gids.push(map::parse("UID", text, &groups)?);
        }
    }
    for text in asked.gidmap {
        let given = map::parse("GID", text, &groups)?;
        if given.for_groups || !given.for_users {
            gids.push(given);
        }
        if given.for_users {
            uids.push(map::parse("GID", text, &users)?);
        }
    }
    // One alone is meant for both.
    if asked.gidmap.is_empty() && gids.is_empty() {
        gids.clone_from(&uids);
    }
    if asked.uidmap.is_empty() && uids.is_empty() {
        uids.clone_from(&gids);
    }
    Ok(UserNamespace::Own(Maps {
        uids: map::complete(&uids, &users)?,
        gids: map::complete(&gids, &groups)?,
        auto: false,
    }))
}

/// The ranges of an entry of /etc/subuid and /etc/subgid. An ordinary user has of them what is in the user's own.
fn of_names(asked: &Asked) -> Result<UserNamespace> {
    let user = asked.subuidname.or(asked.subgidname).unwrap_or_default();
    let group = asked.subgidname.or(asked.subuidname).unwrap_or_default();
    let (users, groups) = around()?;
    let of = |file: &str, name: &str, around: &[IdMap]| -> Result<Vec<IdMap>> {
        let ranges = ranges_of(file, name)?;
        if ranges.is_empty() {
            let kind = if file == SUBUID { "subuid" } else { "subgid" };
            bail!("no {kind} ranges found for user {name:?} in {file}");
        }
        let mut runs = Vec::new();
        for range in ranges {
            let host = (range.start, range.count);
            runs.extend(map::seen(host, around).with_context(|| {
                format!(
                    "the ids {}:{} that {file} has for {name} are not all yours: name an entry of yours, or use --uidmap",
                    range.start, range.count
                )
            })?);
        }
        let count = runs.iter().map(|(_, count)| count).sum();
        Ok(pair(&[(0, count)], &runs))
    };
    Ok(UserNamespace::Own(Maps {
        uids: of(SUBUID, user, &users)?,
        gids: of(SUBGID, group, &groups)?,
        auto: false,
    }))
}

/// The user is the same inside as outside, or the one that was asked for. Root has the map that there is.
fn keep_id(options: &str) -> Result<Decided> {
    let identity = identity();
    let (mut uid, mut gid) = identity.map_or((0, 0), |own| (own.uid, own.gid));
    let mut size = None;
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some(("uid", text)) => uid = parse_number("ParseUint", text)?,
            Some(("gid", text)) => gid = parse_number("ParseUint", text)?,
            Some(("size", text)) => size = Some(parse_number("ParseUint", text)?),
            Some((key, _)) => {
                bail!("unknown option specified: {key:?}: uid, gid and size are known")
            }
            None => bail!("invalid option specified: {option:?}: write KEY=VALUE"),
        }
    }
    let (users, groups) = around()?;
    let map = |id: u32, whole: &[IdMap]| {
        if identity.is_none() {
            return pair(&runs(whole), &runs(whole));
        }
        let own = IdMap {
            inside: id,
            outside: 0,
            size: 1,
        };
        let others = without(&runs(whole), [(0, 1)].into_iter());
        let count: u32 = others.iter().map(|(_, count)| count).sum();
        let last = size.unwrap_or_else(|| count.saturating_add(1).max(id));
        let mut all = pair(&without(&[(0, last)], [(id, 1)].into_iter()), &others);
        all.push(own);
        all.sort_by_key(|map| map.inside);
        all
    };
    if identity.is_none() && size.is_some() {
        bail!("cannot set max size for user namespace when not running rootless");
    }
    Ok(Decided {
        namespace: UserNamespace::Own(Maps {
            uids: map(uid, &users),
            gids: map(gid, &groups),
            auto: false,
        }),
        user: Some((uid, gid)),
        auto: None,
    })
}

/// Everybody but the user.
fn no_map() -> Result<Maps> {
    if !rootless() {
        bail!("nomap is only supported in rootless mode");
    }
    let (users, groups) = around()?;
    let map = |whole: &[IdMap]| {
        let others = without(&runs(whole), [(0, 1)].into_iter());
        let count = others.iter().map(|(_, count)| count).sum();
        pair(&[(0, count)], &others)
    };
    let maps = Maps {
        uids: map(&users),
        gids: map(&groups),
        auto: false,
    };
    if maps.uids.is_empty() || maps.gids.is_empty() {
        bail!(
            "--userns=nomap: this user has no ranges in {SUBUID} and {SUBGID}, so nobody would be left"
        );
    }
    Ok(maps)
}
