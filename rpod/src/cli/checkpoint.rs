//! podman-container-checkpoint(1)

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};

use super::selection::{one, only_one_way};
use super::{Globals, Verb};
use crate::engine::container::checkpoint::{self, Asked};
use crate::engine::container::find;
use crate::engine::container::record::Container;
use crate::engine::files::compression::Compression;
use crate::engine::{Context, rootless};
use crate::output;

#[derive(Args, Debug)]
pub struct Checkpoint {
    /// Checkpoint all running containers
    #[arg(short, long)]
    all: bool,
    /// Compression of the checkpoint archive: zstd (the default), gzip or none
    #[arg(short, long, value_name = "ALGORITHM")]
    compress: Option<String>,
    /// Make an image of the checkpoint, with this name
    #[arg(long, value_name = "IMAGE")]
    create_image: Option<String>,
    /// Export the checkpoint to an archive
    #[arg(short, long, value_name = "ARCHIVE")]
    export: Option<PathBuf>,
    /// Checkpoint a container with file locks
    #[arg(long)]
    file_locks: bool,
    /// Do not include changes of the root file system in the archive
    #[arg(long)]
    ignore_rootfs: bool,
    /// Do not include volumes in the archive
    #[arg(long)]
    ignore_volumes: bool,
    /// Keep all temporary checkpoint files
    #[arg(short, long)]
    keep: bool,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// Leave the container running after writing the checkpoint
    #[arg(short = 'R', long)]
    leave_running: bool,
    /// Dump the container's memory only, and leave the container running
    #[arg(short = 'P', long)]
    pre_checkpoint: bool,
    /// Display checkpoint statistics
    #[arg(long)]
    print_stats: bool,
    /// Checkpoint a container with established TCP connections
    #[arg(long)]
    tcp_established: bool,
    /// Checkpoint the container on top of its pre-checkpoint
    #[arg(long)]
    with_previous: bool,
    /// Names or IDs of containers
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
}

impl Verb for Checkpoint {
    const NAME: &'static str = "checkpoint";
    const ABOUT: &'static str = "Checkpoint one or more containers";

    fn call(self, globals: &Globals) -> Result<u8> {
        let begun = Instant::now();
        let asked = self.asked()?;
        let ctx = Context::new(globals)?;
        let mut told = Told::new("podman_checkpoint_duration", self.print_stats);
        for container in self.chosen(&ctx)? {
            let report = container.and_then(|(word, container)| {
                let report = checkpoint::checkpoint(&ctx, &container, &asked)?;
                let statistics = json!({
                    "Id": container.id,
                    "runtime_checkpoint_duration": report.runtime,
                    "criu_statistics": report.criu,
                });
                Ok((word, statistics))
            });
            told.add(report);
        }
        Ok(told.end(begun))
    }
}

impl Checkpoint {
    fn asked(&self) -> Result<Asked> {
        if self.compress.is_some() && self.export.is_none() {
            bail!("--compress can only be used with --export");
        }
        let compression = match self.compress.as_deref().map(str::to_lowercase).as_deref() {
            None | Some("zstd") => Compression::Zstd,
            Some("gzip") => Compression::Gzip,
            Some("none") => Compression::None,
            Some(other) => bail!(
                "selected compression algorithm ({other:?}) not supported. Please select one from: gzip, none, zstd"
            ),
        };
        if rootless() {
            bail!("checkpointing a container requires root");
        }
        for (option, wanted) in [
            ("--ignore-rootfs", self.ignore_rootfs),
            ("--ignore-volumes", self.ignore_volumes),
        ] {
            if wanted && self.export.is_none() {
                bail!("{option} can only be used with --export");
            }
        }
        if self.with_previous && self.pre_checkpoint {
            bail!("--with-previous can not be used with --pre-checkpoint");
        }
        Ok(Asked {
            export: self.export.clone(),
            compression,
            create_image: self.create_image.clone(),
            file_locks: self.file_locks,
            ignore_rootfs: self.ignore_rootfs,
            ignore_volumes: self.ignore_volumes,
            keep: self.keep,
            leave_running: self.leave_running,
            pre_checkpoint: self.pre_checkpoint,
            print_stats: self.print_stats,
            tcp_established: self.tcp_established,
            with_previous: self.with_previous,
        })
    }

    fn chosen(&self, ctx: &Context) -> Result<Vec<Result<(String, Container)>>> {
        let whole = |container: Container| Ok((container.id.clone(), container));
        only_one_way(self.all, self.latest, None, &self.containers)?;
        if self.all {
            return Ok(checkpoint::running(ctx)?.into_iter().map(whole).collect());
        }
        if self.latest {
            return Ok(vec![whole(one(ctx, "checkpoint", None, true)?)]);
        }
        let found = |name: &String| Ok((name.clone(), find(ctx, name)?));
        Ok(self.containers.iter().map(found).collect())
    }
}

/// What is printed of each container: the word that named it, or how long it took.
pub(super) struct Told {
    duration: &'static str,
    statistics: Option<Vec<Value>>,
    code: u8,
}

impl Told {
    pub(super) fn new(duration: &'static str, with_statistics: bool) -> Told {
        Told {
            duration,
            statistics: with_statistics.then(Vec::new),
            code: 0,
        }
    }

    pub(super) fn add(&mut self, report: Result<(String, Value)>) {
        match (report, &mut self.statistics) {
            (Ok((_, statistics)), Some(all)) => all.push(statistics),
            (Ok((word, _)), None) => println!("{word}"),
            (Err(error), _) => self.code = super::tell(&error),
        }
    }

    /// The exit code.
    pub(super) fn end(self, begun: Instant) -> u8 {
        if let Some(all) = self.statistics {
            let mut shown = json!({});
            shown[self.duration] =
                json!(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
            shown["container_statistics"] = all.into();
            println!("{}", output::pretty(&shown, 4));
        }
        self.code
    }
}
