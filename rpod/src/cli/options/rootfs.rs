//! `--rootfs`: podman-run(1).

use anyhow::{Context as _, Result};

use super::CREATE_OPTION;
use super::volume::host_path;
use crate::engine::container::record::{Directory, DirectoryKind};
use crate::engine::user_namespace::mount_map;

/// `PATH[:O|:idmap[=uids=…;gids=…]]`. A colon before anything else belongs to the path.
pub(super) fn parse(text: &str) -> Result<Directory> {
    let (path, kind) = match text.rsplit_once(':') {
        Some((path, "O")) => (path, DirectoryKind::Overlay),
        Some((path, "idmap")) => (path, DirectoryKind::Mapped(None)),
        Some((path, option)) if option.starts_with("idmap=") => {
            let maps = mount_map::parse(&option["idmap=".len()..], None)
                .with_context(|| option.to_owned())?;
            (path, DirectoryKind::Mapped(Some(maps)))
        }
        _ => (text, DirectoryKind::Plain),
    };
    std::fs::metadata(path).with_context(|| format!("{CREATE_OPTION}stat {path}"))?;
    let path = host_path(path)?.into();
    Ok(Directory { path, kind })
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
            "/:idmap=uids=@0-1-1;gids=0-0-1",
            "/:idmap=uids=0-1;gids=0-0-1",
            "/:idmap=gids=0-0-0;uids=0-0-1",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
