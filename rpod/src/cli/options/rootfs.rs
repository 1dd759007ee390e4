//! `--rootfs`: podman-run(1).

use anyhow::{Context as _, Result, bail};

use super::CREATE_OPTION;
use super::volume::host_path;
use crate::engine::container::record::{Directory, DirectoryKind};
use crate::engine::user_namespace::Maps;
use crate::engine::user_namespace::map::IdMap;

/// `PATH[:O|:idmap[=uids=…;gids=…]]`. A colon before anything else belongs to the path.
pub(super) fn parse(text: &str) -> Result<Directory> {
    let (path, kind) = match text.rsplit_once(':') {
        Some((path, "O")) => (path, DirectoryKind::Overlay),
        Some((path, "idmap")) => (path, DirectoryKind::Mapped(None)),
        Some((path, option)) if option.starts_with("idmap=") => {
            let maps = maps(&option["idmap=".len()..]).with_context(|| option.to_owned())?;
            (path, DirectoryKind::Mapped(Some(maps)))
        }
        _ => (text, DirectoryKind::Plain),
    };
    std::fs::metadata(path).with_context(|| format!("{CREATE_OPTION}stat {path}"))?;
    let path = host_path(path)?.into();
    Ok(Directory { path, kind })
}

/// `uids=0-1000-10#10-5000-1;gids=0-100-10`: the id on the disk, the one that it becomes, and how many.
fn maps(text: &str) -> Result<Maps> {
    let mut maps = Maps::default();
    for part in text.split(';') {
        let (own, triplets) = match part.split_once('=') {
            Some(("uids", triplets)) => (&mut maps.uids, triplets),
            Some(("gids", triplets)) => (&mut maps.gids, triplets),
            _ => bail!("write idmap=uids=DISK-BECOMES-AMOUNT[#…];gids=…"),
        };
        *own = triplets.split('#').map(triplet).collect::<Result<_>>()?;
    }
    if maps.uids.is_empty() || maps.gids.is_empty() {
        bail!("both uids and gids have to be mapped");
    }
    Ok(maps)
}

fn triplet(text: &str) -> Result<IdMap> {
    let wrong = || format!("{text:?}: write DISK-BECOMES-AMOUNT in numbers");
    let numbers = text.split('-').map(str::parse);
    let numbers: Vec<u32> = numbers.collect::<Result<_, _>>().with_context(wrong)?;
    match numbers[..] {
        [inside, outside, size] if size > 0 => Ok(IdMap {
            inside,
            outside,
            size,
        }),
        _ => bail!(wrong()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn root_file_systems() {
        let of = |text| parse(text).unwrap().kind;
        assert_eq!(of("/"), DirectoryKind::Plain);
        assert_eq!(of("/:O"), DirectoryKind::Overlay);
        assert_eq!(of("/:idmap"), DirectoryKind::Mapped(None));
        let DirectoryKind::Mapped(Some(maps)) = of("/:idmap=uids=0-1-10#10-11-10;gids=0-100-10")
        else {
            panic!("not mapped");
        };
        assert_eq!((maps.uids.len(), maps.gids[0].outside), (2, 100));
        for bad in [
            "/no/such/directory",
            "/:idmap=uids=0-1-1",
            "/:idmap=uids=0-1;gids=0-0-1",
            "/:idmap=gids=0-0-0;uids=0-0-1",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
