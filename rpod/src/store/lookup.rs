//! Names, ids and id prefixes to ids.

use std::fs;

use anyhow::Result;
use thiserror::Error;

use super::names::is_valid;
use super::near::Missing;
use super::{Noun, Store, has_record, id};

#[derive(Debug, Error)]
pub enum LookupError {
    #[error("no container with name or ID {:?} found: no such container{}", .0.name, .0)]
    NoContainer(Missing),
    #[error("no pod with name or ID {} found: no such pod{}", .0.name, .0)]
    NoPod(Missing),
    #[error("more than one result for {0} {1:?}: {0} already exists")]
    Ambiguous(Noun, String),
    #[error("name or ID cannot be empty")]
    Empty,
}

impl Store {
    /// The id that a name, an id or an id prefix stands for. A whole name wins over a prefix.
    pub fn find(&self, noun: Noun, text: &str) -> Result<String> {
        if text.is_empty() {
            return Err(LookupError::Empty.into());
        }
        if is_valid(text)
            && let Some((owner, id)) = self.owner(text)?
            && owner == noun
            && self.bears(noun, &id, text)?
        {
            return Ok(id);
        }
        if id::is_prefix(text) {
            let mut found = self
                .ids(noun)?
                .into_iter()
                .filter(|id| id.starts_with(text) && has_record(&self.home(noun, id), noun));
            if let Some(id) = found.next() {
                if found.next().is_some() {
                    return Err(LookupError::Ambiguous(noun, text.to_owned()).into());
                }
                return Ok(id);
            }
        }
        Err(self.none(noun, text).into())
    }

    /// The error of a container or pod that is not there, or not any more.
    pub fn none(&self, noun: Noun, text: &str) -> LookupError {
        match noun {
            Noun::Container => LookupError::NoContainer(self.missing(noun, text)),
            Noun::Pod => LookupError::NoPod(self.missing(noun, text)),
        }
    }

    /// A name that no container, or no pod, has, and the one of theirs that is like it.
    fn missing(&self, noun: Noun, text: &str) -> Missing {
        let names = fs::read_dir(self.names()).into_iter().flatten().flatten();
        let names = names.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let (owner, _) = self.owner(&name).ok()??;
            (owner == noun && is_valid(&name)).then_some(name)
        });
        Missing::among(text, names)
    }

    /// The id of what is damaged and was called so, or has this id.
    pub fn find_damaged(&self, noun: Noun, text: &str) -> Result<Option<String>> {
        let named = self.owner(text)?.filter(|(owner, _)| *owner == noun);
        let id = named.map_or_else(|| text.to_owned(), |(_, id)| id);
        let is_damaged = id::is_whole(&id) && self.bears(noun, &id, text).is_err();
        Ok(is_damaged.then_some(id))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::names::tests::{make, store};
    use super::*;

    #[test]
    fn finds_by_name_id_and_prefix() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let (a, b) = ("a".repeat(64), format!("ab{}", "0".repeat(62)));
        make(&store, &a, "top");
        make(&store, &b, "other");
        store.take_name(Noun::Container, "top", &a).unwrap();
        assert_eq!(store.find(Noun::Container, "top").unwrap(), a);
        assert_eq!(store.find(Noun::Container, "ab").unwrap(), b);
        let ambiguous = store.find(Noun::Container, "a").unwrap_err().to_string();
        assert!(
            ambiguous.starts_with("more than one result for container \"a\""),
            "{ambiguous}"
        );
        let missing = store.find(Noun::Container, "nope").unwrap_err().to_string();
        assert_eq!(
            missing,
            "no container with name or ID \"nope\" found: no such container"
        );
        assert!(store.find(Noun::Pod, "top").is_err());
    }
}
