//! `index.json`: every descriptor is one name of one image, or an image without a name.

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::engine::image::Name;

pub const NAME: &str = "org.opencontainers.image.ref.name";
const INDEX_DIGEST: &str = "io.rpod.index.digest";
/// Names that the image had and has no more, the last one first, with spaces between them; rskopeo notes them, too.
const NAMES_BEFORE: &str = "io.rpod.names.before";

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    schema_version: u32,
    #[serde(default)]
    pub manifests: Vec<Descriptor>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    pub digest: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
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

impl Descriptor {
    pub fn new(media_type: &str, digest: &str, size: u64) -> Descriptor {
        let rest = [("mediaType", media_type.into()), ("size", size.into())];
        let rest = rest.map(|(key, value): (&str, Value)| (key.to_owned(), value));
        Descriptor {
            digest: digest.to_owned(),
            annotations: Map::new(),
            rest: rest.into_iter().collect(),
        }
    }

    pub fn name(&self) -> Option<&str> {
        self.annotations.get(NAME)?.as_str()
    }

    fn names_before(&self) -> impl Iterator<Item = &str> {
        let names = self.annotations.get(NAMES_BEFORE).and_then(Value::as_str);
        names.unwrap_or_default().split_whitespace()
    }

    fn note_name_before(&mut self, name: &str) {
        let others = self.names_before().filter(|other| *other != name);
        let names: Vec<&str> = [name].into_iter().chain(others).collect();
        let names = names.join(" ");
        self.annotations
            .insert(NAMES_BEFORE.to_owned(), names.into());
    }

    fn index_digest(&self) -> Option<&str> {
        self.annotations.get(INDEX_DIGEST)?.as_str()
    }

    /// A manifest list, whoever put it there.
    pub fn is_list(&self) -> bool {
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
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.manifests.iter().filter_map(Descriptor::name)
    }

    /// Every image's manifest once, in the order of the index.
    pub fn digests(&self) -> Vec<&str> {
        let mut digests: Vec<&str> = Vec::with_capacity(self.manifests.len());
        for descriptor in self.manifests.iter().filter(|one| !one.is_list()) {
            if !digests.contains(&descriptor.digest.as_str()) {
                digests.push(&descriptor.digest);
            }
        }
        digests
    }

    pub fn digest_of(&self, name: &Name) -> Option<&str> {
        self.manifests
            .iter()
            .find(|descriptor| descriptor.is(name))
            .map(|descriptor| descriptor.digest.as_str())
    }

    pub fn digest_of_suffix(&self, name: &Name) -> Option<&str> {
        self.manifests
            .iter()
            .find(|descriptor| descriptor.ends_with(name))
            .map(|descriptor| descriptor.digest.as_str())
    }

    /// The name itself; of a digest that is no name, a name of the image that has it.
    pub fn stored_name(&self, name: &Name) -> Option<&str> {
        let whole = name.to_string();
        let mut itself = self.names().filter(|stored| *stored == whole);
        let mut of_image = self.manifests.iter().filter(|one| one.is(name));
        itself.next().or_else(|| of_image.next()?.name())
    }

    pub fn name_of_suffix(&self, name: &Name) -> Option<&str> {
        self.manifests
            .iter()
            .find(|descriptor| descriptor.ends_with(name))?
            .name()
    }

    /// The names of an image, the newest first.
    pub fn names_of(&self, digest: &str) -> Vec<String> {
        let descriptors = self
            .manifests
            .iter()
            .rev()
            .filter(|descriptor| descriptor.digest == digest);
        descriptors
            .filter_map(Descriptor::name)
            .map(str::to_owned)
            .collect()
    }

    /// Every name that the image has, the newest last, and those that it had, the one lost last first: podman's order.
    pub fn names_history_of(&self, digest: &str) -> Vec<String> {
        let mut history = self.names_of(digest);
        history.reverse();
        let of_image = self.manifests.iter().filter(|one| one.digest == digest);
        for name in of_image.flat_map(Descriptor::names_before) {
            if !history.iter().any(|known| known == name) {
                history.push(name.to_owned());
            }
        }
        history
    }

    pub fn index_digest_of(&self, digest: &str) -> Option<String> {
        let mut descriptors = self
            .manifests
            .iter()
            .filter(|descriptor| descriptor.digest == digest);
        descriptors
            .find_map(Descriptor::index_digest)
            .map(str::to_owned)
    }

    /// Take an image in, without a name, if it is not there.
    pub fn put(&mut self, media_type: &str, digest: &str, size: u64) {
        if self.manifests.iter().any(|other| other.digest == digest) {
            return;
        }
        self.manifests
            .push(Descriptor::new(media_type, digest, size));
    }

    /// Give an image one more name, which another image may lose by it.
    pub fn add_name(&mut self, digest: &str, name: &str) -> Result<()> {
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
    pub fn drop_name(&mut self, name: &str) {
        let Some(at) = self
            .manifests
            .iter()
            .position(|descriptor| descriptor.name() == Some(name))
        else {
            return;
        };
        let mut descriptor = self.manifests.remove(at);
        descriptor.note_name_before(name);
        let mut others = self.manifests.iter_mut();
        match others.find(|other| other.digest == descriptor.digest) {
            Some(other) => {
                let before: Vec<&str> = descriptor.names_before().collect();
                // The last one that is noted stands first.
                for name in before.into_iter().rev() {
                    other.note_name_before(name);
                }
            }
            None => {
                descriptor.annotations.remove(NAME);
                self.manifests.insert(at, descriptor);
            }
        }
    }

    /// Take a name away, and what has no other name with it.
    pub fn remove(&mut self, name: &str) {
        self.manifests
            .retain(|descriptor| descriptor.name() != Some(name));
    }

    /// Forget an image with all its names.
    pub fn forget(&mut self, digest: &str) {
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
        assert_eq!(
            index.names_history_of("sha256:a"),
            [
                "localhost/z:latest",
                "127.0.0.1:5000/y:latest",
                "localhost/x:1"
            ]
        );
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
