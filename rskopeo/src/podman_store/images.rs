//! Images: found, and put into the table.

use anyhow::{Result, bail};

use super::PodmanStore;
use super::big_data::MANIFEST;
use super::lock::Lock;
use super::records::{self, ImageRecord, Table};
use crate::digest::Digest;
use crate::reference::{Name, StoredImage};

const TABLE: &str = "images.json";
const LOCK: &str = "images.lock";

/// All images, as they are now.
pub fn images(store: &PodmanStore) -> Result<Vec<ImageRecord>> {
    let directory = store.images_directory();
    match Lock::shared(&directory.join(LOCK))? {
        Some(_) => records::read(&directory.join(TABLE)),
        None => Ok(Vec::new()),
    }
}

/// The image of this name or ID. A digest may be that of any manifest that the image is known by.
pub fn find<'a>(images: &'a [ImageRecord], wanted: &StoredImage) -> Option<&'a ImageRecord> {
    let by_id = |id: &str| only(images.iter().filter(|image| image.id.starts_with(id)));
    let name = match wanted {
        StoredImage::Id(id) => return by_id(id),
        StoredImage::NamedId(name, id) => {
            return by_id(id).filter(|image| image.is_of_repository(name));
        }
        StoredImage::Either(name, digits) => match by_id(digits) {
            Some(image) => return Some(image),
            None => name,
        },
        StoredImage::Name(name) => name,
    };
    let text = name.to_string();
    let named = images.iter().find(|image| image.names.contains(&text));
    let digest = name.digest.as_ref();
    named.or_else(|| {
        images
            .iter()
            .find(|image| digest.is_some_and(|digest| image.is_known_by(digest, name)))
    })
}

/// What an ID's beginning stands for: one, or nothing that could be told.
fn only<T>(mut found: impl Iterator<Item = T>) -> Option<T> {
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

impl ImageRecord {
    fn is_known_by(&self, digest: &Digest, name: &Name) -> bool {
        let of_manifests = self
            .big_data_digests
            .iter()
            .filter(|(key, _)| key.starts_with(MANIFEST))
            .map(|(_, digest)| digest);
        self.digest
            .iter()
            .chain(of_manifests)
            .any(|known| known == digest)
            && self.is_of_repository(name)
    }

    fn is_of_repository(&self, name: &Name) -> bool {
        self.names.iter().any(|other| name.shares_repository(other))
    }

    fn add_name(&mut self, name: &str) {
        for list in [&mut self.names, &mut self.names_history] {
            list.retain(|known| known != name);
            list.insert(0, name.to_owned());
        }
    }
}

/// An image whose layers have their places.
#[derive(Debug)]
pub struct NewImage {
    pub id: String,
    /// Its own manifest's.
    pub digest: Digest,
    /// The top layer's id; empty if there is none.
    pub layer: String,
    pub created: Option<String>,
    /// By key, with the digest that it is known by.
    pub data: Vec<(String, Vec<u8>, Digest)>,
    pub metadata: String,
    pub name: Option<String>,
}

/// The table of images, locked to be changed.
#[derive(Debug)]
pub struct Images<'a> {
    store: &'a PodmanStore,
    pub(super) table: Table<ImageRecord>,
}

impl<'a> Images<'a> {
    pub fn open(store: &'a PodmanStore) -> Result<Self> {
        Ok(Self {
            store,
            table: Table::open(&store.images_directory(), LOCK, TABLE)?,
        })
    }

    /// Makes the image, or gives one that is there what it has not; its name is taken from any other. The layers' lock is held.
    pub fn put(&mut self, new: NewImage) -> Result<()> {
        let NewImage {
            id,
            digest,
            layer,
            created,
            data,
            metadata,
            name,
        } = new;
        let known = self.table.records.iter().position(|image| image.id == id);
        let mut image = match known {
            Some(at) => self.table.records[at].clone(),
            None => ImageRecord {
                id,
                digest: Some(digest),
                layer: layer.clone(),
                created: created.unwrap_or_else(records::now),
                ..ImageRecord::default()
            },
        };
        if image.layer != layer {
            bail!(
                "image {} is there already with another top layer: {} in the place of {layer}",
                image.id,
                image.layer
            );
        }
        // Before the table tells of it.
        for (key, bytes, digest) in data {
            self.store.put_data(&mut image, &key, &bytes, digest)?;
        }
        image.metadata = metadata;
        if let Some(name) = name {
            for other in &mut self.table.records {
                other.names.retain(|known| *known != name);
            }
            image.add_name(&name);
        }
        match known {
            Some(at) => self.table.records[at] = image,
            None => self.table.records.push(image),
        }
        self.table.save()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn image(id: &str, name: &str) -> NewImage {
        NewImage {
            id: Digest::sha256(id.as_bytes()).hex().to_owned(),
            digest: Digest::sha256(b"manifest"),
            layer: String::new(),
            created: None,
            data: vec![("manifest".to_owned(), b"{}".to_vec(), Digest::sha256(b"{}"))],
            metadata: "{}".to_owned(),
            name: Some(name.to_owned()),
        }
    }

    #[test]
    fn names_move_and_are_remembered() {
        let directory = tempfile::tempdir().unwrap();
        let store = PodmanStore::at(directory.path(), None);
        let put = |id, name| Images::open(&store).unwrap().put(image(id, name)).unwrap();
        put("a", "docker.io/library/x:1");
        put("a", "docker.io/library/x:2");
        put("b", "docker.io/library/x:1");
        let all = images(&store).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].names, ["docker.io/library/x:2"]);
        assert_eq!(
            all[0].names_history,
            ["docker.io/library/x:2", "docker.io/library/x:1"]
        );
        let found = |text: &str| {
            let wanted = StoredImage::Name(text.parse().unwrap());
            find(&all, &wanted).map(|image| image.id.clone())
        };
        assert_eq!(found("x:1"), Some(all[1].id.clone()));
        assert_eq!(found("x:3"), None);
        let id = all[1].id.clone();
        let found_as = |wanted: StoredImage| find(&all, &wanted).map(|image| image.id.clone());
        let named = |text: &str| StoredImage::NamedId(text.parse().unwrap(), id.clone());
        assert_eq!(found_as(StoredImage::Id(id.clone())), Some(id.clone()));
        assert_eq!(
            found_as(StoredImage::Id(String::new())),
            None,
            "there are two"
        );
        assert_eq!(found_as(named("x")), Some(id.clone()));
        assert_eq!(found_as(named("y")), None);
        let either =
            |name: &str, id: &str| StoredImage::Either(name.parse().unwrap(), id.to_owned());
        assert_eq!(found_as(either("y", &id)), Some(id.clone()));
        assert_eq!(found_as(either("x:1", "f")), Some(id.clone()));
        let digest = Digest::sha256(b"{}");
        assert_eq!(found(&format!("x@{digest}")), Some(all[0].id.clone()));
        assert_eq!(found(&format!("y@{digest}")), None);
        assert_eq!(store.data(&all[0], "manifest").unwrap(), b"{}");
    }
}
