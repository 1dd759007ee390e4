//! What every container of this host gets copies of: mounts.conf(5).
//!
//! Of the user's file, `/etc/containers/mounts.conf` and `/usr/share/containers/mounts.conf` the first that is there is read. A line
//! is `HOST[:CONTAINER]`; what is not there is left out, and what cannot be copied is told and left out.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::record::{Container, Mount};
use crate::engine::{Context, rootless};

/// Copies them into the run directory, which goes with the container's process, and has the container mount them.
pub(super) fn add(ctx: &Context, container: &mut Container, run: &Path) -> Result<()> {
    let Some(file) = files(ctx).into_iter().find(|file| file.exists()) else {
        return Ok(());
    };
    if container.pause.is_some() {
        return Ok(());
    }
    let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let owner = container.user_namespace.maps().map_or((0, 0), |m| m.root());
    for (number, (source, destination)) in entries(&text).enumerate() {
        let is_asked = |mount: &Mount| mount.destination == destination;
        if !Path::new(source).exists() || container.mounts.iter().any(is_asked) {
            continue;
        }
        let copy = run.join("subscriptions").join(number.to_string());
        let making = || format!("making {}", copy.display());
        fs::create_dir_all(copy.parent().unwrap_or(run)).with_context(making)?;
        if let Err(error) = copy_tree(Path::new(source), &copy, owner) {
            eprintln!(
                "rpod: warning: {}: {source} is left out: {error:#}",
                file.display()
            );
            continue;
        }
        container.mounts.push(Mount {
            kind: "bind".to_owned(),
            source: copy.to_string_lossy().into_owned(),
            destination: destination.to_owned(),
            options: vec!["bind".to_owned(), "rprivate".to_owned()],
            ..Mount::default()
        });
    }
    Ok(())
}

fn files(ctx: &Context) -> Vec<PathBuf> {
    if let Some(file) = &ctx.globals.default_mounts_file {
        return vec![file.clone()];
    }
    let mut files = Vec::new();
    if rootless()
        && let Some(home) = std::env::var_os("HOME")
    {
        files.push(Path::new(&home).join(".config/containers/mounts.conf"));
    }
    files.push("/etc/containers/mounts.conf".into());
    files.push("/usr/share/containers/mounts.conf".into());
    files
}

/// Host and container, which is called the same if it is not named.
fn entries(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| line.starts_with('/'));
    lines.map(|line| line.split_once(':').unwrap_or((line, line)))
}

/// Files and directories, whatever links to them; nothing else.
fn copy_tree(from: &Path, to: &Path, owner: (u32, u32)) -> Result<()> {
    let failed = || format!("copying {}", from.display());
    let about = fs::metadata(from).with_context(failed)?;
    if about.is_dir() {
        fs::create_dir(to).with_context(failed)?;
        for entry in fs::read_dir(from).with_context(failed)? {
            let entry = entry.with_context(failed)?;
            copy_tree(&entry.path(), &to.join(entry.file_name()), owner)?;
        }
    } else if about.is_file() {
        fs::copy(from, to).with_context(failed)?;
    } else {
        bail!("{} is neither a file nor a directory", from.display());
    }
    let mode = fs::Permissions::from_mode(about.permissions().mode() & 0o7777);
    fs::set_permissions(to, mode).with_context(failed)?;
    lchown(to, Some(owner.0), Some(owner.1)).with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_file() {
        let text = "# these\n/a/b:/run/secrets\n\n/c\nrelative:/x\n";
        let found: Vec<_> = entries(text).collect();
        assert_eq!(found, [("/a/b", "/run/secrets"), ("/c", "/c")]);
    }
}
