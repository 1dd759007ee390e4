//! What one file says.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct File {
    #[serde(default)]
    pub(super) registry: Vec<Registry>,
    /// A later file's list, even an empty one, takes the place of an earlier's.
    pub(super) credential_helpers: Option<Vec<String>>,
    /// The form of before 2018, still read where the newer one is not used.
    pub(super) registries: Option<Old>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Old {
    insecure: OldList,
    block: OldList,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OldList {
    registries: Vec<String>,
}

impl Old {
    pub(super) fn into_new(self) -> Vec<Registry> {
        let Self { insecure, block } = self;
        let mut all: Vec<Registry> = Vec::new();
        for (location, insecure) in insecure
            .registries
            .into_iter()
            .map(|location| (location, true))
            .chain(
                block
                    .registries
                    .into_iter()
                    .map(|location| (location, false)),
            )
        {
            let location = location.trim_end_matches('/').to_owned();
            let place = all.iter().position(|known| known.location == location);
            let at = place.unwrap_or_else(|| {
                all.push(Registry {
                    location,
                    ..Registry::default()
                });
                all.len() - 1
            });
            all[at].insecure |= insecure;
            all[at].blocked |= !insecure;
        }
        all
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Registry {
    #[serde(default)]
    pub(super) prefix: String,
    #[serde(default)]
    pub(super) location: String,
    #[serde(default)]
    pub(super) insecure: bool,
    #[serde(default)]
    pub(super) blocked: bool,
    #[serde(default)]
    pub(super) mirror_by_digest_only: bool,
    #[serde(default)]
    pub(super) mirror: Vec<Mirror>,
    /// The file that says this.
    #[serde(skip)]
    pub(super) origin: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Mirror {
    pub(super) location: String,
    #[serde(default)]
    pub(super) insecure: bool,
    /// `all`, `digest-only` or `tag-only`
    #[serde(default)]
    pub(super) pull_from_mirror: String,
}

impl Registry {
    pub(super) fn check(&self) -> Result<()> {
        for mirror in &self.mirror {
            let location = &mirror.location;
            match mirror.pull_from_mirror.as_str() {
                "" => {}
                "all" | "digest-only" | "tag-only" if !self.mirror_by_digest_only => {}
                "all" | "digest-only" | "tag-only" => bail!(
                    "cannot set mirror usage mirror-by-digest-only for the registry and pull-from-mirror for its mirror {location:?}"
                ),
                other => {
                    bail!("unsupported pull-from-mirror value {other:?} for mirror {location:?}")
                }
            }
            if location.is_empty() {
                bail!("invalid condition: a mirror's location is unset");
            }
        }
        Ok(())
    }
}
