//! Overlays by a program, where the kernel or the file system refuses them: fuse-overlayfs(1).
//!
//! storage.conf may name one that is always used. Otherwise an ordinary user has fuse-overlayfs where the kernel's own overlay could not
//! be mounted, as before Linux 5.11 or on a file system that is an overlay itself. It takes whiteouts as the kernel leaves them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::config::{find_part, storage_options};
use crate::engine::rootless;
use crate::engine::selinux::mount_option;

/// What is laid over what.
#[derive(Debug)]
pub(super) struct Layers<'a> {
    /// The first hides the others.
    pub(super) lower: Vec<PathBuf>,
    /// Where what is written goes, and a directory beside it; nothing is written without them.
    pub(super) upper_and_work: Option<(&'a Path, &'a Path)>,
    /// Nothing is synced.
    pub(super) volatile: bool,
    /// The SELinux label that all files have.
    pub(super) label: Option<&'a str>,
}

/// Mounts by the configured program, else by the kernel, else by fuse-overlayfs.
pub(super) fn mount_or(
    layers: &Layers<'_>,
    target: &Path,
    by_kernel: impl FnOnce() -> Result<()>,
) -> Result<()> {
    if let Some(program) = &storage_options()?.mount_program {
        return layers.mount(program, target);
    }
    let Err(refused) = by_kernel() else {
        return Ok(());
    };
    if !rootless() {
        return Err(refused);
    }
    match find_part(&[], &["fuse-overlayfs"]) {
        Ok(program) => layers
            .mount(&program, target)
            .with_context(|| format!("the kernel has refused it ({refused:#})")),
        Err(_) => Err(refused.context("there is no fuse-overlayfs that would do it: install it")),
    }
}

impl Layers<'_> {
    /// The program goes on in the background, and ends when nothing of the mount is left.
    fn mount(&self, program: &Path, target: &Path) -> Result<()> {
        let output = Command::new(program)
            .arg("-o")
            .arg(self.options()?)
            .arg(target)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("starting {}", program.display()))?;
        if !output.status.success() {
            bail!(
                "{} on {}: {}",
                program.display(),
                target.display(),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(())
    }

    fn options(&self) -> Result<OsString> {
        let mut options = OsString::from("lowerdir=");
        for (number, lower) in self.lower.iter().enumerate() {
            if number > 0 {
                options.push(":");
            }
            options.push(plain(lower)?);
        }
        if let Some((upper, work)) = self.upper_and_work {
            for (name, path) in [("upperdir", upper), ("workdir", work)] {
                options.push(format!(",{name}="));
                options.push(plain(path)?);
            }
        }
        if self.volatile {
            options.push(",volatile");
        }
        options.push(mount_option("context", self.label));
        Ok(options)
    }
}

/// A path that divides no options.
fn plain(path: &Path) -> Result<&Path> {
    if path
        .as_os_str()
        .as_bytes()
        .iter()
        .any(|byte| b",:\\".contains(byte))
    {
        bail!(
            "{}: fuse-overlayfs takes no path with a comma, colon or backslash: choose another with --root",
            path.display()
        );
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn options_of_the_program() {
        let mut layers = Layers {
            lower: vec!["/b/diff".into(), "/a/diff".into()],
            upper_and_work: Some((Path::new("/u"), Path::new("/w"))),
            volatile: true,
            label: None,
        };
        assert_eq!(
            layers.options().unwrap(),
            "lowerdir=/b/diff:/a/diff,upperdir=/u,workdir=/w,volatile"
        );
        layers.lower.push("/a:b".into());
        assert!(layers.options().is_err());
    }
}
