//! Layers: found and opened.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::PodmanStore;
use super::lock::Lock;
use super::records::{self, LayerRecord};
use crate::atomic::Temporary;
use crate::digest::Digest;
use crate::tar_split::Assembler;

pub(super) const TABLE: &str = "layers.json";
pub(super) const LOCK: &str = "layers.lock";
/// Of a layer's record of its archive, while it is on its way and after its id.
const RECORD: &str = "tar-split.gz";
/// More layers than this are not one image, but a table that leads in a circle.
const MOST_LAYERS: usize = 512;

/// The name that containers/image gives a layer on top of another.
pub(super) fn layer_id(parent: &str, diff_id: &Digest) -> String {
    match parent {
        "" => diff_id.hex().to_owned(),
        parent => Digest::sha256(format!("{parent}+{}", diff_id.hex()).as_bytes())
            .hex()
            .to_owned(),
    }
}

/// Names from a table become paths only if they are ids.
pub(super) fn checked_id(id: &str) -> Result<&str> {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if id.len() != 64 || !id.bytes().all(hex) {
        bail!("{id:?} in the store is not an ID of 64 hexadecimal digits");
    }
    Ok(id)
}

/// All layers, as they are now.
pub fn layers(store: &PodmanStore) -> Result<Vec<LayerRecord>> {
    let directory = store.layers_directory();
    let lock = Lock::shared(&directory.join(LOCK))?;
    match lock {
        Some(_) => records::read(&directory.join(TABLE)),
        None => Ok(Vec::new()),
    }
}

/// The layers of an image, the base first.
pub fn chain<'a>(all: &'a [LayerRecord], top: &str) -> Result<Vec<&'a LayerRecord>> {
    let by_id: BTreeMap<&str, &LayerRecord> =
        all.iter().map(|layer| (layer.id.as_str(), layer)).collect();
    let mut chain = Vec::new();
    let mut id = top;
    while !id.is_empty() {
        let layer = by_id
            .get(id)
            .with_context(|| format!("layer {id} is not in the store"))?;
        chain.push(*layer);
        if chain.len() > MOST_LAYERS {
            bail!("layer {top} has more than {MOST_LAYERS} layers below it");
        }
        id = &layer.parent;
    }
    chain.reverse();
    Ok(chain)
}

impl PodmanStore {
    /// The plain bytes of a layer, as they were when it came; `below` are the layers under it, the nearest first.
    pub fn assemble(&self, layer: &LayerRecord, below: &[LayerRecord]) -> Result<Assembler> {
        let path = self.home(layer).record_path(&layer.id)?;
        let record = File::open(&path).with_context(|| {
            format!(
                "layer {} has no record of its archive: open {}",
                layer.id,
                path.display()
            )
        })?;
        let trees = [layer].into_iter().chain(below);
        let trees: Vec<OwnedFd> = trees
            .map(|layer| open_directory(&self.home(layer).diff(&layer.id)?))
            .collect::<Result<_>>()?;
        Ok(Assembler::new(record, trees))
    }

    /// The store that the layer lies in.
    fn home(&self, layer: &LayerRecord) -> &Self {
        let has_it = |store: &&Self| store.diff(&layer.id).is_ok_and(|diff| diff.exists());
        self.all().find(has_it).unwrap_or(self)
    }

    /// The record of a layer's archive before the layer has its place. Not beside the tree: podman mounts `overlay` on itself, and
    /// nothing is renamed out of a mount.
    pub fn arriving_record(&self) -> Result<Temporary> {
        Temporary::in_directory(&self.layers_directory())
    }

    pub(super) fn record_path(&self, id: &str) -> Result<PathBuf> {
        let name = format!("{}.{RECORD}", checked_id(id)?);
        Ok(self.layers_directory().join(name))
    }

    pub(super) fn layer_path(&self, id: &str) -> Result<PathBuf> {
        Ok(self.overlay().join(checked_id(id)?))
    }

    pub(super) fn diff(&self, id: &str) -> Result<PathBuf> {
        Ok(self.layer_path(id)?.join("diff"))
    }
}

pub(super) fn open_directory(path: &Path) -> Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
    open(path, flags, Mode::empty()).with_context(|| format!("open {}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ids_are_containers_images() {
        let diff_id = |text: &[u8]| Digest::sha256(text);
        let base = layer_id("", &diff_id(b"a"));
        assert_eq!(base, diff_id(b"a").hex());
        let joined = format!("{base}+{}", diff_id(b"b").hex());
        assert_eq!(
            layer_id(&base, &diff_id(b"b")),
            Digest::sha256(joined.as_bytes()).hex()
        );
        assert!(checked_id("../x").is_err());
        assert!(checked_id(&base).is_ok());
    }

    #[test]
    fn a_circle_ends() {
        let layer = |id: &str, parent: &str| LayerRecord {
            id: id.to_owned(),
            parent: parent.to_owned(),
            ..LayerRecord::default()
        };
        assert!(chain(&[layer("a", "b"), layer("b", "a")], "a").is_err());
        assert!(chain(&[layer("a", "b")], "a").is_err());
        let all = [layer("b", "a"), layer("a", "")];
        let chain = chain(&all, "b").unwrap();
        assert_eq!((chain[0].id.as_str(), chain[1].id.as_str()), ("a", "b"));
    }
}
