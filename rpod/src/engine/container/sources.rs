//! What a container's mounts are made of, where that is made when it starts: images, artifacts, parts of images and volumes, overlays.
//!
//! ```text
//! RUNROOT/containers/<id>/mounts/<n>      a part of an image or a volume
//! RUNROOT/containers/<id>/mounts/<n>.<id> an image, by its id: while it is there the image stays
//! ROOT/containers/<id>/overlay/<n>/       upper work merge: what is written over a directory that stays as it is
//! ```
//!
//! All of it goes when the container has ended.

use std::ffi::OsString;
use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::fcntl::OFlag;

use super::overlay::{bind, over, unmount};
use super::record::{Container, Mount, Over};
use crate::engine::files::{self, Root};
use crate::engine::{Context, artifact, image};
use crate::store::directory::{entries, remove_tree};

/// The container with mounts of directories and files alone.
pub(super) fn make(ctx: &Context, container: &Container, run: &Path) -> Result<Container> {
    let mut container = container.clone();
    let home = container.home(ctx);
    for (number, mount) in container.mounts.iter_mut().enumerate() {
        if mount.kind != "image" && mount.subpath.is_empty() && mount.over.is_none() {
            continue;
        }
        let number = number.to_string();
        let place = run.join("mounts").join(&number);
        let writable = home.join("overlay").join(&number);
        let label = container.security.mount_label.as_deref();
        make_source(ctx, mount, &place, &writable, label)
            .with_context(|| format!("preparing the mount on {}", mount.destination))?;
    }
    let mut mounts = Vec::new();
    for mount in container.mounts {
        match mount.kind.as_str() {
            "artifact" => mounts.extend(artifact::mount::files(ctx, &mount, &home.join("rootfs"))?),
            _ => mounts.push(mount),
        }
    }
    container.mounts = mounts;
    Ok(container)
}

fn make_source(
    ctx: &Context,
    mount: &mut Mount,
    place: &Path,
    writable: &Path,
    label: Option<&str>,
) -> Result<()> {
    if mount.kind == "image" {
        let found = image::find(ctx, &mount.source)?;
        let whole = place.with_extension(&found.id);
        fs::create_dir_all(&whole).with_context(|| format!("making {}", whole.display()))?;
        // Nobody removes it any more who has not removed it already.
        let found = image::find(ctx, &found.id)?;
        image::unpack_missing_layers(ctx, &found)?;
        image::mount::mount_at(ctx, &found, &whole, label)?;
        mount.kind = "bind".to_owned();
        mount.source = text(&whole)?;
    }
    if !mount.subpath.is_empty() {
        mount.source = text(&part(Path::new(&mount.source), &mount.subpath, place)?)?;
    }
    if let Some(asked) = &mount.over {
        mount.source = text(&overlay(Path::new(&mount.source), asked, writable)?)?;
    }
    Ok(())
}

/// Mounts a file or directory of a tree by itself. The tree is hostile: the kernel resolves the path inside of it.
fn part(root: &Path, subpath: &str, place: &Path) -> Result<PathBuf> {
    let missing = || format!("subpath {subpath:?}");
    let root = Root::open(root)?;
    let path = Path::new(subpath);
    let found = root.open_at(path, OFlag::O_PATH).with_context(missing)?;
    let stat = nix::sys::stat::fstat(&found).with_context(missing)?;
    let making = || format!("making {}", place.display());
    fs::create_dir_all(place.parent().unwrap_or(place)).with_context(making)?;
    if files::is_dir(&stat) {
        fs::create_dir_all(place).with_context(making)?;
    } else {
        fs::write(place, "").with_context(making)?;
    }
    // The descriptor, not the path, which may lead elsewhere by now.
    let source = format!("/proc/self/fd/{}", found.as_raw_fd());
    bind(Path::new(&source), place)?;
    Ok(place.to_owned())
}

/// Mounts what is written over the directory that stays as it is.
fn overlay(lower: &Path, asked: &Over, writable: &Path) -> Result<PathBuf> {
    let merge = writable.join("merge");
    let own = |asked: &Option<PathBuf>, name| asked.clone().unwrap_or_else(|| writable.join(name));
    let (upper, work) = (own(&asked.upper, "upper"), own(&asked.work, "work"));
    if !lower.is_dir() {
        bail!(
            "{} is no directory, and only over those can be written",
            lower.display()
        );
    }
    for dir in [&merge, &upper, &work] {
        fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    }
    if asked.upper.is_none() {
        look_like(&upper, lower)
            .with_context(|| format!("making {} like {}", upper.display(), lower.display()))?;
    }
    over(lower, &upper, &work, &merge, None)?;
    Ok(merge)
}

/// The directory on top shows its own owner and mode, not those of what it lies over.
fn look_like(upper: &Path, lower: &Path) -> std::io::Result<()> {
    let about = fs::metadata(lower)?;
    chown(upper, Some(about.uid()), Some(about.gid()))?;
    fs::set_permissions(upper, about.permissions())
}

fn text(path: &Path) -> Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.with_context(|| format!("{} is not UTF-8", path.display()))
}

/// Takes away what [`make`] has made, or as much as it came to.
pub(super) fn release(home: &Path, run: &Path) -> Result<()> {
    let overlays = home.join("overlay");
    for name in names(&overlays)? {
        unmount(&overlays.join(name).join("merge"))?;
    }
    let mounts = run.join("mounts");
    for name in names(&mounts)? {
        unmount(&mounts.join(name))?;
    }
    remove_tree(&overlays)
}

/// Parts before the images that they are of: `0` before `0.<id>`.
fn names(directory: &Path) -> Result<Vec<OsString>> {
    let paths = entries(directory)?;
    let names = paths.iter().filter_map(|path| path.file_name());
    let mut names: Vec<OsString> = names.map(OsString::from).collect();
    names.sort();
    Ok(names)
}
