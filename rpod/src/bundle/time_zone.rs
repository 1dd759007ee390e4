//! `--tz`: podman-run(1). As localtime(5) has it, `/etc/localtime` is a link to the zone where the container knows it; a copy of the
//! host's file is put there where it does not.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::unistd::{UnlinkatFlags, symlinkat, unlinkat};

use super::files::Bound;
use super::rootfs::Rootfs;
use crate::engine::container::record::Container;

const PLACE: &str = "/etc/localtime";

/// The host's file of a zone (`Europe/Berlin`), or of its own (`local`).
pub fn of_host(zone: &str) -> Result<PathBuf> {
    let unknown = || format!("finding timezone: unknown time zone {zone}");
    let is_name = |part: &str| !part.is_empty() && part != "..";
    let file = match zone {
        "local" => fs::canonicalize(PLACE).with_context(unknown)?,
        _ if !zone.split('/').all(is_name) => {
            bail!("finding timezone: time: invalid location name {zone:?}: write AREA/PLACE")
        }
        _ => Path::new("/usr/share/zoneinfo").join(zone),
    };
    if !fs::metadata(&file).with_context(unknown)?.is_file() {
        bail!("finding timezone: is a directory: {zone}: write AREA/PLACE");
    }
    Ok(file)
}

/// Before each start: links or copies the zone that was asked for.
pub fn settle(
    container: &Container,
    rootfs: &Path,
    run: &Path,
    files: &mut Vec<Bound>,
) -> Result<()> {
    let mounts = &mut container.mounts.iter();
    if container.time_zone.is_empty() || mounts.any(|mount| mount.destination == PLACE) {
        return Ok(());
    }
    let zone = of_host(&container.time_zone)?;
    let rootfs = Rootfs::open(rootfs)?;
    let Some(etc) = rootfs.directory("/etc")? else {
        return Ok(());
    };
    // What is a link would be followed by the mount, to another zone's file.
    match unlinkat(&etc, "localtime", UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(errno) => {
            return Err(errno).with_context(|| format!("removing {PLACE} in the container"));
        }
    }
    if rootfs.has(&zone) {
        let target = Path::new("..").join(zone.strip_prefix("/").unwrap_or(&zone));
        return symlinkat(&target, &etc, "localtime")
            .with_context(|| format!("linking {PLACE} in the container"));
    }
    let copy = run.join("localtime");
    fs::copy(&zone, &copy).with_context(|| format!("copying {}", zone.display()))?;
    files.push(Bound {
        source: copy,
        destination: PLACE.to_owned(),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_zone_is_linked_if_the_container_has_it() {
        let Ok(zone) = of_host("local") else { return };
        let dir = tempfile::tempdir().unwrap();
        let (rootfs, run) = (dir.path().join("rootfs"), dir.path().join("run"));
        fs::create_dir_all(rootfs.join("etc")).unwrap();
        fs::create_dir(&run).unwrap();
        std::os::unix::fs::symlink("../wrong", rootfs.join("etc/localtime")).unwrap();
        let container = Container {
            time_zone: "local".to_owned(),
            ..Container::default()
        };
        let mut files = Vec::new();
        settle(&container, &rootfs, &run, &mut files).unwrap();
        assert_eq!(files.len(), 1);
        assert!(fs::symlink_metadata(rootfs.join("etc/localtime")).is_err());
        let inside = rootfs.join(zone.strip_prefix("/").unwrap());
        fs::create_dir_all(inside.parent().unwrap()).unwrap();
        fs::write(&inside, "").unwrap();
        files.clear();
        settle(&container, &rootfs, &run, &mut files).unwrap();
        let link = fs::read_link(rootfs.join("etc/localtime")).unwrap();
        assert!(files.is_empty() && link.starts_with(".."), "{link:?}");
    }

    #[test]
    fn zones_that_are_none() {
        for bad in ["", "../etc/passwd", "No/Such", "/etc/passwd"] {
            assert!(of_host(bad).is_err(), "{bad}");
        }
    }
}
