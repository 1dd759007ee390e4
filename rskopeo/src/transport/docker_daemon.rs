//! `docker-daemon:name:tag`, an image that a Docker daemon has or is given, as an archive both times.

use std::fs::File;
use std::io::{self, Seek};

use anyhow::{Context, Result, bail};

use super::docker_archive::{DockerArchiveDestination, DockerArchiveSource};
use super::tar_file::{Section, TarReader, TarWriter, spool};
use super::{Access, BlobStream, Destination, Held, LayerForm, Place, Role, Source, Written};
use crate::manifest::{Descriptor, RawManifest};
use crate::reference::DaemonImage;
use crate::registry::Daemon;

/// The daemon's archive is kept in a file without a name: it may come only once, and its members are read in another order.
pub fn open_source(image: &DaemonImage, access: &Access) -> Result<Box<dyn Source>> {
    let mut archive = Daemon::at(access)?.save(&image.to_string())?;
    let mut file = spool(access.tmpdir.as_deref())?;
    io::copy(&mut archive, &mut file).context("loading image from docker engine")?;
    file.rewind()?;
    let source = DockerArchiveSource::of(TarReader::of(file)?, None);
    Ok(Box::new(source.context("reading docker engine's archive")?))
}

/// Waits in a file without a name until the image is whole.
#[derive(Debug)]
pub struct DockerDaemonDestination {
    daemon: Daemon,
    archive: DockerArchiveDestination,
    spooled: File,
}

impl DockerDaemonDestination {
    pub fn open(image: &DaemonImage, access: &Access) -> Result<Self> {
        let name = match image {
            DaemonImage::Named(name) if name.tag.is_some() => name,
            _ => {
                bail!("Invalid destination docker-daemon:{image}: a destination must be a name:tag")
            }
        };
        let spooled = spool(access.tmpdir.as_deref())?;
        let tar = TarWriter::over(spooled.try_clone().context("duplicating a descriptor")?);
        Ok(Self {
            daemon: Daemon::at(access)?,
            archive: DockerArchiveDestination::of(tar, vec![name.clone()]),
            spooled,
        })
    }
}

impl Destination for DockerDaemonDestination {
    fn manifest_types(&self) -> &[&str] {
        self.archive.manifest_types()
    }

    fn takes_indexes(&self) -> bool {
        self.archive.takes_indexes()
    }

    fn layer_form(&self) -> LayerForm {
        self.archive.layer_form()
    }

    fn is_sequential(&self) -> bool {
        self.archive.is_sequential()
    }

    fn begins_anew(&self) -> bool {
        self.archive.begins_anew()
    }

    fn has_blob(&self, blob: &Descriptor, role: &Role) -> Result<Option<Held>> {
        self.archive.has_blob(blob, role)
    }

    fn put_blob(
        &self,
        blob: Option<&Descriptor>,
        role: &Role,
        stream: BlobStream<'_>,
    ) -> Result<Written> {
        self.archive.put_blob(blob, role, stream)
    }

    fn put_manifest(&self, manifest: &RawManifest, place: Place<'_>) -> Result<()> {
        self.archive.put_manifest(manifest, place)
    }

    fn commit(self: Box<Self>) -> Result<()> {
        let Self {
            daemon,
            archive,
            spooled,
        } = *self;
        Box::new(archive).commit()?;
        let size = spooled.metadata().context("measuring the archive")?.len();
        daemon.load(Section::whole(spooled, size))
    }
}
