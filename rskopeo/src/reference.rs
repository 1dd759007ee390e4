//! Image names as skopeo(1) "IMAGE NAMES" writes them: `transport:details`.

mod name;
mod parse;

use std::fmt;
use std::path::PathBuf;

use crate::digest::Digest;

pub use name::{InvalidName, Name};

/// One image, or one place for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `docker://name[:tag|@digest]`
    Docker(Name),
    /// `oci:path[:image|:@index]`; the image is the name, or `@` and the index, which no name begins with
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
    /// `docker-daemon:name:tag|name@digest|algorithm:hex`
    DockerDaemon(DaemonImage),
    /// `dir:path`
    Dir { path: PathBuf },
    /// `containers-storage:[driver@root+runroot]name`, or `@id` in the place of the name
    ContainersStorage {
        store: Option<StoreSpec>,
        image: StoredImage,
    },
}

/// What an image of a store goes by. An ID is the digest of its configuration in hex, or where that is unmistakable its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredImage {
    Name(Name),
    /// `@id`: an image of any name or none.
    Id(String),
    /// `name@id`: the image with the ID, which has a name of that repository.
    NamedId(Name, String),
    /// Digits that are an ID if the store has such an image, else a name.
    Either(Name, String),
}

/// What an image of a Docker daemon goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DaemonImage {
    /// With a tag or a digest.
    Named(Name),
    /// The digest of its configuration.
    Id(Digest),
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
    /// `NAME=VALUE`, for the driver.
    pub options: Vec<String>,
}

impl Reference {
    pub fn transport(&self) -> &'static str {
        match self {
            Self::Docker(_) => "docker",
            Self::Oci { .. } => "oci",
            Self::OciArchive { .. } => "oci-archive",
            Self::DockerArchive { .. } => "docker-archive",
            Self::DockerDaemon(_) => "docker-daemon",
            Self::Dir { .. } => "dir",
            Self::ContainersStorage { .. } => "containers-storage",
        }
    }
}

impl Reference {
    /// The name by which the image is known elsewhere, if its transport has names.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Docker(name) | Self::DockerDaemon(DaemonImage::Named(name)) => Some(name),
            Self::ContainersStorage { image, .. } => image.name(),
            Self::DockerArchive {
                image: Some(ArchiveImage::Tagged(name)),
                ..
            } => Some(name),
            _ => None,
        }
    }

    /// The same, also when read in another working directory.
    pub fn absolute(&self) -> std::io::Result<Self> {
        let mut absolute = self.clone();
        if let Self::Oci { path, .. }
        | Self::OciArchive { path, .. }
        | Self::DockerArchive { path, .. }
        | Self::Dir { path } = &mut absolute
        {
            *path = std::path::absolute(&path)?;
        }
        Ok(absolute)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.transport())?;
        match self {
            Self::Docker(name) => write!(f, "//{}", name.familiar()),
            Self::DockerDaemon(image) => image.fmt(f),
            Self::Oci { path, image } | Self::OciArchive { path, image } => {
                write!(
                    f,
                    "{}:{}",
                    path.display(),
                    image.as_deref().unwrap_or_default()
                )
            }
            Self::DockerArchive { path, image } => {
                write!(f, "{}", path.display())?;
                match image {
                    Some(ArchiveImage::Tagged(name)) => write!(f, ":{name}"),
                    Some(ArchiveImage::Index(index)) => write!(f, ":@{index}"),
                    None => Ok(()),
                }
            }
            Self::Dir { path } => write!(f, "{}", path.display()),
            Self::ContainersStorage {
                store: Some(store),
                image,
            } => {
                let driver = store
                    .driver
                    .as_deref()
                    .map(|driver| format!("{driver}@"))
                    .unwrap_or_default();
                let runroot = store
                    .runroot
                    .as_deref()
                    .map(|path| format!("+{}", path.display()))
                    .unwrap_or_default();
                let options = match store.options.as_slice() {
                    [] => String::new(),
                    options => format!(":{}", options.join(",")),
                };
                write!(
                    f,
                    "[{driver}{}{runroot}{options}]{image}",
                    store.root.display()
                )
            }
            Self::ContainersStorage { store: None, image } => write!(f, "{image}"),
        }
    }
}

impl fmt::Display for StoredImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name}"),
            Self::Id(id) => write!(f, "@{id}"),
            Self::NamedId(name, id) => write!(f, "{name}@{id}"),
            Self::Either(_, digits) => f.write_str(digits),
        }
    }
}

impl StoredImage {
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Name(name) | Self::NamedId(name, _) | Self::Either(name, _) => Some(name),
            Self::Id(_) => None,
        }
    }

    /// That the image has to have.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Id(id) | Self::NamedId(_, id) => Some(id),
            Self::Name(_) | Self::Either(..) => None,
        }
    }
}

impl fmt::Display for DaemonImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "{}", name.familiar()),
            Self::Id(id) => id.fmt(f),
        }
    }
}
