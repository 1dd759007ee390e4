//! Image names as skopeo(1) "IMAGE NAMES" writes them: `transport:details`.

use std::path::PathBuf;

use crate::digest::Digest;

/// One image, or one place for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `docker://name[:tag|@digest]`
    Docker(Name),
    /// `oci:path[:image]`
    Oci {
        path: PathBuf,
        image: Option<String>,
    },
    /// `oci-archive:path[:image]`
    OciArchive {
        path: PathBuf,
        image: Option<String>,
    },
    /// `docker-archive:path[:name:tag|:@index]`
    DockerArchive {
        path: PathBuf,
        image: Option<ArchiveImage>,
    },
    /// `dir:path`
    Dir { path: PathBuf },
    /// `containers-storage:[driver@root+runroot]name`
    ContainersStorage {
        store: Option<StoreSpec>,
        name: Name,
    },
}

/// A normalized repository name with its tag or digest: `docker.io/library/alpine:latest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// `docker.io`, `localhost`, `127.0.0.1:5000`
    pub domain: String,
    /// `library/alpine`
    pub path: String,
    pub tag: Option<String>,
    pub digest: Option<Digest>,
}

/// Which image of a docker-archive of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveImage {
    Tagged(Name),
    Index(usize),
}

/// The `[driver@root+runroot]` of a containers-storage: reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSpec {
    /// `rpod`, or `overlay` and others for podman's own storage.
    pub driver: Option<String>,
    pub root: PathBuf,
    pub runroot: Option<PathBuf>,
}
