//! The transport that a reference names, for each thing that can be done with an image.

use std::path::Path;

use anyhow::{Result, bail};

use super::{
    Access, Destination, LayerForm, Layout, Lifted, Source, Writing, containers_storage, dir,
    docker, docker_archive, docker_daemon, oci, oci_archive,
};
use crate::manifest::Descriptor;
use crate::reference::Reference;

/// Opens an image to be read.
pub fn open_source(reference: &Reference, access: &Access) -> Result<Box<dyn Source>> {
    Ok(match reference {
        Reference::Docker(name) => Box::new(docker::DockerSource::open(name, access)?),
        Reference::Dir { path } => Box::new(dir::DirSource::new(path)),
        Reference::Oci { path, image } => Box::new(oci::OciSource::open(
            path,
            image.as_deref(),
            access.shared_blob_dir.as_deref(),
        )?),
        Reference::ContainersStorage { store, image } => {
            containers_storage::open_source(store.as_ref(), image)?
        }
        Reference::OciArchive { path, image } => {
            let tmpdir = access.tmpdir.as_deref();
            Box::new(oci_archive::OciArchiveSource::open(
                path,
                image.as_deref(),
                tmpdir,
            )?)
        }
        Reference::DockerDaemon(image) => docker_daemon::open_source(image, access)?,
        Reference::DockerArchive { path, image } => {
            let tmpdir = access.tmpdir.as_deref();
            Box::new(docker_archive::DockerArchiveSource::open(
                path,
                image.as_ref(),
                tmpdir,
            )?)
        }
    })
}

/// Opens an image whose blobs are wanted: one of schema 1 is read, and shown as one of schema 2.
pub fn open_lifted(reference: &Reference, access: &Access) -> Result<Box<dyn Source>> {
    let source = open_source(reference, access)?;
    let top = source.manifest(None)?;
    Ok(match top.is_schema1() {
        true => Box::new(Lifted::read(&*source, &top, access.tmpdir.as_deref())?),
        false => source,
    })
}

/// Opens an image of a layout that may have no name in it, by the digest of its manifest.
pub fn open_layout(path: &Path, top: Descriptor) -> Box<dyn Source> {
    Box::new(oci::OciSource::of(path, top))
}

/// Opens a place for an image.
pub fn open_destination(
    reference: &Reference,
    access: &Access,
    writing: &Writing,
) -> Result<Box<dyn Destination>> {
    if !writing.additional_tags.is_empty() && !matches!(reference, Reference::DockerArchive { .. })
    {
        bail!("--additional-tag is only for docker-archive: destinations");
    }
    Ok(match reference {
        Reference::Docker(name) => Box::new(docker::DockerDestination::open(
            name,
            access,
            writing.from.as_ref(),
        )?),
        Reference::Dir { path } => Box::new(dir::DirDestination::create(
            path,
            writing.dir_form.unwrap_or(LayerForm::AsIs),
        )?),
        Reference::Oci { path, image } => Box::new(oci::OciDestination::create(
            path,
            image.as_deref(),
            access.shared_blob_dir.as_deref(),
            writing.oci_accepts_uncompressed,
        )?),
        Reference::ContainersStorage { store, image } => {
            containers_storage::open_destination(store.as_ref(), image)?
        }
        Reference::OciArchive { path, image } => {
            let tmpdir = access.tmpdir.as_deref();
            Box::new(oci_archive::OciArchiveDestination::create(
                path,
                image.as_deref(),
                tmpdir,
                writing.oci_accepts_uncompressed,
            )?)
        }
        Reference::DockerDaemon(image) => {
            Box::new(docker_daemon::DockerDaemonDestination::open(image, access)?)
        }
        Reference::DockerArchive { path, image } => {
            let tmpdir = access.tmpdir.as_deref();
            Box::new(docker_archive::DockerArchiveDestination::create(
                path,
                image.as_ref(),
                &writing.additional_tags,
                tmpdir,
            )?)
        }
    })
}

/// Whether an image of this name is among files of many users, which an ordinary one deals with in a user namespace.
pub fn is_of_many_users(reference: &Reference) -> bool {
    match reference {
        Reference::ContainersStorage { store, .. } => {
            containers_storage::is_podmans(store.as_ref())
        }
        _ => false,
    }
}

/// Removes an image, and what nothing else needs of it.
pub fn delete(reference: &Reference, access: &Access) -> Result<()> {
    match reference {
        Reference::Docker(name) => docker::delete(name, access),
        Reference::Oci { path, image } => oci::delete(path, image.as_deref(), access),
        Reference::ContainersStorage { store, image } => {
            containers_storage::delete(store.as_ref(), image)
        }
        other => bail!(
            "Deleting images not implemented for {}: images",
            other.transport()
        ),
    }
}

/// The tags of a repository, or of the images in an archive.
pub fn list_tags(reference: &Reference, access: &Access) -> Result<Vec<String>> {
    match reference {
        Reference::Docker(name) => docker::list_tags(name, access),
        Reference::DockerArchive { path, .. } => {
            docker_archive::list_tags(path, access.tmpdir.as_deref())
        }
        Reference::OciArchive { path, .. } => {
            Ok(oci_archive::index(path, access.tmpdir.as_deref())?.names())
        }
        Reference::Oci { path, .. } => Ok(Layout::at(path, None).index()?.names()),
        other => bail!("{}: has no tags to list", other.transport()),
    }
}
