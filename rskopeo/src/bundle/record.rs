//! What a bundle was made of, so that it can be packed again: `umoci.json` and `sha256_<hex>.mtree` beside the rootfs, as umoci
//! writes and reads them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::Isolation;
use crate::atomic;
use crate::digest::Digest;
use crate::layer::{IdMap, Mtree, Owners};
use crate::manifest::Descriptor;

const FILE: &str = "umoci.json";
const VERSION: &str = "2";

#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    umoci_version: String,
    from_descriptor_path: Walk,
    map_options: MapOptions,
    /// How whiteouts lie in the rootfs; only 0, "removed", is known.
    #[serde(default)]
    whiteout_mode: u32,
    /// Where the image was, in skopeo's notation; umoci has no such field and passes over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_image: Option<String>,
}

/// From an index to the manifest.
#[derive(Debug, Serialize, Deserialize)]
struct Walk {
    descriptor_walk: Vec<Descriptor>,
}

#[derive(Debug, Serialize, Deserialize)]
struct MapOptions {
    uid_mappings: Option<Vec<Mapping>>,
    gid_mappings: Option<Vec<Mapping>>,
    rootless: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mapping {
    #[serde(rename = "containerID")]
    container: u32,
    #[serde(rename = "hostID")]
    host: u32,
    size: u32,
}

impl Record {
    /// `walk` leads from what the image's name stands for to its manifest.
    pub fn new(walk: Vec<Descriptor>, from_image: Option<String>, isolation: &Isolation) -> Self {
        Self {
            umoci_version: VERSION.to_owned(),
            from_descriptor_path: Walk {
                descriptor_walk: walk,
            },
            map_options: MapOptions {
                uid_mappings: mappings(&isolation.uids),
                gid_mappings: mappings(&isolation.gids),
                rootless: isolation.rootless,
            },
            whiteout_mode: 0,
            from_image,
        }
    }

    pub fn read(bundle: &Path) -> Result<Self> {
        let path = bundle.join(FILE);
        let bytes = fs::read(&path).with_context(|| {
            format!(
                "open {} (is {} a bundle that rskopeo or umoci has unpacked?)",
                path.display(),
                bundle.display()
            )
        })?;
        let record: Self = serde_json::from_slice(&bytes)
            .with_context(|| format!("parsing {}", path.display()))?;
        if record.umoci_version != VERSION {
            let (is, path) = (&record.umoci_version, path.display());
            bail!("{path} is of version {is:?}, expected {VERSION:?}");
        }
        if record.whiteout_mode != 0 {
            bail!(
                "{} tells of a rootfs in overlayfs form, which cannot be packed: unpack the image anew",
                path.display()
            );
        }
        record.manifest()?;
        Ok(record)
    }

    /// The manifest of the image that was unpacked.
    pub fn manifest(&self) -> Result<&Descriptor> {
        let walk = &self.from_descriptor_path.descriptor_walk;
        walk.last()
            .with_context(|| format!("{FILE} does not say which image the bundle is of"))
    }

    pub fn image(&self) -> Option<&str> {
        self.from_image.as_deref()
    }

    pub fn owners(&self) -> Owners {
        let maps = |mappings: &Option<Vec<Mapping>>| -> Vec<IdMap> {
            let mappings = mappings.as_deref().unwrap_or_default();
            let map = |mapping: &Mapping| IdMap {
                container: mapping.container,
                host: mapping.host,
                size: mapping.size,
            };
            mappings.iter().map(map).collect()
        };
        let (uids, gids) = (
            maps(&self.map_options.uid_mappings),
            maps(&self.map_options.gid_mappings),
        );
        match (self.map_options.rootless, uids.is_empty()) {
            (true, _) => Owners::Callers,
            (false, true) => Owners::Kept,
            (false, false) => Owners::Mapped { uids, gids },
        }
    }

    /// What the rootfs was.
    pub fn mtree(&self, bundle: &Path) -> Result<Mtree> {
        let path = bundle.join(mtree_name(&self.manifest()?.digest));
        let text = fs::read_to_string(&path).with_context(|| format!("open {}", path.display()))?;
        text.parse()
            .with_context(|| format!("parsing {}", path.display()))
    }

    /// Writes record and description into `bundle`, the record last.
    pub fn write(&self, bundle: &Path, mtree: &str) -> Result<()> {
        let digest = &self.manifest()?.digest;
        atomic::write(&bundle.join(mtree_name(digest)), mtree.as_bytes())?;
        atomic::write(&bundle.join(FILE), &serde_json::to_vec(self)?)
    }

    /// Records that the rootfs is now what `manifest` says, and is at `from_image`.
    pub fn refresh(
        mut self,
        bundle: &Path,
        manifest: Descriptor,
        from_image: String,
        mtree: &str,
    ) -> Result<()> {
        let old = bundle.join(mtree_name(&self.manifest()?.digest));
        self.from_descriptor_path.descriptor_walk = vec![manifest];
        self.from_image = Some(from_image);
        self.write(bundle, mtree)?;
        if old != bundle.join(mtree_name(&self.manifest()?.digest)) {
            fs::remove_file(&old).with_context(|| format!("removing {}", old.display()))?;
        }
        Ok(())
    }

    /// The files that [`write`](Self::write) makes, the record last.
    pub fn files(&self) -> Result<[PathBuf; 2]> {
        Ok([mtree_name(&self.manifest()?.digest).into(), FILE.into()])
    }
}

/// Removes what an unfinished bundle may have of it.
pub fn clear(bundle: &Path) -> Result<()> {
    let listing = fs::read_dir(bundle).with_context(|| format!("listing {}", bundle.display()))?;
    for entry in listing {
        let entry = entry.with_context(|| format!("listing {}", bundle.display()))?;
        let name = entry.file_name();
        if name == FILE
            || Path::new(&name)
                .extension()
                .is_some_and(|end| end == "mtree")
        {
            let path = entry.path();
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}

fn mtree_name(digest: &Digest) -> String {
    format!("{}_{}.mtree", digest.algorithm(), digest.hex())
}

fn mappings(maps: &[IdMap]) -> Option<Vec<Mapping>> {
    let mapping = |map: &IdMap| Mapping {
        container: map.container,
        host: map.host,
        size: map.size,
    };
    (!maps.is_empty()).then(|| maps.iter().map(mapping).collect())
}
