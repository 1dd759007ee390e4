//! The formats that a manifest may be written in: what it is, if it can stay so, and then what else the destination may take.

use anyhow::{Result, bail};

use super::Options;
use crate::compression::Compression;
use crate::manifest::{Format, RawManifest};
use crate::transport::Destination;

/// What the image has become, or is to become, that not every format can say.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    pub encryption: bool,
    /// Its name, where it is not gzip.
    pub compression: Option<&'static str>,
}

impl Needs {
    pub fn of(encryption: bool, options: &Options) -> Self {
        let compression = match options.compression {
            Some(Compression::Zstd) => Some("zstd"),
            Some(Compression::ZstdChunked) => Some("zstd:chunked"),
            _ => None,
        };
        Self {
            encryption,
            compression,
        }
    }

    /// OCI's alone has names for encrypted layers and for those of zstd.
    fn are_met_by(self, format: Format) -> bool {
        format == Format::Oci || !(self.encryption || self.compression.is_some())
    }

    /// `compression using zstd, and encryption,`, and what cannot be had of it.
    fn told(self) -> (String, &'static str) {
        match (self.compression, self.encryption) {
            (Some(name), true) => (format!("compression using {name}, and encryption,"), "both"),
            (Some(name), false) => (format!("compression using {name}"), "it"),
            (None, _) => ("encryption".to_owned(), "encryption"),
        }
    }
}

/// The media types of manifests that may be written; empty when any may.
pub fn accepted<'a>(destination: &'a dyn Destination, options: &Options) -> &'a [&'a str] {
    match options.format {
        Some(_) if destination.takes_what_is_asked_for() => &[],
        _ => destination.manifest_types(),
    }
}

/// In the order in which they are tried; there is at least one. `fixed` is why the manifest must stay what it is, if it must.
pub fn candidates(
    own: Format,
    accepted: &[&str],
    fixed: Option<&str>,
    needs: Needs,
    options: &Options,
) -> Result<Vec<Format>> {
    let accepts = |format: Format| accepted.is_empty() || accepted.contains(&format.media_type());
    let (wanted, what) = needs.told();
    let all = match options.format {
        Some(format) if !accepts(format) => bail!(
            "destination does not take manifests of type {}: choose another --format",
            format.media_type()
        ),
        Some(format) if !needs.are_met_by(format) => bail!(
            "{wanted} required together with format {}, which does not support {what}: use --format oci",
            format.media_type()
        ),
        Some(format) => vec![format],
        // What it is already, then what most registries take, then the rest.
        None => vec![
            own,
            Format::DockerSchema2,
            Format::DockerSchema1,
            Format::Oci,
        ],
    };
    let mut formats = Vec::new();
    for format in all {
        if accepts(format) && needs.are_met_by(format) && !formats.contains(&format) {
            formats.push(format);
        }
    }
    let Some(first) = formats.first() else {
        bail!(
            "{wanted} required but the destination only supports MIME types [{}], none of which support {what}",
            accepted.join(", ")
        );
    };
    match fixed {
        Some(reason) if *first != own => bail!(
            "Manifest must be converted to type {:?} to be written to destination, but we cannot modify it: {reason:?}",
            first.media_type()
        ),
        Some(_) => Ok(vec![own]),
        None => Ok(formats),
    }
}

/// The same for an index.
pub fn of_index(top: &RawManifest, accepted: &[&str], options: &Options) -> Result<Vec<Format>> {
    let accepts = |format: Format| accepted.is_empty() || accepted.contains(&format.index_type());
    let mut all = match options.format {
        Some(format) => vec![format],
        None => vec![Format::Oci, Format::DockerSchema2],
    };
    all.retain(|format| accepts(*format));
    if all.is_empty() {
        bail!(
            "destination does not support manifest lists of this format: choose another --format"
        );
    }
    all.sort_by_key(|format| format.index_type() != top.media_type);
    Ok(all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::manifest::{DOCKER_MANIFEST, DOCKER_SCHEMA1, OCI_MANIFEST};
    use crate::platform::Platform;
    use crate::signature::{Terms, Trust};
    use Format::{DockerSchema1, DockerSchema2, Oci};

    fn options(format: Option<Format>, compression: Option<Compression>) -> Options {
        let platform = Platform {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            variant: None,
        };
        let dir = "dir:x".parse().unwrap();
        Options {
            format,
            compression,
            ..Options::quiet(platform, Trust::between(Terms::anything(), &dir, &dir))
        }
    }

    fn chosen(
        own: Format,
        accepted: &[&str],
        fixed: Option<&str>,
        encryption: bool,
        options: &Options,
    ) -> Result<Vec<Format>, String> {
        let needs = Needs::of(encryption, options);
        candidates(own, accepted, fixed, needs, options).map_err(|error| error.to_string())
    }

    #[test]
    fn what_it_is_comes_first() {
        let plain = options(None, Some(Compression::Gzip));
        let registry = [OCI_MANIFEST, DOCKER_MANIFEST, DOCKER_SCHEMA1[1]];
        let all = Ok(vec![Oci, DockerSchema2, DockerSchema1]);
        assert_eq!(chosen(Oci, &registry, None, false, &plain), all);
        assert_eq!(chosen(Oci, &[], None, false, &plain), all);
        let docker = Ok(vec![DockerSchema2, DockerSchema1, Oci]);
        assert_eq!(
            chosen(DockerSchema2, &registry, None, false, &plain),
            docker
        );
        let fixed = chosen(Oci, &registry, Some("why"), false, &plain);
        assert_eq!(fixed, Ok(vec![Oci]));
        let given = options(Some(DockerSchema2), None);
        let only = Ok(vec![DockerSchema2]);
        assert_eq!(chosen(Oci, &registry, None, false, &given), only);
        assert_eq!(chosen(Oci, &[DOCKER_MANIFEST], None, false, &plain), only);
        let refused = chosen(Oci, &[DOCKER_MANIFEST], Some("why"), false, &plain);
        assert!(
            refused
                .unwrap_err()
                .contains("we cannot modify it: \"why\"")
        );
    }

    #[test]
    fn what_only_oci_can_say_is_said_in_it() {
        let registry = [OCI_MANIFEST, DOCKER_MANIFEST];
        let plain = options(None, None);
        assert_eq!(
            chosen(DockerSchema2, &registry, None, true, &plain),
            Ok(vec![Oci])
        );
        let zstd = options(None, Some(Compression::ZstdChunked));
        assert_eq!(
            chosen(DockerSchema2, &[], None, false, &zstd),
            Ok(vec![Oci])
        );
        for (options, encryption, accepted, told) in [
            (
                &plain,
                true,
                &[DOCKER_MANIFEST][..],
                "encryption required but the destination only supports MIME types [application/vnd.docker.distribution.manifest.v2+json], none of which support encryption",
            ),
            (
                &zstd,
                true,
                &[DOCKER_MANIFEST],
                "compression using zstd:chunked, and encryption, required but",
            ),
            (
                &options(Some(DockerSchema2), None),
                true,
                &registry,
                "encryption required together with format application/vnd.docker.distribution.manifest.v2+json, which does not support encryption",
            ),
            (
                &options(Some(DockerSchema2), Some(Compression::Zstd)),
                false,
                &registry,
                "compression using zstd required together with format application/vnd.docker.distribution.manifest.v2+json, which does not support it",
            ),
        ] {
            let refused = chosen(DockerSchema2, accepted, None, encryption, options);
            assert!(refused.unwrap_err().starts_with(told), "{told}");
        }
    }
}
