//! Ids of one mount: `idmap=uids=0-1000-10#10-@5-1;gids=…` of podman-run(1), "--mount".

use anyhow::{Context as _, Result, bail};

use super::map::{IdMap, Maps};

/// `DISK-BECOMES-AMOUNT`, of which `@` before it says that BECOMES is an id of the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Triplet {
    map: IdMap,
    relative: bool,
}

/// Whether an option of a mount asks for a map: `idmap`, or `idmap=MAPS`.
pub fn is_asked_by(option: &str) -> bool {
    option == "idmap" || option.starts_with("idmap=")
}

/// What comes after `idmap=`. Ids that are not told of become those of the container's own users (`users`).
pub fn parse(text: &str, users: Option<&Maps>) -> Result<Maps> {
    let (uids, gids) = read(text)?;
    let resolve = |given: Option<Vec<Triplet>>, of_users: fn(&Maps) -> &Vec<IdMap>| match given {
        Some(triplets) => {
            let own = users.map(of_users).map(Vec::as_slice).unwrap_or_default();
            let each = triplets.into_iter().map(|triplet| triplet.resolve(own));
            each.collect::<Result<Vec<_>>>()
        }
        None => match users {
            Some(users) => Ok(of_users(users).clone()),
            None => bail!("both uids and gids have to be mapped"),
        },
    };
    Ok(Maps {
        uids: resolve(uids, |users| &users.uids)?,
        gids: resolve(gids, |users| &users.gids)?,
        auto: false,
    })
}

/// That it can be read; what it is relative to is only known with the container's users.
pub fn check(text: &str) -> Result<()> {
    read(text).map(drop)
}

type Given = Option<Vec<Triplet>>;

fn read(text: &str) -> Result<(Given, Given)> {
    let (mut uids, mut gids) = (None, None);
    for part in text.split(';') {
        let (own, triplets) = match part.split_once('=') {
            Some(("uids", triplets)) => (&mut uids, triplets),
            Some(("gids", triplets)) => (&mut gids, triplets),
            _ => bail!(
                "{part:?} is neither uids= nor gids=: write idmap=uids=0-1000-10;gids=0-1000-10"
            ),
        };
        *own = Some(triplets.split('#').map(triplet).collect::<Result<_>>()?);
    }
    Ok((uids, gids))
}

fn triplet(text: &str) -> Result<Triplet> {
    let wrong = || {
        format!(
            "{text:?} is no mapping of ids: write three numbers, as in idmap=uids=0-1000-10;gids=0-1000-10"
        )
    };
    let (relative, numbers) = match text.strip_prefix('@') {
        Some(numbers) => (true, numbers),
        None => (false, text),
    };
    let numbers = numbers.split('-').map(str::parse);
    let numbers: Vec<u32> = numbers.collect::<Result<_, _>>().with_context(wrong)?;
    match numbers[..] {
        [inside, outside, size]
            if size > 0
                && inside.checked_add(size).is_some()
                && outside.checked_add(size).is_some() =>
        {
            Ok(Triplet {
                map: IdMap {
                    inside,
                    outside,
                    size,
                },
                relative,
            })
        }
        _ => bail!(wrong()),
    }
}

impl Triplet {
    fn resolve(self, users: &[IdMap]) -> Result<IdMap> {
        let IdMap {
            inside,
            outside: becomes,
            size,
        } = self.map;
        if !self.relative {
            return Ok(self.map);
        }
        let of = |user: &&IdMap| user.inside <= becomes && becomes - user.inside < user.size;
        let user = users.iter().find(of).with_context(|| {
            format!(
                "could not find a user namespace mapping for the relative mapping \"@{inside}-{becomes}-{size}\""
            )
        })?;
        let outside = user.outside + (becomes - user.inside);
        Ok(IdMap {
            outside,
            ..self.map
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn users() -> Maps {
        let own = IdMap {
            inside: 0,
            outside: 100_000,
            size: 1000,
        };
        Maps {
            uids: vec![own],
            gids: vec![own],
            auto: false,
        }
    }

    #[test]
    fn ids_of_a_mount() {
        let maps = parse("uids=0-1-10#10-11-10;gids=0-100-10", None).unwrap();
        assert_eq!((maps.uids.len(), maps.gids[0].outside), (2, 100));
        let maps = parse("uids=@5-10-1", Some(&users())).unwrap();
        assert_eq!(maps.uids[0].outside, 100_010);
        assert_eq!(maps.gids, users().gids);
    }

    #[test]
    fn what_is_no_map_is_told() {
        for bad in [
            "",
            "uids=",
            "uids=0-1",
            "uids=0-0-0",
            "uids=a-b-c",
            "fly=0-0-1",
            "uids=0-1-4294967295",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        for alone in ["uids=0-0-1", "uids=@0-0-1;gids=0-0-1"] {
            assert!(
                check(alone).is_ok() && parse(alone, None).is_err(),
                "{alone}"
            );
        }
        assert!(parse("uids=@0-1000-1", Some(&users())).is_err());
    }
}
