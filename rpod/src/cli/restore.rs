//! podman-container-restore(1)

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use serde_json::{Value, json};

use super::checkpoint::Told;
use super::selection::{not_both, one};
use super::{Globals, Verb};
use crate::engine::container::checkpoint::import::{self, Unpacked};
use crate::engine::container::checkpoint::{self, Restoring};
use crate::engine::container::record::Container;
use crate::engine::container::{self, find, remove};
use crate::engine::image::{self, Image};
use crate::engine::network::port;
use crate::engine::{Context, rootless};

#[derive(Args, Debug)]
pub struct Restore {
    /// Restore all checkpointed containers
    #[arg(short, long)]
    all: bool,
    /// Restore a container with file locks
    #[arg(long)]
    file_locks: bool,
    /// Do not apply changes of the root file system when importing
    #[arg(long)]
    ignore_rootfs: bool,
    /// Ignore the IP address of the container
    #[arg(long)]
    ignore_static_ip: bool,
    /// Ignore the MAC address of the container
    #[arg(long)]
    ignore_static_mac: bool,
    /// Do not restore volumes when importing
    #[arg(long)]
    ignore_volumes: bool,
    /// Restore from an exported checkpoint archive
    #[arg(short, long, value_name = "FILE")]
    import: Option<PathBuf>,
    /// Restore from an exported pre-checkpoint archive, too
    #[arg(long, value_name = "FILE")]
    import_previous: Option<PathBuf>,
    /// Keep all temporary checkpoint files
    #[arg(short, long)]
    keep: bool,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// New name of a container that is restored from an archive or an image
    #[arg(short, long)]
    name: Option<String>,
    /// Restore the container into this pod
    #[arg(long)]
    pod: Option<String>,
    /// Display restore statistics
    #[arg(long)]
    print_stats: bool,
    /// Publish these ports in the place of those that were published
    #[arg(short, long, value_name = "PORT", value_delimiter = ',')]
    publish: Vec<String>,
    /// Restore a container and close all TCP connections
    #[arg(long)]
    tcp_close: bool,
    /// Restore a container with established TCP connections
    #[arg(long)]
    tcp_established: bool,
    /// Names or IDs of containers, or checkpoint images
    #[arg(value_name = "CONTAINER|IMAGE")]
    names: Vec<String>,
}

impl Verb for Restore {
    const NAME: &'static str = "restore";
    const ABOUT: &'static str = "Restore one or more containers from a checkpoint";

    fn call(self, globals: &Globals) -> Result<u8> {
        let begun = Instant::now();
        if rootless() {
            bail!("restoring a container requires root");
        }
        let ctx = Context::new(globals)?;
        let images = self.images(&ctx)?;
        self.check(!images.is_empty() || self.import.is_some())?;
        let mut told = Told::new("podman_restore_duration", self.print_stats);
        if let Some(path) = &self.import {
            let unpacked = import::from_file(&ctx, path)?;
            told.add(self.imported(globals, &unpacked, None));
        } else if images.is_empty() {
            for chosen in self.containers(&ctx)? {
                told.add(chosen.and_then(|(word, container)| {
                    let statistics = self.restore(&ctx, &container, false)?;
                    Ok((word, statistics))
                }));
            }
        }
        for image in &images {
            let unpacked = import::from_image(&ctx, image);
            told.add(unpacked.and_then(|unpacked| self.imported(globals, &unpacked, Some(image))));
        }
        Ok(told.end(begun))
    }
}

impl Restore {
    /// Those that the names mean, if they mean no containers.
    fn images(&self, ctx: &Context) -> Result<Vec<Image>> {
        if self.names.iter().any(|name| find(ctx, name).is_ok()) {
            return Ok(Vec::new());
        }
        let mut images = Vec::new();
        for name in &self.names {
            match image::find(ctx, name) {
                Ok(image) if checkpoint::is_checkpoint(&image) => images.push(image),
                _ => return Ok(Vec::new()),
            }
        }
        Ok(images)
    }

    fn check(&self, is_import: bool) -> Result<()> {
        for (option, given) in [
            ("--import-previous", self.import_previous.is_some()),
            ("--ignore-rootfs", self.ignore_rootfs),
            ("--ignore-volumes", self.ignore_volumes),
            ("--name", self.name.is_some()),
            ("--pod", self.pod.is_some()),
            ("--publish", !self.publish.is_empty()),
        ] {
            if given && !is_import {
                bail!("{option} can only be used with image or --import");
            }
        }
        if self.name.is_some() && self.tcp_established {
            bail!("--tcp-established cannot be used with --name");
        }
        not_both(self.all, self.latest)?;
        let several = self.all || self.latest;
        if self.import.is_some() && several {
            bail!("cannot use --import with --all or --latest");
        }
        if self.import.is_some() && !self.names.is_empty() {
            bail!("cannot use --import with positional arguments");
        }
        if several && !self.names.is_empty() {
            bail!("--all or --latest and containers cannot be used together");
        }
        if self.names.is_empty() && !several && self.import.is_none() {
            bail!("you must provide at least one name or id");
        }
        if self.names.len() > 1 && self.name.is_some() {
            bail!("--name can only be used with one checkpoint image");
        }
        Ok(())
    }

    fn containers(&self, ctx: &Context) -> Result<Vec<Result<(String, Container)>>> {
        let whole = |container: Container| Ok((container.id.clone(), container));
        if self.latest {
            return Ok(vec![whole(one(ctx, "restore", None, true)?)]);
        }
        if self.all {
            let mut found = Vec::new();
            for container in container::all(ctx)? {
                let state = checkpoint::state::of(&container.home(ctx))?;
                if state.checkpointed.is_some() {
                    found.push(whole(container));
                }
            }
            return Ok(found);
        }
        let names = self.names.iter();
        Ok(names
            .map(|name| {
                let found =
                    find(ctx, name).map_err(|_| anyhow!("no such container or image: {name}"))?;
                Ok((name.clone(), found))
            })
            .collect())
    }

    /// By the runtime that made the checkpoint, unless another was asked for.
    fn imported(
        &self,
        globals: &Globals,
        unpacked: &Unpacked,
        image: Option<&Image>,
    ) -> Result<(String, Value)> {
        let mut globals = globals.clone();
        globals.runtime = globals.runtime.or_else(|| unpacked.runtime());
        let ctx = Context::new(&globals)?;
        let mut publish = Vec::new();
        for text in &self.publish {
            publish.extend(port::parse(text)?);
        }
        let asked = import::Asked {
            name: self.name.clone(),
            pod: self.pod.clone(),
            publish,
            ignore_volumes: self.ignore_volumes,
            previous: self.import_previous.clone(),
        };
        let container = unpacked.create(&ctx, &asked)?;
        let restored = self.restore(&ctx, &container, true);
        if restored.is_err() {
            // It is in the archive still; half of it is of no use.
            remove::remove(&ctx, &container, true, Some(0))?;
        }
        let word = image.map_or_else(|| container.id.clone(), |image| image.id.clone());
        restored.map(|statistics| (word, statistics))
    }

    fn restore(&self, ctx: &Context, container: &Container, imported: bool) -> Result<Value> {
        let how = Restoring {
            file_locks: self.file_locks,
            tcp_close: self.tcp_close,
            tcp_established: self.tcp_established,
            keep: self.keep,
            print_stats: self.print_stats,
            ignore_static_ip: self.ignore_static_ip,
            ignore_static_mac: self.ignore_static_mac,
            imported,
            ignore_rootfs: self.ignore_rootfs,
            renamed: self.name.is_some(),
        };
        let restored = checkpoint::restore(ctx, container, &how)?;
        Ok(json!({
            "Id": container.id,
            "runtime_restore_duration": restored.runtime,
            "criu_statistics": restored.criu,
        }))
    }
}
