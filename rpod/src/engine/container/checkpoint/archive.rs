//! A checkpoint as an archive, in podman's form: what criu wrote, what the container changed, its volumes, and what it was.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{Asked, IMAGES, MEMORY, forget, network, rootfs, shm};
use crate::engine::container::record::Container;
use crate::engine::files::Root;
use crate::engine::files::pack::{Form, Packer};
use crate::engine::{Context, volume};
use crate::store::directory::remove_tree;
use crate::store::id;

/// What the container was: podman's keys as far as other tools look for them, and rpod's record.
pub(super) const CONFIG: &str = "config.dump";
pub(super) const SPEC: &str = "spec.dump";
pub(super) const VOLUMES: &str = "volumes";
pub(super) const LOG: &str = "ctr.log";
/// The key of `config.dump` that holds the record.
pub(super) const RECORD: &str = "rpod";

/// Writes the archive beside its place and renames it there. It is on the disk before the container ends for good: nothing else has
/// what its processes knew.
pub(super) fn export(
    ctx: &Context,
    container: &Container,
    asked: &Asked,
    path: &Path,
) -> Result<()> {
    let creating = || {
        format!(
            "creating checkpoint export file {:?}",
            path.display().to_string()
        )
    };
    let path = std::path::absolute(path).with_context(creating)?;
    let temporary = path.with_file_name(format!(".tmp-{}", id::short(&id::new()?)));
    let mut options = OpenOptions::new();
    let file = options.create_new(true).write(true).mode(0o600);
    let file = file.open(&temporary).with_context(creating)?;
    let written = asked
        .compression
        .write(BufWriter::new(&file), |out| {
            write(ctx, container, asked, out)
        })
        .and_then(|()| show(&file, &temporary, &path).with_context(creating));
    if written.is_err() {
        // What went wrong is the error.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn show(file: &File, temporary: &Path, path: &Path) -> io::Result<()> {
    file.sync_all()?;
    fs::rename(temporary, path)?;
    let above = path.parent().unwrap_or(Path::new("/"));
    File::open(above)?.sync_all()
}

/// Writes the archive, uncompressed.
pub(super) fn write(
    ctx: &Context,
    container: &Container,
    asked: &Asked,
    out: &mut dyn Write,
) -> Result<()> {
    let home = container.home(ctx);
    let mut names = vec![CONFIG, SPEC, shm::ARCHIVE, network::STATUS, "stats-dump"];
    describe(container, &home)?;
    names.push(if asked.pre_checkpoint { MEMORY } else { IMAGES });
    if container.log_file.is_none() {
        names.push(LOG);
    }
    if !asked.ignore_rootfs && container.rootfs.is_none() {
        rootfs::keep(ctx, container, &home)?;
        names.extend([rootfs::CHANGED, rootfs::DELETED]);
    }
    if !asked.ignore_volumes {
        keep_volumes(ctx, container, &home)?;
        names.push(VOLUMES);
    }
    let root = Root::open(&home)?;
    let mut packer = Packer::new(out, Form::Plain);
    for name in names {
        if home.join(name).exists() {
            packer.add(&root, Path::new(name), Some(name.as_ref()))?;
        }
    }
    packer.finish()?;
    forget(&home, &[CONFIG, SPEC, rootfs::CHANGED, rootfs::DELETED])?;
    remove_tree(&home.join(VOLUMES))
}

fn describe(container: &Container, home: &Path) -> Result<()> {
    let runtime = container.runtime.as_deref().and_then(Path::file_name);
    let config = json!({
        "id": container.id,
        "name": container.name,
        "rootfsImage": container.image.id,
        "rootfsImageRef": container.image.id,
        "rootfsImageName": container.image.name,
        "runtime": runtime.unwrap_or_default().to_string_lossy(),
        "createdTime": container.created,
        "checkpointedTime": jiff::Timestamp::now().to_string(),
        RECORD: container,
    });
    let path = home.join(CONFIG);
    let text = serde_json::to_vec_pretty(&config).context("encoding the record")?;
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    let spec = home.join(SPEC);
    fs::copy(home.join("config.json"), &spec)
        .with_context(|| format!("writing {}", spec.display()))
        .map(drop)
}

fn keep_volumes(ctx: &Context, container: &Container, home: &Path) -> Result<()> {
    let directory = home.join(VOLUMES);
    for name in container.volumes() {
        fs::create_dir_all(&directory)
            .with_context(|| format!("making {}", directory.display()))?;
        let path = of_volume(home, name);
        let file = File::create(&path).with_context(|| format!("making {}", path.display()))?;
        volume::archive::export(ctx, &volume::get(ctx, name)?, file)?;
    }
    Ok(())
}

/// Where a volume's archive is.
pub(super) fn of_volume(directory: &Path, name: &str) -> PathBuf {
    directory.join(VOLUMES).join(format!("{name}.tar"))
}
