//! Reading an image out of a docker-archive.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Item;
use crate::compression::{self, Compression};
use crate::digest::Digest;
use crate::manifest::{DOCKER_CONFIG, DOCKER_LAYER, Descriptor, Image, ImageConfig, RawManifest};
use crate::reference::{ArchiveImage, Name};
use crate::transport::Source;
use crate::transport::tar_file::TarReader;

#[derive(Debug)]
pub struct DockerArchiveSource {
    tar: TarReader,
    /// Made from the archive, which has none.
    manifest: RawManifest,
    /// Members' names.
    blobs: HashMap<Digest, String>,
}

impl DockerArchiveSource {
    pub fn open(path: &Path, image: Option<&ArchiveImage>, tmpdir: Option<&Path>) -> Result<Self> {
        Self::of(TarReader::open(path, tmpdir)?, image)
    }

    pub fn of(tar: TarReader, image: Option<&ArchiveImage>) -> Result<Self> {
        let item = choose(items(&tar)?, image)?;
        let config = tar.small(&item.config)?;
        let parsed = ImageConfig::parse(&config)?;
        let (layers, diff_ids) = (item.layers, parsed.rootfs.diff_ids);
        if layers.len() != diff_ids.len() {
            bail!(
                "Inconsistent layer count: {} in manifest, {} in config",
                layers.len(),
                diff_ids.len()
            );
        }
        let mut descriptors = Vec::with_capacity(layers.len());
        for (name, diff_id) in layers.iter().zip(&diff_ids) {
            // skopeo calls these layers gzip'ed though they are not, and the manifest's digest is of that.
            let media_type = format!("{DOCKER_LAYER}.gzip");
            let size = plain_size(&tar, name)?;
            descriptors.push(Descriptor::new(&media_type, diff_id.clone(), size));
        }
        let size = config.len() as u64;
        let config = Descriptor::new(DOCKER_CONFIG, Digest::sha256(&config), size);
        let mut blobs: HashMap<Digest, String> = diff_ids.into_iter().zip(layers).collect();
        blobs.insert(config.digest.clone(), item.config);
        Ok(Self {
            tar,
            manifest: Image::docker(config, descriptors).serialize()?,
            blobs,
        })
    }
}

fn items(tar: &TarReader) -> Result<Vec<Item>> {
    serde_json::from_slice(&tar.small("manifest.json")?)
        .context("decoding tar component manifest.json")
}

fn choose(mut items: Vec<Item>, image: Option<&ArchiveImage>) -> Result<Item> {
    let count = items.len();
    let index = match image {
        None if count == 1 => 0,
        None => bail!("Unexpected tar manifest.json: expected 1 item, got {count}"),
        Some(ArchiveImage::Index(index)) if *index < count => *index,
        Some(ArchiveImage::Index(index)) => {
            bail!("Invalid source index @{index}, only {count} manifest items available")
        }
        Some(ArchiveImage::Tagged(name)) => items
            .iter()
            .position(|item| item.is_named(name))
            .with_context(|| format!("Tag {:?} not found", name.to_string()))?,
    };
    Ok(items.swap_remove(index))
}

impl Item {
    fn tags(&self) -> &[String] {
        self.repo_tags.as_deref().unwrap_or_default()
    }

    fn is_named(&self, name: &Name) -> bool {
        self.tags()
            .iter()
            .any(|tag| tag.parse::<Name>().is_ok_and(|tag| tag == *name))
    }
}

/// The size that a layer has without compression, in bytes. Docker never compresses within its archives, other builders do.
fn plain_size(tar: &TarReader, name: &str) -> Result<u64> {
    let section = tar.member(name)?;
    let size = section.len();
    let read = || format!("reading layer {name} in the archive");
    let (compression, _) = compression::peek(section.clone()).with_context(read)?;
    match compression {
        Compression::None => Ok(size),
        _ => io::copy(&mut compression::decompress(section)?, &mut io::sink()).with_context(read),
    }
}

impl Source for DockerArchiveSource {
    fn manifest(&self, instance: Option<&Digest>) -> Result<RawManifest> {
        match instance {
            Some(_) => bail!("manifest lists are not supported by docker-archive"),
            None => Ok(self.manifest.clone()),
        }
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send>> {
        let digest = &descriptor.digest;
        let name = self
            .blobs
            .get(digest)
            .with_context(|| format!("the archive has no blob {digest}"))?;
        Ok(compression::decompress(self.tar.member(name)?)?)
    }
}

/// The names of all images in an archive, in its order.
pub fn list_tags(path: &Path, tmpdir: Option<&Path>) -> Result<Vec<String>> {
    let mut tags = Vec::new();
    for (index, item) in items(&TarReader::open(path, tmpdir)?)?.iter().enumerate() {
        for tag in item.tags() {
            let name: Name = tag
                .parse()
                .with_context(|| format!("Invalid tag {tag:?} in manifest.json item @{index}"))?;
            tags.push(name.or_latest().to_string());
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn item(tags: &[&str]) -> Item {
        Item {
            config: tags.concat(),
            repo_tags: Some(tags.iter().map(ToString::to_string).collect()),
            layers: Vec::new(),
        }
    }

    #[test]
    fn one_of_several() {
        let items = || vec![item(&["a:1"]), item(&["quay.io/b:2", "c:3"]), item(&[])];
        let tagged = |text: &str| ArchiveImage::Tagged(text.parse().unwrap());
        let chosen = |image: Option<&ArchiveImage>| choose(items(), image).map(|item| item.config);
        assert_eq!(
            chosen(Some(&tagged("docker.io/library/c:3"))).unwrap(),
            "quay.io/b:2c:3"
        );
        assert_eq!(chosen(Some(&ArchiveImage::Index(2))).unwrap(), "");
        let refused = |image: Option<&ArchiveImage>| chosen(image).unwrap_err().to_string();
        assert_eq!(
            refused(Some(&tagged("c:4"))),
            r#"Tag "docker.io/library/c:4" not found"#
        );
        assert_eq!(
            refused(Some(&ArchiveImage::Index(3))),
            "Invalid source index @3, only 3 manifest items available"
        );
        assert!(refused(None).contains("expected 1 item, got 3"));
    }
}
