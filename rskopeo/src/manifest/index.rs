//! Indexes (OCI) and manifest lists (Docker): one image for several platforms.

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{DOCKER_LIST, Descriptor, Format, RawManifest};
use crate::digest::Digest;
use crate::go_json::null_as_default;
use crate::platform::Platform;

/// A parsed index.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    #[serde(default, deserialize_with = "null_as_default")]
    pub manifests: Vec<Descriptor>,
    /// In errors.
    #[serde(skip)]
    what: &'static str,
}

impl Index {
    pub fn parse(manifest: &RawManifest) -> Result<Self> {
        if !manifest.is_index() {
            bail!("{} is not the media type of an index", manifest.media_type);
        }
        let mut index: Self = serde_json::from_slice(&manifest.bytes)
            .with_context(|| format!("parsing index of type {}", manifest.media_type))?;
        index.what = match manifest.media_type == DOCKER_LIST {
            true => "manifest list",
            false => "image index",
        };
        Ok(index)
    }

    /// The instance for `platform`: the best variant that runs there, of two such that of zstd, the first in the index among equals.
    /// An instance that names no platform is taken only when no other fits.
    ///
    /// # Errors
    /// There is none.
    pub fn choose(&self, platform: &Platform) -> Result<&Descriptor> {
        let variants = platform.variants();
        self.manifests
            .iter()
            .filter_map(|instance| Some((rank(instance, platform, &variants)?, instance)))
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, instance)| instance)
            .with_context(|| {
                let Platform { os, architecture, variant } = platform;
                let variant = variant.as_deref().unwrap_or_default();
                format!("no image found in {} for architecture {architecture:?}, variant {variant:?}, OS {os:?}", self.what)
            })
    }

    pub fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.manifests.iter().map(|instance| &instance.digest)
    }
}

impl RawManifest {
    /// The index with other instances in the places of those that changed on the way, and of the kind that goes with `format`;
    /// nothing if it stays as it is. What else it says stays.
    pub fn with_instances(
        &self,
        changes: &[(Digest, RawManifest)],
        format: Format,
    ) -> Result<Option<RawManifest>> {
        let media_type = format.index_type();
        if changes.is_empty() && media_type == self.media_type {
            return Ok(None);
        }
        let mut value: serde_json::Value =
            serde_json::from_slice(&self.bytes).context("parsing an index to edit it")?;
        value["mediaType"] = media_type.into();
        for instance in value["manifests"].as_array_mut().into_iter().flatten() {
            let changed = changes
                .iter()
                .find(|(digest, _)| instance["digest"] == digest.to_string());
            if let Some((_, manifest)) = changed {
                instance["digest"] = manifest.digest().to_string().into();
                instance["size"] = manifest.bytes.len().into();
                instance["mediaType"] = manifest.media_type.as_str().into();
            }
        }
        Ok(Some(RawManifest {
            media_type: media_type.to_owned(),
            bytes: serde_json::to_vec(&value).context("encoding an index")?,
        }))
    }
}

/// The place of its variant, and whether it has to be of something else than zstd: lower is better. None does not run there.
fn rank(instance: &Descriptor, platform: &Platform, variants: &[&str]) -> Option<(usize, bool)> {
    /// What builders write on an instance whose layers are of zstd, beside one whose layers are of gzip.
    const ZSTD: &str = "io.github.containers.compression.zstd";
    let is_other = instance
        .annotations
        .get(ZSTD)
        .is_none_or(|zstd| zstd != "true");
    let Some(spec) = &instance.platform else {
        return Some((usize::MAX, is_other));
    };
    if spec.os != platform.os || spec.architecture != platform.architecture {
        return None;
    }
    let variant = spec.variant.as_deref().unwrap_or_default();
    let place = variants.iter().position(|wanted| *wanted == variant)?;
    Some((place, is_other))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::manifest::{OCI_INDEX, OCI_MANIFEST};

    fn index(platforms: &[(&str, &str)]) -> Index {
        let manifests: Vec<_> = platforms
            .iter()
            .enumerate()
            .map(|(n, (architecture, variant))| {
                let digest = Digest::sha256(n.to_string().as_bytes());
                let mut platform = serde_json::json!({"os": "linux", "architecture": architecture});
                if !variant.is_empty() {
                    platform["variant"] = (*variant).into();
                }
                serde_json::json!({"mediaType": OCI_MANIFEST, "digest": digest, "size": 1, "platform": platform})
            })
            .collect();
        let bytes =
            serde_json::to_vec(&serde_json::json!({"schemaVersion": 2, "manifests": manifests}))
                .unwrap();
        Index::parse(&RawManifest {
            media_type: OCI_INDEX.to_owned(),
            bytes,
        })
        .unwrap()
    }

    fn chosen(index: &Index, architecture: &str, variant: Option<&str>) -> Option<usize> {
        let platform = Platform {
            os: "linux".into(),
            architecture: architecture.into(),
            variant: variant.map(Into::into),
        };
        let digest = index.choose(&platform).ok()?.digest.clone();
        index.digests().position(|candidate| *candidate == digest)
    }

    #[test]
    fn an_index_follows_its_instances() {
        let raw = RawManifest {
            media_type: OCI_INDEX.to_owned(),
            bytes: br#"{"schemaVersion":2,"manifests":[{"digest":"sha256:a","size":1,"platform":{"os":"linux"}}],"annotations":{"a":"b"}}"#
                .to_vec(),
        };
        assert!(raw.with_instances(&[], Format::Oci).unwrap().is_none());
        let list = raw
            .with_instances(&[], Format::DockerSchema2)
            .unwrap()
            .unwrap();
        assert_eq!(list.media_type, DOCKER_LIST);
        assert!(String::from_utf8_lossy(&list.bytes).contains(r#""annotations":{"a":"b"}"#));
    }

    #[test]
    fn the_best_variant_wins() {
        let index = index(&[("arm", "v5"), ("arm", "v7"), ("amd64", ""), ("arm64", "v8")]);
        assert_eq!(chosen(&index, "amd64", None), Some(2));
        assert_eq!(chosen(&index, "arm", None), Some(1));
        assert_eq!(chosen(&index, "arm", Some("v6")), Some(0));
        assert_eq!(chosen(&index, "arm64", None), Some(3));
        assert_eq!(chosen(&index, "s390x", None), None);
    }

    #[test]
    fn of_two_that_run_the_one_of_zstd_is_chosen() {
        let mut index = index(&[("arm", "v7"), ("arm", "v7"), ("arm", "v6")]);
        for (at, value) in [(1, "true"), (2, "true"), (0, "false")] {
            let note = ("io.github.containers.compression.zstd".into(), value.into());
            index.manifests[at].annotations.extend([note]);
        }
        assert_eq!(chosen(&index, "arm", Some("v7")), Some(1));
    }
}
