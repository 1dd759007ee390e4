//! podman-system-prune(1)

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::prune::confirmed;
use crate::cli::{Globals, Verb, tell};
use crate::engine::container::filter::Filter as ContainerFilter;
use crate::engine::container::{self, prune, size};
use crate::engine::filter::split;
use crate::engine::network::filter::Filter as NetworkFilter;
use crate::engine::pod::{self, status};
use crate::engine::volume::filter::Filter as VolumeFilter;
use crate::engine::{Context, image, network, tree, volume};
use crate::output::human_size;

/// podman's limit: what is removed may set more free.
const MOST_ROUNDS: usize = 50;

#[derive(Args, Debug)]
pub struct Prune {
    /// Remove all unused images, not just dangling ones
    #[arg(short, long)]
    all: bool,
    /// Remove build containers
    #[arg(long)]
    build: bool,
    /// Remove what killed commands left, and nothing else
    #[arg(long)]
    external: bool,
    /// Provide filter values (label=KEY[=VALUE], label!=…, until=TIME)
    #[arg(long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Do not prompt for confirmation
    #[arg(short, long)]
    force: bool,
    /// Prune volumes
    #[arg(long)]
    volumes: bool,
}

/// What was removed, and what could not be.
#[derive(Default)]
struct Pruned {
    containers: Vec<String>,
    pods: Vec<String>,
    volumes: Vec<String>,
    images: Vec<String>,
    networks: Vec<String>,
    bytes: u64,
    failures: Vec<anyhow::Error>,
}

impl Verb for Prune {
    const NAME: &'static str = "prune";
    const ABOUT: &'static str = "Remove unused data";

    fn call(self, globals: &Globals) -> Result<u8> {
        self.check()?;
        let ctx = Context::new(globals)?;
        if self.external {
            return sweep(&ctx).map(|()| 0);
        }
        if !self.force && !confirmed(&self.warning())? {
            return Ok(0);
        }
        sweep(&ctx)?;
        let mut pruned = Pruned::default();
        for _ in 0..MOST_ROUNDS {
            let before = pruned.count();
            self.round(&ctx, &mut pruned)?;
            if pruned.count() == before || !self.all {
                break;
            }
        }
        Ok(pruned.report())
    }
}

impl Prune {
    fn check(&self) -> Result<()> {
        if self.external && (self.all || !self.filter.is_empty()) {
            bail!("--external cannot be combined with other options");
        }
        for text in &self.filter {
            let (key, _) = split(text)?;
            if !matches!(key, "label" | "label!" | "until") {
                bail!("{key} is an invalid filter: label, label! and until are known");
            }
        }
        Ok(())
    }

    fn warning(&self) -> String {
        let mut text = "WARNING! This command removes:\n\t- all stopped containers\n\t- all networks not used by at least one container".to_owned();
        if self.volumes {
            text += "\n\t- all volumes not used by at least one container";
        }
        if self.build {
            text += "\n\t- all build containers";
        }
        text += if self.all {
            "\n\t- all images without at least one container associated with them\n\t- all build cache\n"
        } else {
            "\n\t- all dangling images\n\t- all dangling build cache\n"
        };
        text
    }

    fn round(&self, ctx: &Context, pruned: &mut Pruned) -> Result<()> {
        // Pods take no filters, so with filters they stay.
        if self.filter.is_empty() {
            for pod in pod::all(ctx)? {
                if matches!(status::word(&status::of(ctx, &pod)?), "Stopped" | "Exited") {
                    let result = pod::remove::remove(ctx, &pod, false, None);
                    pruned.note(|pruned| &mut pruned.pods, pod.id, 0, result);
                }
            }
        }
        let filters = ContainerFilter::parse_for_prune(ctx, &self.filter)?;
        let mut sizes = std::collections::BTreeMap::new();
        for one in container::all(ctx)? {
            if !ctx.store.status(&one.id)?.is_active() {
                sizes.insert(one.id.clone(), size::own(ctx, &one)?);
            }
        }
        for one in prune::prune(ctx, &filters)? {
            let bytes = sizes.get(&one.id).copied().unwrap_or(0);
            pruned.note(|pruned| &mut pruned.containers, one.id, bytes, one.result);
        }
        let before = image_bytes(ctx)?;
        pruned
            .images
            .extend(image::prune(ctx, self.all, &self.filter)?);
        pruned.bytes += before.saturating_sub(image_bytes(ctx)?);
        let unused = network::remove::unused(ctx)?;
        for one in NetworkFilter::parse(&self.filter)?.apply(ctx, unused)? {
            let result = network::remove::remove(ctx, &one, false, None);
            pruned.note(|pruned| &mut pruned.networks, one.name, 0, result);
        }
        if self.volumes {
            let unused = volume::remove::unused(ctx)?;
            for one in VolumeFilter::parse(ctx, &self.filter)?.apply(ctx, unused)? {
                let bytes = tree::size(&one.data(ctx))?;
                let result = volume::remove::remove(ctx, &one, false, None);
                pruned.note(|pruned| &mut pruned.volumes, one.name, bytes, result);
            }
        }
        Ok(())
    }
}

/// What processes that were killed have left.
fn sweep(ctx: &Context) -> Result<()> {
    container::remove::sweep(ctx)?;
    pod::remove::sweep(ctx)?;
    image::sweep(ctx)
}

fn image_bytes(ctx: &Context) -> Result<u64> {
    let blobs = ctx.store.images().join("blobs");
    if blobs.exists() {
        tree::size(&blobs)
    } else {
        Ok(0)
    }
}

impl Pruned {
    fn count(&self) -> usize {
        [
            &self.containers,
            &self.pods,
            &self.volumes,
            &self.images,
            &self.networks,
        ]
        .iter()
        .map(|list| list.len())
        .sum()
    }

    fn note(
        &mut self,
        list: fn(&mut Pruned) -> &mut Vec<String>,
        name: String,
        bytes: u64,
        result: Result<()>,
    ) {
        match result {
            Ok(()) => {
                self.bytes += bytes;
                list(self).push(name);
            }
            Err(error) => self.failures.push(error),
        }
    }

    fn report(&self) -> u8 {
        for (heading, list) in [
            ("Containers", &self.containers),
            ("Pods", &self.pods),
            ("Volumes", &self.volumes),
            ("Images", &self.images),
            ("Networks", &self.networks),
        ] {
            if !list.is_empty() {
                println!("Deleted {heading}");
                list.iter().for_each(|name| println!("{name}"));
            }
        }
        println!("Total reclaimed space: {}", human_size(self.bytes));
        self.failures.iter().fold(0, |_, error| tell(error))
    }
}
