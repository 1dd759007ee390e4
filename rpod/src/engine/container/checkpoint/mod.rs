//! A container's processes are written to files and brought back: podman-container-checkpoint(1), podman-container-restore(1).
//!
//! The runtime does it with criu(8); rpod keeps what lies around the processes. In the container's directory:
//!
//! ```text
//! checkpoint/  pre-checkpoint/    criu's files
//! dump.log stats-dump  restore.log stats-restore
//! devshm-checkpoint.tar           what was in /dev/shm
//! network.status                  addresses that it had, as netavark answered
//! checkpoint.json                 that it was checkpointed or restored, and when
//! ```
//!
//! [`archive`] writes these and what the container changed of its files to an archive, which [`import`] makes a container of.

mod archive;
mod criu;
mod image;
pub mod import;
mod network;
mod restore;
mod rootfs;
mod shm;
pub mod state;
mod statistics;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;

use super::record::Container;
use super::restart::{self, EndedBy};
use super::{clear, wait};
use crate::engine::files::compression::Compression;
use crate::engine::{Context, event, pod, runtime};
use crate::store::directory::remove_if_there;
pub use image::is_checkpoint;
pub use restore::{Restoring, restore};
use statistics::Kind;

/// criu's images of the container, and of its memory alone.
const IMAGES: &str = "checkpoint";
const MEMORY: &str = "pre-checkpoint";

/// How long the monitor may take to see the end of a container that was dumped.
const AFTER_DUMP: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub export: Option<PathBuf>,
    pub compression: Compression,
    pub create_image: Option<String>,
    pub file_locks: bool,
    pub ignore_rootfs: bool,
    pub ignore_volumes: bool,
    pub keep: bool,
    pub leave_running: bool,
    pub pre_checkpoint: bool,
    pub print_stats: bool,
    pub tcp_established: bool,
    pub with_previous: bool,
}

/// How long it took.
#[derive(Clone, Debug)]
pub struct Report {
    /// Microseconds that the runtime needed; to restore, together with the monitor.
    pub runtime: u64,
    /// What criu says of it, if it was asked.
    pub criu: Option<Value>,
}

/// Dumps a container that runs; it ends, unless it is to run on.
pub fn checkpoint(ctx: &Context, container: &Container, asked: &Asked) -> Result<Report> {
    criu::check(criu::MINIMUM)?;
    if asked.pre_checkpoint || asked.with_previous {
        criu::check_memory_tracking()?;
    }
    criu::check_runtime(ctx, container)?;
    check(ctx, container, asked)?;
    let _lock = container.lock(ctx)?;
    let status = ctx.store.status(&container.id)?;
    if !status.is_running() {
        bail!(
            "{:?} is not running, cannot checkpoint: container state improper",
            status.word()
        );
    }
    let home = container.home(ctx);
    let runtime = dump(ctx, container, asked, &home)?;
    if asked.ends() {
        // Nobody starts it again: who would, when its monitor has seen its end, waits for the lock.
        restart::note_stop_locked(ctx, container, EndedBy::Person)?;
    }
    if asked.ends() && wait::wait_until(ctx, &container.id, Some(AFTER_DUMP))?.is_none() {
        bail!(
            "container {} was dumped, but did not end within {} seconds",
            container.name,
            AFTER_DUMP.as_secs()
        );
    }
    shm::keep(ctx, container, &home)?;
    network::keep(ctx, container, &home)?;
    match (&asked.export, &asked.create_image) {
        (Some(path), _) => archive::export(ctx, container, asked, path)?,
        (None, Some(name)) => image::create(ctx, container, asked, name)?,
        (None, None) => {}
    }
    event::container(ctx, "checkpoint", container);
    let criu = match asked.print_stats {
        true => Some(statistics::read(&home, Kind::Dump)?),
        false => None,
    };
    if asked.ends() {
        state::note_checkpoint(&home, asked.keep)?;
        clear::clear_run(ctx, container)?;
    }
    if !asked.keep && !asked.pre_checkpoint {
        forget(&home, &["dump.log", "stats-dump"])?;
    }
    Ok(Report { runtime, criu })
}

impl Asked {
    /// Whether the container ends by it.
    fn ends(&self) -> bool {
        !self.leave_running && !self.pre_checkpoint
    }
}

fn check(ctx: &Context, container: &Container, asked: &Asked) -> Result<()> {
    if container.remove && asked.export.is_none() {
        bail!(
            "cannot checkpoint containers that have been started with '--rm' unless '--export' is used"
        );
    }
    if asked.with_previous && !container.home(ctx).join(MEMORY).is_dir() {
        bail!(
            "container {} has no pre-checkpoint: make one with --pre-checkpoint",
            container.name
        );
    }
    if asked.export.is_none() && asked.create_image.is_none() {
        return Ok(());
    }
    // What it needs elsewhere is nowhere but here, unless a pod has it there, too.
    let infra = match &container.pod {
        Some(pod) => pod::load(ctx, pod)?.infra,
        None => None,
    };
    let is_strange = |need: &&str| infra.as_deref() != Some(*need);
    match container.needs().into_iter().find(is_strange) {
        Some(_) => bail!("cannot export checkpoints of containers with dependencies"),
        None => Ok(()),
    }
}

/// Has the runtime write the processes to files; how long that took, in microseconds.
fn dump(ctx: &Context, container: &Container, asked: &Asked, home: &Path) -> Result<u64> {
    let log = home.join("dump.log");
    let making = || format!("making {}", log.display());
    let mut options = OpenOptions::new();
    let file = options.create(true).write(true).truncate(true).mode(0o600);
    file.open(&log).with_context(making)?;
    let images = match asked.pre_checkpoint {
        true => MEMORY,
        false => IMAGES,
    };
    let images = home.join(images);
    crate::store::directory::remove_tree(&images)?;
    let arguments = arguments(container, asked, &images, home)?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let begun = Instant::now();
    runtime::call(ctx, container, &arguments).map_err(|error| {
        anyhow!(
            "checkpointing container {}: {error:#} (criu's log, if it has one: {})",
            container.name,
            log.display()
        )
    })?;
    if asked.with_previous {
        // criu names it by a path of this host (criu's issue 116).
        let link = images.join("parent");
        forget(&images, &["parent"])?;
        std::os::unix::fs::symlink(Path::new("..").join(MEMORY), &link)
            .with_context(|| format!("making {}", link.display()))?;
    }
    Ok(microseconds(begun))
}

fn microseconds(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn arguments(
    container: &Container,
    asked: &Asked,
    images: &Path,
    work: &Path,
) -> Result<Vec<String>> {
    let text = |path: &Path| {
        let text = path.to_str().map(str::to_owned);
        text.with_context(|| format!("{} is not UTF-8", path.display()))
    };
    let mut all = vec!["checkpoint".to_owned()];
    all.extend(["--image-path".to_owned(), text(images)?]);
    all.extend(["--work-path".to_owned(), text(work)?]);
    for (option, wanted) in [
        ("--leave-running", asked.leave_running),
        ("--tcp-established", asked.tcp_established),
        ("--file-locks", asked.file_locks),
        ("--pre-dump", asked.pre_checkpoint),
    ] {
        if wanted {
            all.push(option.to_owned());
        }
    }
    if asked.with_previous {
        all.extend(["--parent-path".to_owned(), format!("../{MEMORY}")]);
    }
    all.push(container.id.clone());
    Ok(all)
}

/// Removes files of a directory that may not be there.
fn forget(directory: &Path, names: &[&str]) -> Result<()> {
    for name in names {
        let path = directory.join(name);
        remove_if_there(&path)?;
    }
    Ok(())
}

/// criu's files of a container.
pub fn images(home: &Path) -> PathBuf {
    home.join(IMAGES)
}

/// Containers that `--all` means.
pub fn running(ctx: &Context) -> Result<Vec<Container>> {
    let mut found = Vec::new();
    for container in super::all(ctx)? {
        if ctx.store.status(&container.id)?.is_running() {
            found.push(container);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_the_runtime_is_asked() {
        let container = Container {
            id: "c1".to_owned(),
            ..Container::default()
        };
        let asked = Asked {
            tcp_established: true,
            with_previous: true,
            ..Asked::default()
        };
        let words = arguments(
            &container,
            &asked,
            Path::new("/h/checkpoint"),
            Path::new("/h"),
        );
        assert_eq!(
            words.unwrap().join(" "),
            "checkpoint --image-path /h/checkpoint --work-path /h --tcp-established --parent-path ../pre-checkpoint c1"
        );
    }
}
