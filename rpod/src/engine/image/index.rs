//! `images/index.json`: every descriptor is one name of one image, or an image without a name.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Name;
use crate::store::record::{self, Durability};
use crate::store::{Lock, Store};

const NAME: &str = "org.opencontainers.image.ref.name";
const INDEX_DIGEST: &str = "io.rpod.index.digest";
/// Of a manifest list: the id that it keeps however it changes.
const LIST_ID: &str = "io.rpod.list.id";
/// Of a manifest list, as JSON: where those of its images are that the store has not.
const LIST_SOURCES: &str = "io.rpod.list.sources";

/// A manifest list as index.json has it.
#[derive(Clone, Debug)]
pub(super) struct ListEntry {
    pub(super) id: String,
    pub(super) digest: String,
    pub(super) names: Vec<String>,
    /// digest → a reference that rskopeo reads.
    pub(super) sources: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    schema_version: u32,
    #[serde(default)]
    manifests: Vec<Descriptor>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    digest: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    annotations: Map<String, Value>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            schema_version: 2,
            manifests: Vec::new(),
            rest: Map::new(),
        }
    }
}

/// The index as it is; empty where nothing was ever pulled.
pub(super) fn load(store: &Store) -> Result<Index> {
    Ok(record::load_if_there(&path(store))?.unwrap_or_default())
}

/// Change the index under its lock. Nothing is written if `change` fails.
pub(super) fn edit<T>(store: &Store, change: impl FnOnce(&mut Index) -> Result<T>) -> Result<T> {
    let lock = store.images().join("index.lock");
    fs::create_dir_all(store.images())
        .with_context(|| format!("making {}", store.images().display()))?;
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&lock)
        .with_context(|| format!("making {}", lock.display()))?;
    let _held = Lock::exclusive(&lock)?;
    let mut index = load(store)?;
    let result = change(&mut index)?;
    record::save(&path(store), &index, Durability::Disk)?;
    Ok(result)
}

/// Gives a damaged index another name, which is the answer.
pub(super) fn put_aside(store: &Store) -> Result<PathBuf> {
    let path = path(store);
    let aside = path.with_file_name(format!(
        "index.json.damaged-{}",
        jiff::Timestamp::now().as_second()
    ));
    fs::rename(&path, &aside).with_context(|| format!("moving {} away", path.display()))?;
    Ok(aside)
}

fn path(store: &Store) -> PathBuf {
    store.images().join("index.json")
}

impl Descriptor {
    fn name(&self) -> Option<&str> {
        self.annotations.get(NAME)?.as_str()
    }

    fn index_digest(&self) -> Option<&str> {
        self.annotations.get(INDEX_DIGEST)?.as_str()
    }

    fn list_id(&self) -> Option<&str> {
        self.annotations.get(LIST_ID)?.as_str()
    }

    /// A manifest list, whoever put it there.
    fn is_list(&self) -> bool {
        matches!(
            self.rest.get("mediaType").and_then(Value::as_str),
            Some(
                "application/vnd.oci.image.index.v1+json"
                    | "application/vnd.docker.distribution.manifest.list.v2+json"
            )
        )
    }

    /// Whether this is the image that the reference names, by tag or by digest.
    fn is(&self, wanted: &Name) -> bool {
        let Some(stored) = self.name() else {
            return false;
        };
        match &wanted.digest {
            None => stored == wanted.to_string(),
            Some(digest) => {
                (self.digest == *digest
                    || self.index_digest() == Some(digest)
                    || stored.ends_with(digest.as_str()))
                    && Name::parse(stored)
                        .is_ok_and(|stored| stored.repository == wanted.repository)
            }
        }
    }

    /// Whether the stored name is the short one in some registry.
    fn ends_with(&self, wanted: &Name) -> bool {
        let suffix = format!("/{}", wanted.repository);
        let in_a_registry = |stored: &Name| stored.repository.ends_with(&suffix);
        self.name()
            .and_then(|stored| Name::parse(stored).ok())
            .filter(in_a_registry)
            .is_some_and(|stored| {
                let wanted = Name {
                    repository: stored.repository,
                    ..wanted.normalized()
                };
                self.is(&wanted)
            })
    }
}

impl Index {
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.manifests.iter().filter_map(Descriptor::name)
    }

    /// Every manifest list once.
    pub(super) fn lists(&self) -> Vec<ListEntry> {
        let mut lists: Vec<ListEntry> = Vec::new();
        for descriptor in self.manifests.iter().filter(|one| one.is_list()) {
            if lists.iter().any(|list| list.digest == descriptor.digest) {
                continue;
            }
            let sources = descriptor
                .annotations
                .get(LIST_SOURCES)
                .and_then(Value::as_str)
                .and_then(|text| serde_json::from_str(text).ok());
            let own = descriptor.digest.trim_start_matches("sha256:");
            lists.push(ListEntry {
                id: descriptor.list_id().unwrap_or(own).to_owned(),
                digest: descriptor.digest.clone(),
                names: self.names_of(&descriptor.digest),
                sources: sources.unwrap_or_default(),
            });
        }
        lists
    }

    /// Puts a manifest list in the place of what had its id or its names.
    pub(super) fn put_list(&mut self, list: &ListEntry, media_type: &str, size: u64) {
        self.manifests.retain(|other| {
            other.list_id() != Some(&list.id)
                && !other
                    .name()
                    .is_some_and(|name| list.names.iter().any(|own| own == name))
        });
        let names: Vec<Option<&String>> = match list.names.is_empty() {
            true => vec![None],
            false => list.names.iter().map(Some).collect(),
        };
        for name in names {
            let mut annotations = Map::new();
            if let Some(name) = name {
                annotations.insert(NAME.to_owned(), name.as_str().into());
            }
            annotations.insert(LIST_ID.to_owned(), list.id.as_str().into());
            if !list.sources.is_empty() {
                let sources = serde_json::json!(list.sources).to_string();
                annotations.insert(LIST_SOURCES.to_owned(), sources.into());
            }
            let rest = [("mediaType", media_type.into()), ("size", size.into())];
            self.manifests.push(Descriptor {
                digest: list.digest.clone(),
                annotations,
                rest: rest
                    .map(|(key, value): (&str, Value)| (key.to_owned(), value))
                    .into_iter()
                    .collect(),
            });
        }
    }

    /// Every image's manifest once, in the order of the index.
    pub(super) fn digests(&self) -> Vec<&str> {
        let mut digests: Vec<&str> = Vec::with_capacity(self.manifests.len());
        for descriptor in self.manifests.iter().filter(|one| !one.is_list()) {
            if !digests.contains(&descriptor.digest.as_str()) {
                digests.push(&descriptor.digest);
            }
        }
        digests
    }

    pub(super) fn digest_of(&self, name: &Name) -> Option<&str> {
        self.manifests
            .iter()
            .find(|descriptor| descriptor.is(name))
            .map(|descriptor| descriptor.digest.as_str())
    }

    pub(super) fn digest_of_suffix(&self, name: &Name) -> Option<&str> {
        self.manifests
            .iter()
            .find(|descriptor| descriptor.ends_with(name))
            .map(|descriptor| descriptor.digest.as_str())
    }

    pub(super) fn stored_name(&self, name: &Name) -> Option<&str> {
        self.manifests
            .iter()
            .find(|descriptor| descriptor.is(name))?
            .name()
    }

    pub(super) fn name_of_suffix(&self, name: &Name) -> Option<&str> {
        self.manifests
            .iter()
            .find(|descriptor| descriptor.ends_with(name))?
            .name()
    }

    pub(super) fn names_of(&self, digest: &str) -> Vec<String> {
        let descriptors = self
            .manifests
            .iter()
            .filter(|descriptor| descriptor.digest == digest);
        descriptors
            .filter_map(Descriptor::name)
            .map(str::to_owned)
            .collect()
    }

    pub(super) fn index_digest_of(&self, digest: &str) -> Option<String> {
        let mut descriptors = self
            .manifests
            .iter()
            .filter(|descriptor| descriptor.digest == digest);
        descriptors
            .find_map(Descriptor::index_digest)
            .map(str::to_owned)
    }

    /// Take an image in, without a name, if it is not there.
    pub(super) fn put(&mut self, media_type: &str, digest: &str, size: u64) {
        if self.manifests.iter().any(|other| other.digest == digest) {
            return;
        }
        let rest = [("mediaType", media_type.into()), ("size", size.into())];
        self.manifests.push(Descriptor {
            digest: digest.to_owned(),
            annotations: Map::new(),
            rest: rest
                .map(|(key, value): (&str, Value)| (key.to_owned(), value))
                .into_iter()
                .collect(),
        });
    }

    /// Give an image one more name, which another image may lose by it.
    pub(super) fn add_name(&mut self, digest: &str, name: &str) -> Result<()> {
        let mut descriptor = self
            .manifests
            .iter()
            .find(|descriptor| descriptor.digest == digest)
            .with_context(|| format!("{digest} left the image store meanwhile: try again"))?
            .clone();
        descriptor.annotations.insert(NAME.to_owned(), name.into());
        self.drop_name(name);
        self.manifests
            .retain(|other| other.digest != digest || other.name().is_some());
        self.manifests.push(descriptor);
        Ok(())
    }

    /// Take a name away; the image stays, without a name if it was the last.
    pub(super) fn drop_name(&mut self, name: &str) {
        let Some(at) = self
            .manifests
            .iter()
            .position(|descriptor| descriptor.name() == Some(name))
        else {
            return;
        };
        let mut descriptor = self.manifests.remove(at);
        if !self
            .manifests
            .iter()
            .any(|other| other.digest == descriptor.digest)
        {
            descriptor.annotations.remove(NAME);
            self.manifests.insert(at, descriptor);
        }
    }

    /// Forget an image with all its names.
    pub(super) fn forget(&mut self, digest: &str) {
        self.manifests
            .retain(|descriptor| descriptor.digest != digest);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn index() -> Index {
        serde_json::from_str(
            r#"{"schemaVersion":2,"manifests":[
            {"mediaType":"m","digest":"sha256:a","size":1,"annotations":{"org.opencontainers.image.ref.name":"localhost/x:1"}},
            {"mediaType":"m","digest":"sha256:a","size":1,"annotations":{"org.opencontainers.image.ref.name":"127.0.0.1:5000/y:latest"}}]}"#,
        )
        .unwrap()
    }

    #[test]
    fn the_last_name_leaves_an_image_without_one() {
        let mut index = index();
        index.drop_name("localhost/x:1");
        index.drop_name("127.0.0.1:5000/y:latest");
        assert_eq!(index.digests(), ["sha256:a"]);
        assert!(index.names_of("sha256:a").is_empty());
        index.add_name("sha256:a", "localhost/z:latest").unwrap();
        assert_eq!(index.names_of("sha256:a"), ["localhost/z:latest"]);
        assert_eq!(index.manifests.len(), 1);
    }

    #[test]
    fn a_short_name_finds_an_image_of_any_registry() {
        assert!(
            index()
                .digest_of_suffix(&Name::parse("y").unwrap())
                .is_some()
        );
        assert!(
            index()
                .digest_of_suffix(&Name::parse("y:2").unwrap())
                .is_none()
        );
    }

    #[test]
    fn unknown_keys_survive() {
        let text = serde_json::to_string(&index()).unwrap();
        assert!(text.contains("\"mediaType\":\"m\""), "{text}");
    }
}
