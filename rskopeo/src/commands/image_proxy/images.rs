//! The images that the client has opened.

use std::collections::HashMap;
use std::io::Read;

use anyhow::{Context, Result, bail};

use crate::cli::{Global, Signing};
use crate::digest::Digest;
use crate::go_json;
use crate::manifest::{Descriptor, Format, Image, ImageConfig, Index, RawManifest};
use crate::platform::Platform;
use crate::reference::Reference;
use crate::signature::{Terms, Trust};
use crate::transport::{self, Access, BlobStream, Source};

pub struct Images<'a> {
    global: &'a Global,
    access: Access,
    opened: HashMap<u64, Opened>,
    /// The last one's number; 0 stands for none.
    last: u64,
}

pub struct Opened {
    source: Box<dyn Source>,
    manifest: RawManifest,
    image: Image,
    /// In the form in which they can be read.
    layers: Vec<Descriptor>,
}

impl<'a> Images<'a> {
    pub fn new(global: &'a Global, access: Access) -> Self {
        Self {
            global,
            access,
            opened: HashMap::new(),
            last: 0,
        }
    }

    /// Opens the image for this platform, if the policy lets it in; of an index, either it or its instance has to be let in.
    pub fn open(&mut self, name: &str) -> Result<u64> {
        let reference: Reference = name.parse()?;
        let trust = Trust::between(
            Terms::new(self.global, &Signing::default())?,
            &reference,
            &reference,
        );
        let source = transport::open_source(&reference, &self.access)?;
        let top = source.manifest(None)?;
        let admitted = trust.admit(&*source, &top, None).map(drop);
        let manifest = if top.is_index() {
            let index = Index::parse(&top)?;
            let digest = &index.choose(&Platform::chosen(self.global))?.digest;
            let manifest = source.manifest(Some(digest))?;
            manifest.verify(digest)?;
            if admitted.is_err() {
                trust.admit(&*source, &manifest, Some(digest))?;
            }
            manifest
        } else {
            admitted?;
            top
        };
        if manifest.is_schema1() {
            bail!(
                "unsupported legacy manifest MIME type: {}",
                manifest.media_type
            );
        }
        let image = Image::parse(&manifest)?;
        let layers = source
            .layers_as_read(&image)?
            .unwrap_or_else(|| image.layers.clone());
        self.last += 1;
        let opened = Opened {
            source,
            manifest,
            image,
            layers,
        };
        self.opened.insert(self.last, opened);
        Ok(self.last)
    }

    pub fn get(&self, id: u64) -> Result<&Opened> {
        check(id)?;
        self.opened
            .get(&id)
            .with_context(|| format!("no image {id}"))
    }

    pub fn close(&mut self, id: u64) -> Result<()> {
        check(id)?;
        let closed = self.opened.remove(&id);
        closed.map(drop).with_context(|| format!("no image {id}"))
    }
}

fn check(id: u64) -> Result<()> {
    match id {
        0 => bail!("invalid imageid value of zero"),
        _ => Ok(()),
    }
}

impl Opened {
    /// Of the manifest as it was served.
    pub fn digest(&self) -> Digest {
        self.manifest.digest()
    }

    pub fn layers(&self) -> &[Descriptor] {
        &self.layers
    }

    /// Clients need to know no other format.
    pub fn oci_manifest(&self) -> Result<Vec<u8>> {
        if self.image.format == Format::Oci {
            return Ok(self.manifest.bytes.clone());
        }
        let config = go_json::compact(&self.config()?)?;
        let mut image = self.image.clone().rewritten(Format::Oci, Vec::new())?;
        image.config.digest = Digest::sha256(config.as_bytes());
        image.config.size = config.len() as u64;
        Ok(image.serialize()?.bytes)
    }

    pub fn config(&self) -> Result<ImageConfig> {
        if !self.image.is_container() {
            bail!(
                "the image's config is of type {} and not a container image's",
                self.image.config.media_type
            );
        }
        let blob = self.source.blob(&self.image.config)?;
        let bytes = BlobStream::verified(blob, &self.image.config).into_bytes()?;
        ImageConfig::parse(&bytes)
    }

    /// A blob of the image, not verified, with what it has to be.
    pub fn blob(&self, digest: &Digest) -> Result<(Box<dyn Read + Send>, Descriptor)> {
        let mut known = [&self.image.config]
            .into_iter()
            .chain(&self.layers)
            .chain(&self.image.layers);
        let blob = known
            .find(|blob| blob.digest == *digest)
            .with_context(|| format!("the image has no blob {digest}"))?;
        Ok((self.source.blob(blob)?, blob.clone()))
    }
}
