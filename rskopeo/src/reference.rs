//! Image names as skopeo(1) "IMAGE NAMES" writes them: `transport:details`.

mod name;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use name::{InvalidName, Name};

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
    /// `containers-storage:[driver@root+runroot]name`, or `@id` in the place of the name
    ContainersStorage {
        store: Option<StoreSpec>,
        image: StoredImage,
    },
}

/// What an image of a store goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredImage {
    Name(Name),
    /// The digest of its configuration, in hex: an image of any name or none.
    Id(String),
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

/// Why a reference is refused; the texts are skopeo's, so that scripts which look for them go on working.
#[derive(Debug, thiserror::Error)]
pub enum InvalidReference {
    #[error(r#"Invalid image name "{0}", expected colon-separated transport:reference"#)]
    NoTransport(String),
    #[error(r#"Invalid image name "{image}", unknown transport "{transport}""#)]
    UnknownTransport { image: String, transport: String },
    #[error("transport {0}: is not supported by rskopeo (supported: {SUPPORTED})")]
    Unsupported(String),
    #[error("docker: image reference {0} does not start with //")]
    NoSlashes(String),
    #[error("Docker references with both a tag and digest are currently not supported")]
    TagAndDigest,
    #[error("Invalid image {0}")]
    OciImage(String),
    #[error("docker-archive reference {0} isn't of the form <path>[:<reference>]")]
    Archive(String),
    #[error("Invalid source index {0}: not a number")]
    ArchiveIndex(String),
    #[error("Invalid source index {0}: must not be negative")]
    NegativeIndex(String),
    #[error("docker-archive parsing reference: {0}")]
    ArchiveName(#[source] InvalidName),
    #[error("reference does not include a tag: {0}")]
    NoTag(String),
    #[error("{0}: invalid reference (expected [driver@root+runroot]name)")]
    Store(String),
    #[error(transparent)]
    Name(#[from] InvalidName),
}

/// The transports that rskopeo reads and writes, as errors and help list them.
pub const SUPPORTED: &str = "containers-storage, dir, docker, docker-archive, oci, oci-archive";
const KNOWN_ELSEWHERE: [&str; 6] = [
    "atomic",
    "docker-daemon",
    "ostree",
    "sif",
    "tarball",
    "openshift",
];

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let Some((transport, details)) = text.split_once(':') else {
            return Err(InvalidReference::NoTransport(text.to_owned()));
        };
        match transport {
            "docker" => docker(details),
            "oci" => oci(details).map(|(path, image)| Self::Oci { path, image }),
            "oci-archive" => oci(details).map(|(path, image)| Self::OciArchive { path, image }),
            "docker-archive" => docker_archive(details),
            "dir" => Ok(Self::Dir {
                path: details.into(),
            }),
            "containers-storage" => containers_storage(details),
            known if KNOWN_ELSEWHERE.contains(&known) => {
                Err(InvalidReference::Unsupported(known.to_owned()))
            }
            unknown => Err(InvalidReference::UnknownTransport {
                image: text.to_owned(),
                transport: unknown.to_owned(),
            }),
        }
    }
}

fn docker(details: &str) -> Result<Reference, InvalidReference> {
    let Some(name) = details.strip_prefix("//") else {
        return Err(InvalidReference::NoSlashes(details.to_owned()));
    };
    let name: Name = name.parse()?;
    if name.tag.is_some() && name.digest.is_some() {
        return Err(InvalidReference::TagAndDigest);
    }
    Ok(Reference::Docker(name.or_latest()))
}

fn oci(details: &str) -> Result<(PathBuf, Option<String>), InvalidReference> {
    let (path, image) = details.split_once(':').unwrap_or((details, ""));
    if !image.is_empty() && !is_oci_image(image) {
        return Err(InvalidReference::OciImage(image.to_owned()));
    }
    Ok((path.into(), (!image.is_empty()).then(|| image.to_owned())))
}

/// `org.opencontainers.image.ref.name`'s grammar (image-spec annotations.md).
fn is_oci_image(image: &str) -> bool {
    image.split('/').all(|component| {
        component.starts_with(|c: char| c.is_ascii_alphanumeric())
            && component.ends_with(|c: char| c.is_ascii_alphanumeric())
            && component
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._:@+".contains(&b))
            && !component
                .as_bytes()
                .windows(2)
                .any(|pair| pair.iter().all(|b| b"-._:@+".contains(b)) && pair != b"--")
    })
}

fn docker_archive(details: &str) -> Result<Reference, InvalidReference> {
    let (path, image) = match details.split_once(':') {
        Some((path, image)) => (path, Some(archive_image(image)?)),
        None => (details, None),
    };
    if path.is_empty() {
        return Err(InvalidReference::Archive(details.to_owned()));
    }
    Ok(Reference::DockerArchive {
        path: path.into(),
        image,
    })
}

fn archive_image(image: &str) -> Result<ArchiveImage, InvalidReference> {
    if let Some(index) = image.strip_prefix('@') {
        return match index.parse::<i64>() {
            Ok(n) => usize::try_from(n)
                .map(ArchiveImage::Index)
                .map_err(|_| InvalidReference::NegativeIndex(image.to_owned())),
            Err(_) => Err(InvalidReference::ArchiveIndex(image.to_owned())),
        };
    }
    let name: Name = image.parse().map_err(InvalidReference::ArchiveName)?;
    if name.digest.is_some() {
        return Err(InvalidReference::NoTag(name.to_string()));
    }
    Ok(ArchiveImage::Tagged(name.or_latest()))
}

fn containers_storage(details: &str) -> Result<Reference, InvalidReference> {
    let invalid = || InvalidReference::Store(details.to_owned());
    let (store, name) = match details.strip_prefix('[') {
        Some(rest) => {
            let (spec, name) = rest.split_once(']').ok_or_else(invalid)?;
            (Some(store_spec(spec).ok_or_else(invalid)?), name)
        }
        None => (None, details),
    };
    let image = match name.strip_prefix('@') {
        Some(id)
            if id.len() == 64 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) =>
        {
            StoredImage::Id(id.to_owned())
        }
        Some(_) => return Err(invalid()),
        None => StoredImage::Name(name.parse::<Name>()?.or_latest()),
    };
    Ok(Reference::ContainersStorage { store, image })
}

/// `[driver@]root[+runroot][:option,…]`; both paths absolute.
fn store_spec(spec: &str) -> Option<StoreSpec> {
    let (driver, paths) = match spec.split_once('@') {
        Some((driver, paths)) if !driver.is_empty() => (Some(driver.to_owned()), paths),
        Some(_) => return None,
        None => (None, spec),
    };
    let (paths, options) = match paths.split_once(':') {
        Some((paths, options)) => (paths, options.split(',').map(str::to_owned).collect()),
        None => (paths, Vec::new()),
    };
    let (root, runroot) = match paths.split_once('+') {
        Some((root, runroot)) => (root, Some(PathBuf::from(runroot))),
        None => (paths, None),
    };
    let absolute = |path: &Path| path.is_absolute();
    (absolute(Path::new(root)) && runroot.as_deref().is_none_or(absolute)).then(|| StoreSpec {
        driver,
        root: root.into(),
        runroot,
        options,
    })
}

impl Reference {
    pub fn transport(&self) -> &'static str {
        match self {
            Self::Docker(_) => "docker",
            Self::Oci { .. } => "oci",
            Self::OciArchive { .. } => "oci-archive",
            Self::DockerArchive { .. } => "docker-archive",
            Self::Dir { .. } => "dir",
            Self::ContainersStorage { .. } => "containers-storage",
        }
    }
}

impl Reference {
    /// The name by which the image is known elsewhere, if its transport has names.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Docker(name)
            | Self::ContainersStorage {
                image: StoredImage::Name(name),
                ..
            } => Some(name),
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
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn refused(text: &str) -> String {
        text.parse::<Reference>().unwrap_err().to_string()
    }

    #[test]
    fn every_transport_prints_as_it_was_written() {
        for text in [
            "docker://alpine:latest",
            "docker://127.0.0.1:5000/a/b:v1",
            "oci:some/path:tag",
            "oci:some/path:docker.io/library/alpine:latest",
            "oci-archive:/x.tar:v1",
            "docker-archive:x.tar",
            "docker-archive:x.tar:docker.io/library/alpine:latest",
            "docker-archive:x.tar:@2",
            "dir:/a:b",
            "containers-storage:[rpod@/root+/run]docker.io/library/alpine:latest",
            "containers-storage:[/root]docker.io/library/alpine:latest",
            "containers-storage:[overlay@/root+/run:overlay.mountopt=nodev,x=y]docker.io/library/alpine:latest",
            "containers-storage:[rpod@/root+/run]@0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn errors_are_skopeos() {
        assert_eq!(
            refused("foo"),
            r#"Invalid image name "foo", expected colon-separated transport:reference"#
        );
        assert_eq!(
            refused("nope:x"),
            r#"Invalid image name "nope:x", unknown transport "nope""#
        );
        assert_eq!(
            refused("docker:foo"),
            "docker: image reference foo does not start with //"
        );
        assert_eq!(
            refused("docker://Foo"),
            "invalid reference format: repository name must be lowercase"
        );
        assert_eq!(refused("docker://a:b:c"), "invalid reference format");
        assert_eq!(refused("oci:a:b c"), "Invalid image b c");
        let digest = "0".repeat(64);
        assert_eq!(
            refused(&format!("docker://a:t@sha256:{digest}")),
            "Docker references with both a tag and digest are currently not supported"
        );
        assert_eq!(
            refused("docker-archive:"),
            "docker-archive reference  isn't of the form <path>[:<reference>]"
        );
        assert_eq!(
            refused("docker-archive:x:@-1"),
            "Invalid source index @-1: must not be negative"
        );
        assert!(refused("containers-storage:[a@b").contains("invalid reference"));
        assert!(refused("containers-storage:[/root]@abc").contains("invalid reference"));
        assert!(refused("sif:x").contains("sif: is not supported"));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,80}") {
            for transport in ["", "docker://", "oci:", "docker-archive:", "containers-storage:"] {
                let _ = format!("{transport}{text}").parse::<Reference>();
            }
        }

        #[test]
        fn display_parses_back(path in "[a-z/]{1,10}", tag in "[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,10}", name in "[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,2}") {
            for text in [format!("docker://{name}:{tag}"), format!("docker-archive:{path}:{name}:{tag}"), format!("dir:{path}")] {
                let parsed: Reference = text.parse().unwrap();
                prop_assert_eq!(parsed.to_string().parse::<Reference>().unwrap(), parsed);
            }
        }
    }
}
