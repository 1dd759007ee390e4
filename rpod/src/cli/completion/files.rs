//! Files of an image or a container, by the beginning of a path in there.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use nix::dir::Dir;
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::answer::{Answer, Candidate, Files};
use crate::engine::container::mount::Reached;
use crate::engine::container::overlay;
use crate::engine::files::{self, Root};
use crate::engine::{Context, container, image};

/// The image is mounted where nobody else sees it.
pub(super) fn in_image(ctx: &Context, name: &str, typed: &str) -> Result<Answer> {
    let image = image::find(ctx, name)?;
    unshare(CloneFlags::CLONE_NEWNS).context("leaving the mount namespace")?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
        .context("making mounts private")?;
    let target = ctx.store.runroot.join("image-mounts");
    image::mount::mount_at(ctx, &image, &target, None)?;
    let found = Root::open(&target).and_then(|root| fitting(&root, typed));
    // The kernel does that with our end, but does not end a program that mounts in its place.
    overlay::unmount(&target)?;
    found
}

pub(super) fn in_container(ctx: &Context, name: &str, typed: &str) -> Result<Answer> {
    let container = container::find(ctx, name)?;
    let reached = Reached::new(ctx, &container)?;
    let (root, at) = reached.locate(Path::new(typed))?;
    let is_below_a_mount = at != Path::new("/").join(typed);
    if is_below_a_mount {
        let found = fitting(&root, &at.to_string_lossy())?;
        let before = typed.strip_suffix(at.to_string_lossy().as_ref());
        return Ok(found.behind(before.unwrap_or_default()));
    }
    fitting(&root, typed)
}

/// What a path may become: what is in the directory that it leads to, or what is beside it and begins so.
fn fitting(root: &Root, typed: &str) -> Result<Answer> {
    let whole = if typed.is_empty() { "/" } else { typed };
    let mut found = match list(root, Path::new(whole)) {
        Ok(names) if names.is_empty() => vec![joined(whole, "")],
        Ok(names) => names.iter().map(|name| joined(whole, name)).collect(),
        Err(_) => {
            let (before, begun) = whole.split_at(whole.rfind('/').map_or(0, |at| at + 1));
            let names = list(root, &Path::new("/").join(before))?.into_iter();
            let fit = names.filter(|name| name.starts_with(begun));
            fit.map(|name| format!("{before}{name}")).collect()
        }
    };
    found.sort();
    Ok(Answer {
        goes_on: found.len() > 1 || found.iter().any(|path| path.ends_with('/')),
        candidates: found
            .into_iter()
            .map(|path| Candidate::new(path, ""))
            .collect(),
        files: Files::Any,
    })
}

fn joined(directory: &str, name: &str) -> String {
    format!("{}/{name}", directory.trim_end_matches('/'))
}

/// Names of a directory's files; those of directories end with a slash.
fn list(root: &Root, directory: &Path) -> Result<Vec<String>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
    let mut names = Vec::new();
    let mut open = Dir::from_fd(root.open_at(directory, flags)?)?;
    for entry in open.iter() {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name == "." || name == ".." {
            continue;
        }
        let path: PathBuf = directory.join(&name);
        let is_directory = root.stat(&path).is_ok_and(|stat| files::is_dir(&stat));
        names.push(if is_directory { name + "/" } else { name });
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn paths_stay_in_the_root() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["etc/ssl", "empty"] {
            std::fs::create_dir_all(dir.path().join(path)).unwrap();
        }
        std::fs::write(dir.path().join("etc/os-release"), "").unwrap();
        let root = Root::open(dir.path()).unwrap();
        let words = |typed: &str| {
            let found = fitting(&root, typed).unwrap();
            let words: Vec<_> = found.candidates.into_iter().map(|c| c.word).collect();
            (words.join(" "), found.goes_on)
        };
        assert_eq!(words(""), ("/empty/ /etc/".into(), true));
        assert_eq!(words("/etc"), ("/etc/os-release /etc/ssl/".into(), true));
        assert_eq!(words("/etc/o"), ("/etc/os-release".into(), false));
        assert_eq!(words("e"), ("empty/ etc/".into(), true));
        assert_eq!(words("../../e"), ("../../empty/ ../../etc/".into(), true));
        assert_eq!(words("/empty"), ("/empty/".into(), true));
        assert!(fitting(&root, "/none/x").is_err());
    }
}
