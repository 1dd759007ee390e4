//! An image of schema 1 as one of schema 2.
//!
//! Sizes and diffIDs are known only of layers that were read, so each is taken once into a file without a name.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::tar_file::{Section, spool};
use super::{BlobStream, Source};
use crate::compression;
use crate::digest::{Digest, Hasher};
use crate::manifest::{DOCKER_CONFIG, DOCKER_LAYER, Descriptor, Image, RawManifest, Schema1};

/// The image in its new form; dropping it removes the files.
#[derive(Debug)]
pub struct Lifted {
    pub manifest: RawManifest,
    config: Vec<u8>,
    layers: BTreeMap<Digest, Spooled>,
}

impl Lifted {
    /// Reads every layer of the image; `tmpdir` is as `--tmpdir`.
    pub fn read(
        source: &dyn Source,
        manifest: &RawManifest,
        tmpdir: Option<&Path>,
    ) -> Result<Self> {
        let schema1 = Schema1::parse(manifest)?;
        let mut layers: BTreeMap<Digest, Spooled> = BTreeMap::new();
        let (mut descriptors, mut diff_ids) = (Vec::new(), Vec::new());
        for digest in schema1.full_layers()? {
            if !layers.contains_key(&digest) {
                let read = Spooled::read(source, &digest, tmpdir)
                    .with_context(|| format!("reading layer {digest}"))?;
                layers.insert(digest.clone(), read);
            }
            let layer = &layers[&digest];
            diff_ids.push(layer.diff_id.clone());
            descriptors.push(layer.descriptor(&digest));
        }
        let config = schema1.config(&diff_ids)?;
        let described =
            Descriptor::new(DOCKER_CONFIG, Digest::sha256(&config), config.len() as u64);
        Ok(Self {
            manifest: Image::docker(described, descriptors).serialize()?,
            config,
            layers,
        })
    }
}

impl Source for Lifted {
    fn manifest(&self, instance: Option<&Digest>) -> Result<RawManifest> {
        match instance {
            None => Ok(self.manifest.clone()),
            Some(digest) => bail!("an image of schema 1 has no instance {digest}"),
        }
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send>> {
        match self.layers.get(&descriptor.digest) {
            Some(layer) => layer.open(),
            None => Ok(Box::new(Cursor::new(self.config.clone()))),
        }
    }
}

/// A layer that was read.
#[derive(Debug)]
pub struct Spooled {
    file: File,
    /// In bytes.
    pub size: u64,
    diff_id: Digest,
}

impl Spooled {
    pub fn read(source: &dyn Source, digest: &Digest, tmpdir: Option<&Path>) -> Result<Self> {
        // How large it is nobody has told; a registry does not need to know either.
        let told = Descriptor::new(DOCKER_LAYER, digest.clone(), 0);
        let mut stream = BlobStream::of_digest(source.blob(&told)?, digest);
        let mut file = spool(tmpdir)?;
        let mut plain = compression::decompress(Tee {
            from: &mut stream,
            to: file.try_clone()?,
        })?;
        let mut hasher = Hasher::sha256();
        let mut buffer = vec![0; 128 * 1024];
        loop {
            match plain.read(&mut buffer)? {
                0 => break,
                n => hasher.update(&buffer[..n]),
            }
        }
        drop(plain);
        // What follows the end of the compressed stream belongs to the blob too.
        io::copy(&mut stream, &mut file)?;
        let size = stream.finish()?.size;
        file.rewind()?;
        Ok(Self {
            file,
            size,
            diff_id: hasher.finish(),
        })
    }

    pub fn open(&self) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(Section::whole(self.file.try_clone()?, self.size)))
    }

    /// The media type promises gzip, as Docker's does of any layer of this age; what there is shows when it is read.
    pub fn descriptor(&self, digest: &Digest) -> Descriptor {
        Descriptor::new(&format!("{DOCKER_LAYER}.gzip"), digest.clone(), self.size)
    }
}

/// Writes what is read through it.
struct Tee<R> {
    from: R,
    to: File,
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(buffer)?;
        self.to.write_all(&buffer[..n])?;
        Ok(n)
    }
}
