//! Manifest lists: podman-manifest(1). Of one name, images for several platforms.
//!
//! A list is an OCI index among the blobs. Its descriptor in index.json bears its names, the id that it keeps while its digest
//! changes, and where those of its images are that the store has not. They are fetched when the list is pushed ([`push`]).

mod artifact;
mod edit;
mod entry;
mod instance;
mod push;
mod variants;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::size::file_size;
use super::{Image, ImageError, local_name, manifest, stored_name};
use crate::engine::layout::{Index, Layout, hex};
use crate::engine::{Context, event};
use crate::store::readable::Readable;
use crate::store::{Store, id};

pub use artifact::{Artifact, add_artifact};
pub use edit::{About, Subject, annotate, annotate_index};
pub use entry::ListEntry;
pub use instance::{Chosen, add};
pub use push::push;

pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A manifest list of the store.
#[derive(Clone, Debug)]
pub struct List {
    pub id: String,
    pub names: Vec<String>,
    pub digest: String,
    pub value: Value,
    sources: BTreeMap<String, String>,
}

impl List {
    fn load(store: &Store, entry: ListEntry) -> Result<List> {
        let value = manifest::read(store, &entry.digest);
        Ok(List {
            value: value.map_err(|error| entry.damaged(error))?,
            id: entry.id,
            names: entry.names,
            digest: entry.digest,
            sources: entry.sources,
        })
    }

    pub fn size(&self, store: &Store) -> Result<u64> {
        file_size(&manifest::blob(store, &self.digest)?)
    }

    /// When it was last changed.
    pub fn changed(&self, store: &Store) -> Timestamp {
        manifest::blob(store, &self.digest)
            .ok()
            .and_then(|path| path.metadata().ok()?.modified().ok())
            .and_then(|time| time.try_into().ok())
            .unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Whether it lists the image with this digest.
    pub fn has(&self, digest: &str) -> bool {
        let mut instances = self.instances().iter();
        instances.any(|instance| instance["digest"] == digest)
    }

    fn instances(&self) -> &[Value] {
        self.value["manifests"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }

    /// The place of an instance that is named by its digest.
    fn position(&self, digest: &str) -> Result<usize> {
        self.instances()
            .iter()
            .position(|instance| instance["digest"] == digest)
            .with_context(|| {
                format!("no instance matching digest {digest:?} found in manifest list: file does not exist: `manifest inspect` shows those that it has")
            })
    }
}

/// The list that a name, an id or the beginning of an id stands for.
pub fn find(ctx: &Context, text: &str) -> Result<List> {
    let index = Layout::images(&ctx.store).index()?;
    List::load(&ctx.store, entry(&index, text)?)
}

/// Whether there is such a list, damaged or not.
pub fn exists(ctx: &Context, text: &str) -> Result<bool> {
    let index = Layout::images(&ctx.store).index()?;
    Ok(entry_of(&index, text)?.is_some())
}

fn entry(index: &Index, text: &str) -> Result<ListEntry> {
    match entry_of(index, text)? {
        Some(entry) => Ok(entry),
        None if super::find_by_name(index, text)?.is_some() => {
            bail!("{text}: image is not a manifest list")
        }
        None => Err(ImageError::NotKnown(super::missing(index, text)).into()),
    }
}

fn entry_of(index: &Index, text: &str) -> Result<Option<ListEntry>> {
    let lists = index.lists();
    if let Some(digest) = super::find_by_name(index, text)? {
        return Ok(lists.into_iter().find(|list| list.digest == digest));
    }
    let prefix = text.strip_prefix("sha256:").unwrap_or(text);
    Ok(match id::is_prefix(prefix) {
        true => lists
            .into_iter()
            .find(|list| list.id.starts_with(prefix) || list.digest[7..].starts_with(prefix)),
        false => None,
    })
}

/// Every list that can be read. What is damaged is told.
pub fn all(ctx: &Context) -> Result<Vec<List>> {
    let mut all = Readable::default();
    for entry in Layout::images(&ctx.store).index()?.lists() {
        all.add(List::load(&ctx.store, entry).map(Some));
    }
    Ok(all.told())
}

/// Makes an empty list, or finds the one of this name if it may be amended.
pub fn create(
    ctx: &Context,
    name: &str,
    annotations: &[(String, String)],
    amend: bool,
) -> Result<List> {
    let name = local_name(name)?;
    let mut value = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] });
    for (key, text) in annotations {
        value["annotations"][key] = text.as_str().into();
    }
    let made = Layout::images(&ctx.store).edit(|index| {
        let taken = index.digest_of(&super::Name::parse(&name)?);
        if let Some(digest) = taken.map(str::to_owned) {
            match index.lists().into_iter().find(|list| list.digest == digest) {
                Some(entry) if amend => return List::load(&ctx.store, entry),
                _ => bail!(
                    "image name {name:?} is already associated with image {:?}: that name is already in use: --amend adds to a list",
                    id_of(ctx, index, &digest)
                ),
            }
        }
        let mut list = List {
            id: id::new()?,
            names: vec![name.clone()],
            digest: String::new(),
            value: value.clone(),
            sources: BTreeMap::new(),
        };
        put(ctx, index, &mut list)?;
        Ok(list)
    })?;
    Ok(made)
}

/// The id of the image or list whose manifest this is; the digest of one that cannot be read.
fn id_of(ctx: &Context, index: &Index, digest: &str) -> String {
    let list = index.lists().into_iter().find(|one| one.digest == digest);
    list.map(|list| list.id)
        .or_else(|| manifest::id(&ctx.store, digest).ok())
        .unwrap_or_else(|| digest.to_owned())
}

/// Changes a list under the lock of the index, so that nobody's change is lost.
fn change<T>(
    ctx: &Context,
    text: &str,
    act: impl FnOnce(&mut List) -> Result<T>,
) -> Result<(List, T)> {
    Layout::images(&ctx.store).edit(|index| {
        let entry = entry_of(index, text)?
            .ok_or_else(|| ImageError::NotKnown(super::missing(index, text)))?;
        let mut list = List::load(&ctx.store, entry)?;
        let result = act(&mut list)?;
        put(ctx, index, &mut list)?;
        Ok((list, result))
    })
}

fn put(ctx: &Context, index: &mut Index, list: &mut List) -> Result<()> {
    let text = serde_json::to_vec(&list.value).context("encoding a manifest list")?;
    let blob = Layout::images(&ctx.store).put_blob(|out| Ok(out.write_all(&text)?))?;
    list.digest = blob.digest;
    let entry = ListEntry {
        id: list.id.clone(),
        digest: list.digest.clone(),
        names: list.names.clone(),
        sources: list.sources.clone(),
    };
    let media_type = list.value["mediaType"].as_str().unwrap_or(INDEX).to_owned();
    index.put_list(&entry, &media_type, blob.size);
    Ok(())
}

/// Takes one image out of a list.
pub fn remove_instance(ctx: &Context, text: &str, digest: &str) -> Result<List> {
    let (list, ()) = change(ctx, text, |list| {
        let at = list.position(digest)?;
        if let Some(instances) = list.value["manifests"].as_array_mut() {
            instances.remove(at);
        }
        list.sources.remove(digest);
        Ok(())
    })?;
    Ok(list)
}

/// Gives a list one more name.
pub fn tag(ctx: &Context, list: &List, typed: &str) -> Result<()> {
    let name = local_name(typed)?;
    Layout::images(&ctx.store).edit(|index| index.add_name(&list.digest, &name))?;
    event::list_tagged(ctx, &list.id, typed);
    Ok(())
}

/// Removes a whole list, or only the name where it has others; the names that it lost, and its id if it is gone.
pub fn remove(ctx: &Context, text: &str) -> Result<(Vec<String>, Option<String>)> {
    let index = Layout::images(&ctx.store).index()?;
    // A damaged one, too.
    let list = entry(&index, text).or_else(|unknown| match super::find(ctx, text) {
        Ok(lent) => bail!(
            "{text}: image is not a manifest list of this store: {} is lent by {}",
            lent.id,
            lent.store.root.display()
        ),
        Err(_) => Err(unknown),
    })?;
    let removed = Layout::images(&ctx.store).edit(|index| match stored_name(index, text)? {
        Some(name) if list.names.len() > 1 => {
            index.drop_name(&name);
            Ok((vec![name], None))
        }
        _ => {
            index.forget(&list.digest);
            Ok((list.names.clone(), Some(list.id.clone())))
        }
    })?;
    if removed.1.is_some() {
        event::list_removed(ctx, &list.id, text);
    }
    Ok(removed)
}

/// The image for this machine.
pub(super) fn image_of(store: &Store, index: &Index, entry: &ListEntry) -> Result<Image> {
    let list = List::load(store, entry.clone())?;
    let name = || {
        entry
            .names
            .first()
            .cloned()
            .unwrap_or_else(|| entry.id.clone())
    };
    let wanted = super::Platform::default();
    let Some(instance) = instance::choose(list.instances(), &wanted) else {
        return Err(ImageError::NotHere(name(), instance::host()).into());
    };
    let digest = instance["digest"].as_str().unwrap_or_default();
    // What a push fetched is there as well, and no image of the store.
    if index.digests().contains(&digest) {
        return super::read(store, index, digest);
    }
    Err(ImageError::NotHere(name(), instance::host()).into())
}

/// Where the image for this machine is, if the store has not got it: a reference to pull.
pub fn source_for_here(ctx: &Context, text: &str) -> Result<Option<String>> {
    let Ok(list) = find(ctx, text) else {
        return Ok(None);
    };
    let wanted = super::Platform::default();
    let digest = instance::choose(list.instances(), &wanted).and_then(|one| one["digest"].as_str());
    Ok(digest.and_then(|digest| list.sources.get(digest).cloned()))
}

/// The blobs of a list that the store has: its own, and those of its images.
pub(super) fn blobs(store: &Store, entry: &ListEntry) -> Result<BTreeSet<String>> {
    let mut blobs = BTreeSet::from([hex(&entry.digest)?.to_owned()]);
    let value = List::load(store, entry.clone())?.value;
    for instance in value["manifests"].as_array().into_iter().flatten() {
        let digest = instance["digest"].as_str().unwrap_or_default();
        if !manifest::blob(store, digest)?.exists() {
            continue;
        }
        blobs.insert(hex(digest)?.to_owned());
        let Ok(manifest) = manifest::manifest(store, digest) else {
            continue;
        };
        for blob in manifest.layers.iter().chain([&manifest.config]) {
            blobs.insert(hex(&blob.digest)?.to_owned());
        }
    }
    Ok(blobs)
}
