//! The directory for files that end with the machine's run, as podman finds it: `$XDG_RUNTIME_DIR`, `/run/user/UID`, or one in
//! `/tmp`, which anybody could have made.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::identity;

/// Finds it, and makes it where it has to be made.
pub fn runtime_dir() -> Result<PathBuf> {
    let Some(identity) = identity() else {
        bail!("the host's root has no runtime directory of its own");
    };
    if let Some(given) = std::env::var_os("XDG_RUNTIME_DIR").filter(|given| !given.is_empty()) {
        let given = PathBuf::from(given);
        if !given.is_dir() {
            bail!(
                "XDG_RUNTIME_DIR={}: no such directory: log in through PAM, or unset it",
                given.display()
            );
        }
        return Ok(given);
    }
    let by_login = PathBuf::from(format!("/run/user/{}", identity.uid));
    if is_private(&by_login, owner(identity.uid)).is_ok() {
        return Ok(by_login);
    }
    let own = std::env::temp_dir().join(format!("rpod-run-{}", identity.uid));
    let made = fs::DirBuilder::new().mode(0o700).create(&own);
    if let Err(error) = made
        && error.kind() != std::io::ErrorKind::AlreadyExists
    {
        return Err(error).with_context(|| {
            format!(
                "making {}: set XDG_RUNTIME_DIR to a directory of your own",
                own.display()
            )
        });
    }
    is_private(&own, owner(identity.uid))?;
    Ok(own)
}

/// The number under which the person's files are seen from here.
fn owner(uid: u32) -> u32 {
    if nix::unistd::geteuid().is_root() {
        0
    } else {
        uid
    }
}

/// Nobody else may have made it, or may write to it.
fn is_private(path: &Path, uid: u32) -> Result<()> {
    let about =
        fs::symlink_metadata(path).with_context(|| format!("looking at {}", path.display()))?;
    if !about.is_dir() || about.uid() != uid || about.mode() & 0o022 != 0 {
        bail!(
            "{} is not a directory that only you can write to: set XDG_RUNTIME_DIR to one",
            path.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_others_can_write_to_or_point_to_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("own");
        fs::create_dir(&own).unwrap();
        let uid = nix::unistd::geteuid().as_raw();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(is_private(&own, uid).is_ok());
        assert!(is_private(&own, uid + 1).is_err());
        fs::set_permissions(&own, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(is_private(&own, uid).is_err());
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&own, &link).unwrap();
        assert!(is_private(&link, uid).is_err());
    }
}
