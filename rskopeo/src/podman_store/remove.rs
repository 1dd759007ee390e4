//! Removing an image, with those of its layers that nothing else stands on.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::layers::checked_id;
use super::lock::Lock;
use super::records::{self, ContainerRecord, ImageRecord, LayerRecord};
use super::{Images, LayerTable, PodmanStore, find};
use crate::fatal::NotFound;
use crate::reference::StoredImage;

/// In podman's runroot: what is mounted, and how often.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Mount {
    id: String,
    count: i64,
}

/// # Errors
/// There is no such image, a container is made of it, or a layer of it is mounted.
pub fn remove_image(store: &PodmanStore, wanted: &StoredImage) -> Result<()> {
    let missing = || {
        NotFound(format!(
            "reference \"{wanted}\" does not resolve to an image ID: it is not in the store {}",
            store.root().display()
        ))
    };
    if !store.exists() {
        return Err(missing().into());
    }
    let mut layers = LayerTable::open(store)?;
    let mut images = Images::open(store)?;
    let directory = store.containers_directory();
    let _containers = Lock::shared(&directory.join("containers.lock"))?;
    let mut containers: Vec<ContainerRecord> = Vec::new();
    for table in ["containers.json", "volatile-containers.json"] {
        containers.extend(records::read::<ContainerRecord>(&directory.join(table))?);
    }
    let image = find(&images.table.records, wanted)
        .ok_or_else(missing)?
        .clone();
    if let Some(container) = containers
        .iter()
        .find(|container| container.image == image.id)
    {
        bail!("image {} is used by container {}", image.id, container.id);
    }
    images.table.records.retain(|other| other.id != image.id);
    let unneeded = unneeded(&image, &images.table.records, layers.records(), &containers);
    check_unmounted(&store.runroot, &unneeded)?;
    // The table first: data without an image is swept, an image without data is broken.
    images.table.save()?;
    let data = store.images_directory().join(checked_id(&image.id)?);
    match fs::remove_dir_all(&data) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("removing {}", data.display()));
        }
        _ => {}
    }
    for layer in unneeded {
        layers.remove(&layer)?;
    }
    Ok(())
}

/// The layers that go with the image, from the top down.
fn unneeded(
    image: &ImageRecord,
    others: &[ImageRecord],
    layers: &[LayerRecord],
    containers: &[ContainerRecord],
) -> Vec<String> {
    let mut needed: BTreeSet<&str> = containers
        .iter()
        .map(|container| container.layer.as_str())
        .collect();
    for other in others {
        needed.insert(&other.layer);
        needed.extend(other.mapped_layers.iter().map(String::as_str));
    }
    let mut gone: Vec<String> = image.mapped_layers.clone();
    let mut next = image.layer.as_str();
    while let Some(layer) = layers.iter().find(|layer| layer.id == next) {
        let carries = layers
            .iter()
            .any(|above| above.parent == layer.id && !gone.contains(&above.id));
        if needed.contains(layer.id.as_str()) || carries || gone.contains(&layer.id) {
            break;
        }
        gone.push(layer.id.clone());
        next = &layer.parent;
    }
    gone
}

fn check_unmounted(runroot: &Path, layers: &[String]) -> Result<()> {
    let mounts: Vec<Mount> = records::read(&runroot.join("overlay-layers/mountpoints.json"))?;
    let mounted = mounts
        .iter()
        .find(|mount| mount.count > 0 && layers.contains(&mount.id));
    match mounted {
        Some(mount) => bail!(
            "layer {} is mounted: unmount it first (podman image unmount)",
            mount.id
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_layers_stay() {
        let layer = |id: &str, parent: &str| LayerRecord {
            id: id.to_owned(),
            parent: parent.to_owned(),
            ..LayerRecord::default()
        };
        let image = |layer: &str| ImageRecord {
            layer: layer.to_owned(),
            ..ImageRecord::default()
        };
        let layers = [
            layer("a", ""),
            layer("b", "a"),
            layer("c", "b"),
            layer("d", "a"),
        ];
        let gone = |others: &[ImageRecord], containers: &[ContainerRecord]| {
            unneeded(&image("c"), others, &layers, containers)
        };
        // d is on top of a, whoever made it.
        assert_eq!(gone(&[], &[]), ["c", "b"]);
        assert_eq!(gone(&[image("b")], &[]), ["c"]);
        assert!(gone(&[image("c")], &[]).is_empty());
        let container = ContainerRecord {
            layer: "b".to_owned(),
            ..ContainerRecord::default()
        };
        assert_eq!(gone(&[], &[container]), ["c"]);
    }
}
