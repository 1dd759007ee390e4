//! Reading references.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{ArchiveImage, DaemonImage, InvalidName, Name, Reference, StoreSpec, StoredImage};
use crate::digest::Digest;

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
    SourceIndex(String),
    #[error("Invalid source index {0}: must not be negative")]
    NegativeIndex(String),
    #[error("docker-archive parsing reference: {0}")]
    ArchiveName(#[source] InvalidName),
    #[error("reference does not include a tag: {0}")]
    NoTag(String),
    #[error("docker-daemon: reference {0} has neither a tag nor a digest")]
    NeitherTagNorDigest(String),
    #[error(
        "docker-daemon: reference {0} is taken for an image ID, and is none: only sha256: and 64 hexadecimal digits are"
    )]
    DaemonId(String),
    #[error("{0}: invalid reference (expected [driver@root+runroot]name)")]
    Store(String),
    #[error(transparent)]
    Name(#[from] InvalidName),
}

/// The transports that rskopeo reads and writes, as errors and help list them.
const SUPPORTED: &str =
    "containers-storage, dir, docker, docker-archive, docker-daemon, oci, oci-archive";
const KNOWN_ELSEWHERE: [&str; 5] = ["atomic", "ostree", "sif", "tarball", "openshift"];

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let Some((transport, details)) = text.split_once(':') else {
            return Err(InvalidReference::NoTransport(text.to_owned()));
        };
        match transport {
            "docker" => docker(details),
            "oci" => oci(details).map(|(path, image)| Self::Oci { path, image }),
            "oci-archive" => oci_archive(details),
            "docker-archive" => docker_archive(details),
            "docker-daemon" => daemon_image(details).map(Self::DockerDaemon),
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
    match image.strip_prefix('@') {
        Some(index) => drop(source_index(index)?),
        None if image.is_empty() || is_oci_image(image) => {}
        None => return Err(InvalidReference::OciImage(image.to_owned())),
    }
    Ok((path.into(), (!image.is_empty()).then(|| image.to_owned())))
}

fn oci_archive(details: &str) -> Result<Reference, InvalidReference> {
    match oci(details)? {
        (_, Some(image)) if image.starts_with('@') => Err(InvalidReference::OciImage(image)),
        (path, image) => Ok(Reference::OciArchive { path, image }),
    }
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
        return source_index(index).map(ArchiveImage::Index);
    }
    let name: Name = image.parse().map_err(InvalidReference::ArchiveName)?;
    if name.digest.is_some() {
        return Err(InvalidReference::NoTag(name.to_string()));
    }
    Ok(ArchiveImage::Tagged(name.or_latest()))
}

/// What stands behind an `@`.
fn source_index(index: &str) -> Result<usize, InvalidReference> {
    let told = || format!("@{index}");
    match index.parse::<i64>() {
        Ok(n) => usize::try_from(n).map_err(|_| InvalidReference::NegativeIndex(told())),
        Err(_) => Err(InvalidReference::SourceIndex(told())),
    }
}

/// What might be read as an ID and as a name is refused, as the daemon itself reads it as the former.
fn daemon_image(details: &str) -> Result<DaemonImage, InvalidReference> {
    let not_an_id = || InvalidReference::DaemonId(details.to_owned());
    match details.parse::<Digest>() {
        Ok(id) if id.algorithm() == "sha256" => return Ok(DaemonImage::Id(id)),
        Ok(_) => return Err(not_an_id()),
        Err(_) => {}
    }
    let name: Name = details.parse()?;
    if name.familiar().split([':', '@']).next() == Some("sha256") {
        return Err(not_an_id());
    }
    match (&name.tag, &name.digest) {
        (None, None) => Err(InvalidReference::NeitherTagNorDigest(name.familiar())),
        (Some(_), Some(_)) => Err(InvalidReference::TagAndDigest),
        _ => Ok(DaemonImage::Named(name)),
    }
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
    let image = stored_image(name).ok_or_else(invalid)??;
    Ok(Reference::ContainersStorage { store, image })
}

/// None for what is neither name nor ID.
fn stored_image(text: &str) -> Option<Result<StoredImage, InvalidName>> {
    let name = |text: &str| text.parse::<Name>().map(Name::or_latest);
    Some(match text.rsplit_once('@') {
        Some(("", id)) if is_id(id) => Ok(StoredImage::Id(id.to_owned())),
        Some(("", _)) => return None,
        Some((named, id)) if is_id(id) => {
            name(named).map(|name| StoredImage::NamedId(name, id.to_owned()))
        }
        None if is_id(text) && text.len() == 64 => Ok(StoredImage::Id(text.to_owned())),
        None if is_id(text) => name(text).map(|name| StoredImage::Either(name, text.to_owned())),
        _ => name(text).map(StoredImage::Name),
    })
}

/// All of an image's ID, or as much of it as containers/storage takes for one.
fn is_id(text: &str) -> bool {
    (3..=64).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
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
            "oci:some/path:@0",
            "oci:some/path:docker.io/library/alpine:latest",
            "oci-archive:/x.tar:v1",
            "docker-archive:x.tar",
            "docker-archive:x.tar:docker.io/library/alpine:latest",
            "docker-archive:x.tar:@2",
            "dir:/a:b",
            "docker-daemon:alpine:3",
            "docker-daemon:quay.io/a/b@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "docker-daemon:sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "containers-storage:[rpod@/root+/run]docker.io/library/alpine:latest",
            "containers-storage:[/root]docker.io/library/alpine:latest",
            "containers-storage:[overlay@/root+/run:overlay.mountopt=nodev,x=y]docker.io/library/alpine:latest",
            "containers-storage:[/root]@012",
            "containers-storage:[/root]012abc",
            "containers-storage:[/root]docker.io/library/alpine:latest@012abc",
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
        assert!(refused("oci:a:@-1").contains("must not be negative"));
        assert_eq!(refused("oci-archive:a:@0"), "Invalid image @0");
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
        assert!(refused("containers-storage:[/root]@ab").contains("invalid reference"));
        for text in [
            "sha256:0123",
            "sha256:latest",
            &format!("sha512:{digest}{digest}"),
        ] {
            let said = refused(&format!("docker-daemon:{text}"));
            assert!(said.contains("taken for an image ID"), "{said}");
        }
        assert_eq!(
            refused("docker-daemon:alpine"),
            "docker-daemon: reference alpine has neither a tag nor a digest"
        );
        assert!(refused("sif:x").contains("sif: is not supported"));
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,80}") {
            for transport in ["", "docker://", "oci:", "docker-archive:", "docker-daemon:", "containers-storage:"] {
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
