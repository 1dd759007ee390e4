//! What a container changed of its image's files: an archive of what is new, and a list of what is gone.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::engine::Context;
use crate::engine::container::diff::{self, Subject};
use crate::engine::container::record::Container;
use crate::engine::files::diff::Kind;
use crate::engine::files::pack::{Form, Packer};
use crate::engine::files::unpack::{self, Options};
use crate::engine::files::{Root, is_dir};
use crate::store::record::{self, Durability};

pub(super) const CHANGED: &str = "rootfs-diff.tar";
pub(super) const DELETED: &str = "deleted.files";

/// Writes both beside the container's other files, as far as there is something to write.
pub(super) fn keep(ctx: &Context, container: &Container, home: &Path) -> Result<()> {
    let changes = diff::own(ctx, &Subject::Container(Box::new(container.clone())))?;
    let root = Root::open(&home.join("rootfs"))?;
    let path = home.join(CHANGED);
    let file = File::create(&path).with_context(|| format!("making {}", path.display()))?;
    let mut packer = Packer::new(BufWriter::new(file), Form::Plain).of(container);
    // A directory is written with all that is in it.
    let mut whole: Option<&Path> = None;
    for change in &changes {
        let is_written = whole.is_some_and(|above| change.path.starts_with(above));
        let is_directory = root.stat(&change.path).is_ok_and(|stat| is_dir(&stat));
        if change.kind == Kind::Deleted
            || is_written
            || change.kind == Kind::Changed && is_directory
        {
            continue;
        }
        whole = is_directory.then_some(change.path.as_path());
        let name = change.path.strip_prefix("/").unwrap_or(&change.path);
        packer.add(&root, &change.path, Some(name.as_os_str()))?;
    }
    packer.finish()?;
    let gone = changes.iter().filter(|change| change.kind == Kind::Deleted);
    let gone: Vec<&PathBuf> = gone.map(|change| &change.path).collect();
    record::save(&home.join(DELETED), &gone, Durability::Process)
}

/// Makes the files of the container what they were.
pub(super) fn put_back(container: &Container, home: &Path) -> Result<()> {
    let root = Root::open(&home.join("rootfs"))?;
    let path = home.join(CHANGED);
    if path.exists() {
        let archive = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
        let options = Options {
            overwrite: true,
            users: container.user_namespace.maps().cloned(),
            ..Options::default()
        };
        unpack::unpack(BufReader::new(archive), &root, Path::new("/"), &options)
            .context("putting back what the container had changed")?;
    }
    let gone: Vec<PathBuf> = record::load_if_there(&home.join(DELETED))?.unwrap_or_default();
    for path in gone {
        root.remove(&path)
            .with_context(|| format!("removing {} from the container", path.display()))?;
    }
    Ok(())
}
