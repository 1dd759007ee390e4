//! What a container with users of its own needs besides them: rpod's files are its root's, and its user has a name.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::files::Bound;
use super::rootfs::Rootfs;
use crate::engine::container::record::Container;
use crate::rootless::identity;

/// Gives the files to the container's root, and adds a passwd(5) file where the image knows nothing of the user.
pub fn settle(
    container: &Container,
    run: &Path,
    home: &Path,
    files: &mut Vec<Bound>,
) -> Result<()> {
    let Some(maps) = container.user_namespace.maps() else {
        return Ok(());
    };
    if let Some(text) = passwd(container, home)? {
        let source = run.join("passwd");
        fs::write(&source, text).with_context(|| format!("writing {}", source.display()))?;
        files.push(Bound {
            source,
            destination: "/etc/passwd",
        });
    }
    let (uid, gid) = maps.root();
    for file in files.iter().filter(|file| file.source.starts_with(run)) {
        chown(&file.source, Some(uid), Some(gid))
            .with_context(|| format!("changing the owner of {}", file.source.display()))?;
    }
    Ok(())
}

/// The image's users and the one that the container runs as, if that is somebody else: the person of `--userns=keep-id`.
fn passwd(container: &Container, home: &Path) -> Result<Option<String>> {
    let (uid, gid) = match container.process.user.split_once(':') {
        Some((uid, gid)) => (uid.parse::<u32>(), gid.parse::<u32>()),
        None => return Ok(None),
    };
    let (Ok(uid), Ok(gid), Some(person)) = (uid, gid, identity()) else {
        return Ok(None);
    };
    let known = Rootfs::open(&home.join("rootfs"))?.read("/etc/passwd")?;
    let mut text = known.unwrap_or_default();
    if text
        .lines()
        .any(|line| line.split(':').nth(2) == Some(&uid.to_string()))
    {
        return Ok(None);
    }
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(person.uid))
        .ok()
        .flatten();
    let name = user.map_or_else(|| uid.to_string(), |user| user.name);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let directory = match container.process.workdir.as_str() {
        "" => "/",
        workdir => workdir,
    };
    Ok(Some(format!(
        "{text}{name}:*:{uid}:{gid}:{name}:{directory}:/bin/sh\n"
    )))
}
