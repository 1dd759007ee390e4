//! Images: names, manifests and configurations in `ROOT/images` (an OCI image layout), unpacked layers in
//! `ROOT/layers`.
//!
//! [`name`] knows how a reference is written, [`short_names`] what a
//! short one stands for, [`transfer`] has rskopeo move bytes, [`archive`] to and from files, [`remove`] takes names and images away and
//! [`sweep`] what nothing refers to any more. [`summary`] and [`inspect`] are the shapes that people see.

mod access;
mod archive;
pub mod assemble;
pub mod change;
pub mod check;
mod double;
mod filter;
mod import;
mod inspect;
mod lent;
pub mod list;
mod lookaside;
mod manifest;
mod merge;
pub mod mount;
mod name;
mod remove;
pub mod scp;
mod search;
mod short_names;
mod sign;
mod size;
mod summary;
mod sweep;
mod tag;
mod transfer;
pub mod trust;
mod writing;

use std::collections::BTreeMap;

use anyhow::Result;
use thiserror::Error;

pub use access::{Access, Platform};
pub use archive::{Format, Named, Saving, download, load, load_stdin, own_path, save};
pub use filter::{Filters, Subject};
pub use import::{Import, history, import};
pub use inspect::inspect;
pub use lent::copy_blobs;
pub use manifest::{ContainerConfig, ImageConfig};
pub use name::{Name, local_name};
pub use remove::{RemoveError, Removed, must_be_unused, prune, remove, remove_whole};
pub use search::{Found, Search};
pub use short_names::search_registries;
pub use sign::{Signing, sign, sign_stored};
pub use summary::{containers_of, summary};
pub use sweep::sweep;
pub use tag::{tag, untag};
pub use transfer::{
    names_of_repository, pull, push, raw_manifest, remote_digest, unpack_mapped,
    unpack_missing_layers,
};
pub use writing::Writing;

use super::Context;
use super::layout::{Index, Layout};
use crate::store::Store;
use crate::store::near::Missing;
use crate::store::readable::Readable;

/// An image of the store, with all that its manifest and configuration say.
#[derive(Clone, Debug)]
pub struct Image {
    /// Hex of the configuration's digest.
    pub id: String,
    /// Full references, the newest first; none for an untagged image.
    pub names: Vec<String>,
    /// These, the newest last, and those it had before.
    pub names_history: Vec<String>,
    /// Digest of the manifest, `sha256:…`.
    pub digest: String,
    /// Digest of the index through which it was pulled.
    pub index_digest: Option<String>,
    /// Media type of the manifest.
    pub media_type: String,
    pub annotations: BTreeMap<String, String>,
    pub config: ImageConfig,
    /// chainIDs in hex, lowest layer first.
    pub layers: Vec<String>,
    /// Where it lies.
    pub store: Store,
}

#[derive(Debug, Error)]
pub enum ImageError {
    #[error("{}: image not known{}", .0.name, .0)]
    NotKnown(Missing),
    #[error("{0}: no image of this manifest list for {1} is in the store: pull it by its own name")]
    NotHere(String, String),
    #[error("more than one image has an ID that begins with {0:?}: give more of it")]
    Ambiguous(String),
}

/// The image that a name, an id or the beginning of an id stands for: in the store, else in the first of those that lend theirs.
pub fn find(context: &Context, text: &str) -> Result<Image> {
    let unknown = match find_in(&context.store, text) {
        Err(error) if is_unknown(&error) => error,
        found => return found,
    };
    for lender in lent::lenders(context)? {
        match find_in(&lender, text) {
            Err(error) if is_unknown(&error) => {}
            found => return found,
        }
    }
    Err(unknown)
}

fn is_unknown(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ImageError::NotKnown(_)))
}

fn find_in(store: &Store, text: &str) -> Result<Image> {
    let text = text.strip_prefix("sha256:").unwrap_or(text);
    let layout = Layout::images(store);
    let index = layout.index()?;
    if let Some(digest) = find_by_name(&index, text)? {
        if let Some(list) = index.lists().into_iter().find(|list| list.digest == digest) {
            return list::image_of(store, &index, &list);
        }
        return read(store, &index, digest);
    }
    if !crate::store::id::is_prefix(text) {
        return Err(ImageError::NotKnown(missing(&index, text)).into());
    }
    let (mut found, mut damage) = (None::<(String, &str)>, None);
    for digest in index.digests() {
        match (manifest::id(store, digest), &found) {
            (Ok(id), _) if !id.starts_with(text) => {}
            (Ok(id), Some((other, _))) if id != *other => {
                return Err(ImageError::Ambiguous(text.to_owned()).into());
            }
            // Packed twice, it is the image that has a name.
            (Ok(_), Some((_, other))) if !index.names_of(other).is_empty() => {}
            (Ok(id), _) => found = Some((id, digest)),
            // It may be the one that is meant.
            (Err(error), _) => damage = Some(layout.damaged(&index, digest, error)),
        }
    }
    for entry in index.lists() {
        if found.is_none() && entry.id.starts_with(text) {
            return list::image_of(store, &index, &entry);
        }
    }
    match (found, damage) {
        (Some((_, digest)), _) => read(store, &index, digest),
        (None, Some(damage)) => Err(damage),
        (None, None) => Err(ImageError::NotKnown(missing(&index, text)).into()),
    }
}

fn read(store: &Store, index: &Index, digest: &str) -> Result<Image> {
    let image = manifest::load(store, index, digest);
    image.map_err(|error| Layout::images(store).damaged(index, digest, error))
}

/// A name that no image has, and one that is like it as a person would type it.
fn missing(index: &Index, text: &str) -> Missing {
    let mut forms = Vec::new();
    for name in index.names() {
        let short = name.rsplit('/').next().unwrap_or(name);
        for form in [name, short] {
            forms.push(form.to_owned());
            forms.extend(form.strip_suffix(":latest").map(str::to_owned));
        }
    }
    Missing::among(text, forms)
}

/// Every image that can be read, and why the others cannot, in no order.
pub fn readable(context: &Context) -> Result<Readable<Image>> {
    readable_in(&context.store)
}

fn readable_in(store: &Store) -> Result<Readable<Image>> {
    let index = Layout::images(store).index()?;
    let mut images = Readable::default();
    for digest in index.digests() {
        match read(store, &index, digest) {
            // Removed since the index was read: it is not damaged, it is gone.
            Err(_) if !Layout::images(store).index()?.digests().contains(&digest) => {}
            image => images.add(image.map(Some)),
        }
    }
    Ok(images)
}

/// How many images there are, damaged ones too.
pub fn count(context: &Context) -> Result<usize> {
    Ok(Layout::images(&context.store).index()?.digests().len())
}

/// Every image of the store that can be read, in no order. What is damaged is told.
pub fn all(context: &Context) -> Result<Vec<Image>> {
    Ok(readable(context)?.told())
}

/// The same with what others lend, each image once.
pub fn all_with_lent(context: &Context) -> Result<Vec<Image>> {
    let mut images = all(context)?;
    for lender in lent::lenders(context)? {
        for image in readable_in(&lender)?.told() {
            if !images.iter().any(|other| other.id == image.id) {
                images.push(image);
            }
        }
    }
    Ok(images)
}

/// The digest of the manifest that a name stands for here: the candidates of a short name in their order,
/// then any stored name that ends with it.
fn find_by_name<'i>(index: &'i Index, text: &str) -> Result<Option<&'i str>> {
    let Ok(name) = Name::parse(text) else {
        return Ok(None);
    };
    for candidate in short_names::local_candidates(&name)? {
        if let Some(digest) = index.digest_of(&candidate) {
            return Ok(Some(digest));
        }
    }
    Ok(if name.is_short() {
        index.digest_of_suffix(&name)
    } else {
        None
    })
}

/// The stored reference that a person's name for an image stands for, if it is a name and not an id.
fn stored_name(index: &Index, text: &str) -> Result<Option<String>> {
    let Ok(name) = Name::parse(text) else {
        return Ok(None);
    };
    for candidate in short_names::local_candidates(&name)? {
        if let Some(stored) = index.stored_name(&candidate) {
            return Ok(Some(stored.to_owned()));
        }
    }
    Ok(if name.is_short() {
        index.name_of_suffix(&name).map(str::to_owned)
    } else {
        None
    })
}

/// The full name here that `text` stands for; none if it is an id.
pub fn full_name(context: &Context, text: &str) -> Result<Option<String>> {
    let name_in = |store: &Store| stored_name(&Layout::images(store).index()?, text);
    if let Some(name) = name_in(&context.store)? {
        return Ok(Some(name));
    }
    for lender in lent::lenders(context)? {
        if let Some(name) = name_in(&lender)? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}
