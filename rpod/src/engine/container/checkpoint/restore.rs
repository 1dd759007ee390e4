//! The way back: what the container had is put where it was, and the runtime has criu bring its processes back.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use super::network::{self, Ignoring};
use super::statistics::{self, Kind};
use super::{IMAGES, MEMORY, Report, criu, forget, microseconds, rootfs, shm, state};
use crate::engine::container::record::Container;
use crate::engine::container::start;
use crate::engine::container::status::Status;
use crate::engine::{Context, event};
use crate::store::directory::remove_tree;

/// How it is brought back.
#[derive(Clone, Debug, Default)]
pub struct Restoring {
    pub file_locks: bool,
    pub tcp_close: bool,
    pub tcp_established: bool,
    pub keep: bool,
    pub print_stats: bool,
    pub ignore_static_ip: bool,
    pub ignore_static_mac: bool,
    /// It was made of an archive: its files are to be what they were.
    pub imported: bool,
    pub ignore_rootfs: bool,
    /// It has another name than the one that was checkpointed, which may have its addresses.
    pub renamed: bool,
}

/// Restores a container that does not run.
pub fn restore(ctx: &Context, container: &Container, how: &Restoring) -> Result<Report> {
    criu::check(criu::MINIMUM)?;
    criu::check_runtime(ctx, container)?;
    let home = container.home(ctx);
    if !matches!(
        ctx.store.status(&container.id)?,
        Status::Created | Status::Exited(_)
    ) {
        bail!(
            "container {} is running or paused, cannot restore: container state improper",
            container.id
        );
    }
    // Without criu's list of what it wrote there is nothing to try.
    if !home.join(IMAGES).join("inventory.img").exists() {
        bail!("a complete checkpoint for this container cannot be found, cannot restore");
    }
    let mut asked = container.clone();
    let ignoring = Ignoring {
        ip: how.ignore_static_ip,
        mac: how.ignore_static_mac,
    };
    network::ignore(&mut asked, ignoring);
    if !how.renamed {
        network::ask_again(&mut asked, &home, ignoring)?;
    }
    let begun = Instant::now();
    start::restore(ctx, &asked, how)?;
    let runtime = microseconds(begun);
    event::container(ctx, "restore", container);
    let criu = match how.print_stats {
        true => Some(statistics::read(&home, Kind::Restore)?),
        false => None,
    };
    state::note_restore(&home, how.keep)?;
    if !how.keep {
        clear(&home)?;
    }
    Ok(Report { runtime, criu })
}

/// The checkpoint is consumed.
fn clear(home: &Path) -> Result<()> {
    for directory in [IMAGES, MEMORY] {
        remove_tree(&home.join(directory))?;
    }
    let files = [
        "dump.log",
        "stats-dump",
        "restore.log",
        "stats-restore",
        network::STATUS,
        shm::ARCHIVE,
        rootfs::CHANGED,
        rootfs::DELETED,
    ];
    forget(home, &files)
}

impl Restoring {
    /// What the monitor hands on to the runtime.
    pub fn runtime_options(&self) -> Vec<&'static str> {
        let options = [
            ("--tcp-established", self.tcp_established),
            ("--tcp-close", self.tcp_close),
            ("--file-locks", self.file_locks),
        ];
        let wanted = options.into_iter().filter(|(_, wanted)| *wanted);
        wanted.map(|(option, _)| option).collect()
    }

    /// Puts back what the container had changed, once its root file system is mounted.
    pub fn put_files_back(&self, container: &Container, home: &Path) -> Result<()> {
        if !self.imported || self.ignore_rootfs || container.rootfs.is_some() {
            return Ok(());
        }
        rootfs::put_back(container, home)
    }

    /// Fills /dev/shm, once it is mounted.
    pub fn put_shm_back(&self, ctx: &Context, container: &Container, home: &Path) -> Result<()> {
        shm::put_back(ctx, container, home).context("restoring /dev/shm")
    }
}
