//! What images, containers and volumes take of the disk: podman-system-df(1).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::engine::container::{self, record::Container, size};
use crate::engine::image::{self, Image};
use crate::engine::{Context, tree, volume};

/// One name of an image.
#[derive(Debug)]
pub struct ImageUsage {
    pub repository: String,
    pub tag: String,
    pub id: String,
    pub created: Timestamp,
    /// Bytes.
    pub size: u64,
    /// Of its layers, those that other images have too.
    pub shared: u64,
    pub containers: usize,
}

#[derive(Debug)]
pub struct ContainerUsage {
    pub container: Container,
    pub status: &'static str,
    pub volumes: usize,
    /// Bytes.
    pub size: u64,
}

#[derive(Debug)]
pub struct VolumeUsage {
    pub name: String,
    /// How many containers name it.
    pub links: usize,
    /// Bytes.
    pub size: u64,
    pub reclaimable: u64,
}

#[derive(Debug)]
pub struct Usage {
    pub images: Vec<ImageUsage>,
    /// Every layer once.
    pub images_size: u64,
    pub containers: Vec<ContainerUsage>,
    pub volumes: Vec<VolumeUsage>,
}

pub fn usage(ctx: &Context) -> Result<Usage> {
    let containers = container::all(ctx)?;
    let (images, images_size) = images(ctx, &containers)?;
    let volumes = volume::all(ctx)?
        .into_iter()
        .map(|volume| {
            let links = containers
                .iter()
                .filter(|container| container.volumes().any(|name| name == volume.name))
                .count();
            let size = tree::size(&volume.data(ctx))
                .with_context(|| format!("measuring volume {}", volume.name))?;
            Ok(VolumeUsage {
                name: volume.name,
                links,
                size,
                reclaimable: if links == 0 { size } else { 0 },
            })
        })
        .collect::<Result<_>>()?;
    let mut statuses = ctx.store.statuses()?;
    let containers = containers
        .into_iter()
        .map(|container| {
            Ok(ContainerUsage {
                status: statuses.of(&container.id)?.word(),
                volumes: container.volumes().count(),
                size: size::own(ctx, &container)?,
                container,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Usage {
        images,
        images_size,
        containers,
        volumes,
    })
}

fn images(ctx: &Context, containers: &[Container]) -> Result<(Vec<ImageUsage>, u64)> {
    let all = image::all_with_lent(ctx)?;
    let mut owners: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for image in &all {
        for layer in &image.layers {
            owners.entry(layer).or_default().insert(&image.id);
        }
    }
    let mut layers: BTreeMap<&str, u64> = BTreeMap::new();
    let mut rest = 0;
    let mut rows = Vec::new();
    for image in &all {
        let sizes = image.layer_sizes()?;
        let size = image.size()?;
        rest += size - sizes.iter().sum::<u64>();
        let mut shared = 0;
        for (layer, size) in image.layers.iter().zip(sizes) {
            layers.insert(layer, size);
            if owners.get(layer.as_str()).map_or(0, BTreeSet::len) > 1 {
                shared += size;
            }
        }
        let users = containers
            .iter()
            .filter(|container| container.image.id == image.id)
            .count();
        rows.extend(rows_of(image, size, shared, users));
    }
    let total = rest + layers.values().sum::<u64>();
    Ok((rows, total))
}

fn rows_of(image: &Image, size: u64, shared: u64, containers: usize) -> Vec<ImageUsage> {
    const NONE: &str = "<none>";
    let mut names: Vec<(String, String)> = image
        .names
        .iter()
        .map(|name| match image::Name::parse(name) {
            Ok(name) => (name.repository, name.tag.unwrap_or_else(|| NONE.to_owned())),
            Err(_) => (name.clone(), NONE.to_owned()),
        })
        .collect();
    if names.is_empty() {
        names.push((NONE.to_owned(), NONE.to_owned()));
    }
    names
        .into_iter()
        .map(|(repository, tag)| ImageUsage {
            repository,
            tag,
            id: image.id.clone(),
            created: image.created(),
            size,
            shared,
            containers,
        })
        .collect()
}
