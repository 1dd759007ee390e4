//! A manifest list as index.json has it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::engine::layout::Index;
use crate::engine::layout::index::{Descriptor, NAME};
use crate::store::readable::Damaged;

/// The id that a list keeps however it changes.
const ID: &str = "io.rpod.list.id";
/// As JSON: where those of a list's images are that the store has not.
const SOURCES: &str = "io.rpod.list.sources";

#[derive(Clone, Debug)]
pub struct ListEntry {
    pub id: String,
    pub digest: String,
    pub names: Vec<String>,
    /// digest → a reference that rskopeo reads.
    pub sources: BTreeMap<String, String>,
}

impl ListEntry {
    pub(super) fn damaged(&self, error: anyhow::Error) -> anyhow::Error {
        let name = match self.names.is_empty() {
            true => self.id.clone(),
            false => self.names.join(", "),
        };
        error.context(Damaged::with(
            format!("manifest list {name}"),
            "make it anew, or remove it with \"rpod manifest rm\"",
        ))
    }
}

fn id_of(descriptor: &Descriptor) -> Option<&str> {
    descriptor.annotations.get(ID)?.as_str()
}

impl Index {
    /// Every manifest list once.
    pub fn lists(&self) -> Vec<ListEntry> {
        let mut lists: Vec<ListEntry> = Vec::new();
        for descriptor in self.manifests.iter().filter(|one| one.is_list()) {
            if lists.iter().any(|list| list.digest == descriptor.digest) {
                continue;
            }
            let sources = descriptor
                .annotations
                .get(SOURCES)
                .and_then(Value::as_str)
                .and_then(|text| serde_json::from_str(text).ok());
            let own = descriptor.digest.trim_start_matches("sha256:");
            lists.push(ListEntry {
                id: id_of(descriptor).unwrap_or(own).to_owned(),
                digest: descriptor.digest.clone(),
                names: self.names_of(&descriptor.digest),
                sources: sources.unwrap_or_default(),
            });
        }
        lists
    }

    /// Puts a manifest list in the place of what had its id or its names.
    pub fn put_list(&mut self, list: &ListEntry, media_type: &str, size: u64) {
        self.manifests.retain(|other| {
            id_of(other) != Some(&list.id)
                && !other
                    .name()
                    .is_some_and(|name| list.names.iter().any(|own| own == name))
        });
        let names: Vec<Option<&String>> = match list.names.is_empty() {
            true => vec![None],
            false => list.names.iter().map(Some).collect(),
        };
        for name in names {
            let mut descriptor = Descriptor::new(media_type, &list.digest, size);
            let annotations = &mut descriptor.annotations;
            if let Some(name) = name {
                annotations.insert(NAME.to_owned(), name.as_str().into());
            }
            annotations.insert(ID.to_owned(), list.id.as_str().into());
            if !list.sources.is_empty() {
                let sources = serde_json::json!(list.sources).to_string();
                annotations.insert(SOURCES.to_owned(), sources.into());
            }
            self.manifests.push(descriptor);
        }
    }
}
