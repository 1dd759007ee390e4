//! Layers: found, put into their place, opened.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use ring::rand::{SecureRandom, SystemRandom};

use super::PodmanStore;
use super::lock::Lock;
use super::records::{self, LayerRecord, Table};
use crate::compression::Compression;
use crate::digest::Digest;
use crate::manifest::chain_ids;
use crate::store::Staged;
use crate::tar_split::{Assembler, Facts};

const TABLE: &str = "layers.json";
const LOCK: &str = "layers.lock";
/// Of a layer's record of its archive, while it is on its way and after its id.
const RECORD: &str = "tar-split.gz";
/// More layers than this are not one image, but a table that leads in a circle.
const MOST_LAYERS: usize = 512;
/// Letters and digits of a layer's short name.
const SHORT_NAME: usize = 26;

/// A layer that was unpacked beside its place.
#[derive(Debug)]
pub struct Incoming {
    pub staged: Staged,
    pub facts: Facts,
    pub diff_id: Digest,
    /// What it came in.
    pub blob: Digest,
    pub blob_size: u64,
    pub compression: Compression,
}

/// The name that containers/image gives a layer on top of another.
pub fn layer_id(parent: &str, diff_id: &Digest) -> String {
    match parent {
        "" => diff_id.hex().to_owned(),
        parent => Digest::sha256(format!("{parent}+{}", diff_id.hex()).as_bytes())
            .hex()
            .to_owned(),
    }
}

/// Names from a table become paths only if they are ids.
pub(super) fn checked_id(id: &str) -> Result<&str> {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if id.len() != 64 || !id.bytes().all(hex) {
        bail!("{id:?} in the store is not an ID of 64 hexadecimal digits");
    }
    Ok(id)
}

/// All layers, as they are now.
pub fn layers(store: &PodmanStore) -> Result<Vec<LayerRecord>> {
    let directory = store.layers_directory();
    let lock = Lock::shared(&directory.join(LOCK))?;
    match lock {
        Some(_) => records::read(&directory.join(TABLE)),
        None => Ok(Vec::new()),
    }
}

/// The layers of an image, the base first.
pub fn chain<'a>(all: &'a [LayerRecord], top: &str) -> Result<Vec<&'a LayerRecord>> {
    let by_id: BTreeMap<&str, &LayerRecord> =
        all.iter().map(|layer| (layer.id.as_str(), layer)).collect();
    let mut chain = Vec::new();
    let mut id = top;
    while !id.is_empty() {
        let layer = by_id
            .get(id)
            .with_context(|| format!("layer {id} is not in the store"))?;
        chain.push(*layer);
        if chain.len() > MOST_LAYERS {
            bail!("layer {top} has more than {MOST_LAYERS} layers below it");
        }
        id = &layer.parent;
    }
    chain.reverse();
    Ok(chain)
}

impl PodmanStore {
    /// The plain bytes of a layer, as they were when it came; `below` are the layers under it, the nearest first.
    pub fn assemble(&self, layer: &LayerRecord, below: &[LayerRecord]) -> Result<Assembler> {
        let path = self.record_path(&layer.id)?;
        let record = File::open(&path).with_context(|| {
            format!(
                "layer {} has no record of its archive: open {}",
                layer.id,
                path.display()
            )
        })?;
        let trees = [layer].into_iter().chain(below);
        let trees: Vec<OwnedFd> = trees
            .map(|layer| open_directory(&self.diff(&layer.id)?))
            .collect::<Result<_>>()?;
        Ok(Assembler::new(record, trees))
    }

    /// Where the record of a layer's archive is written before the layer has its place.
    pub fn arriving_record(staged: &Staged) -> PathBuf {
        staged.path().join(RECORD)
    }

    fn record_path(&self, id: &str) -> Result<PathBuf> {
        let name = format!("{}.{RECORD}", checked_id(id)?);
        Ok(self.layers_directory().join(name))
    }

    fn layer_path(&self, id: &str) -> Result<PathBuf> {
        Ok(self.overlay().join(checked_id(id)?))
    }

    pub(super) fn diff(&self, id: &str) -> Result<PathBuf> {
        Ok(self.layer_path(id)?.join("diff"))
    }
}

fn open_directory(path: &Path) -> Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
    open(path, flags, Mode::empty()).with_context(|| format!("open {}", path.display()))
}

/// The table of layers, locked to be changed.
#[derive(Debug)]
pub struct LayerTable<'a> {
    store: &'a PodmanStore,
    table: Table<LayerRecord>,
}

impl<'a> LayerTable<'a> {
    /// Waits for the lock, and removes the layers that killed processes left half-made.
    pub fn open(store: &'a PodmanStore) -> Result<Self> {
        let mut table = Self {
            store,
            table: Table::open(&store.layers_directory(), LOCK, TABLE)?,
        };
        let half: Vec<String> = table
            .records()
            .iter()
            .filter(|layer| layer.is_incomplete())
            .map(|layer| layer.id.clone())
            .collect();
        for id in half {
            table.remove(&id)?;
        }
        Ok(table)
    }

    pub fn records(&self) -> &[LayerRecord] {
        &self.table.records
    }

    fn find(&self, id: &str) -> Option<usize> {
        self.records().iter().position(|layer| layer.id == id)
    }

    pub fn has(&self, id: &str) -> bool {
        self.find(id).is_some()
    }

    /// Puts a layer into its place on top of `parent`, empty for the base; tells its id.
    pub fn add(&mut self, parent: &str, incoming: Incoming) -> Result<String> {
        let id = layer_id(parent, &incoming.diff_id);
        if self.has(&id) {
            return Ok(id);
        }
        let below = chain(self.records(), parent)?;
        let below: Vec<String> = below.iter().rev().map(|layer| layer.id.clone()).collect();
        let Incoming {
            mut staged,
            facts,
            diff_id,
            blob,
            blob_size,
            compression,
        } = incoming;
        if let (false, Some(parent)) = (facts.has_root, below.first()) {
            like(&staged.diff(), &self.store.diff(parent)?)?;
        }
        let trees: Vec<PathBuf> = below
            .iter()
            .map(|id| self.store.diff(id))
            .collect::<Result<_>>()?;
        staged.settle(trees.into_iter())?;

        let mut record = LayerRecord {
            id: id.clone(),
            parent: parent.to_owned(),
            created: records::now(),
            compressed_diff_digest: Some(blob),
            compressed_size: blob_size,
            diff_digest: Some(diff_id),
            diff_size: i64::try_from(facts.size).ok(),
            compression: number(compression),
            uidset: facts.uids.into_iter().collect(),
            gidset: facts.gids.into_iter().collect(),
            ..LayerRecord::default()
        };
        record.set_incomplete(true);
        let at = self.table.records.len();
        self.table.records.push(record);
        self.table.save()?;
        self.move_in(&id, &below, &staged)
            .with_context(|| format!("putting layer {id} into its place"))?;
        self.table.records[at].set_incomplete(false);
        self.table.save()?;
        Ok(id)
    }

    fn move_in(&self, id: &str, below: &[String], staged: &Staged) -> Result<()> {
        let place = self.store.layer_path(id)?;
        // Nobody's: the table has not heard of it.
        self.remove_files(id)?;
        for directory in ["", "work", "merged"] {
            make_private(&place.join(directory))?;
        }
        let short = short_name()?;
        symlink(
            Path::new("..").join(id).join("diff"),
            self.store.overlay().join("l").join(&short),
        )
        .context("creating its short name")?;
        fs::write(place.join("link"), &short).context("writing its short name")?;
        if below.is_empty() {
            make_private(&place.join("empty"))?;
        } else {
            let lower = below
                .iter()
                .map(|id| {
                    let link = self.store.layer_path(id)?.join("link");
                    let short = fs::read_to_string(&link)
                        .with_context(|| format!("open {}", link.display()))?;
                    Ok(format!("l/{short}"))
                })
                .collect::<Result<Vec<String>>>()?;
            fs::write(place.join("lower"), lower.join(":")).context("writing lower")?;
        }
        let record = self.store.record_path(id)?;
        fs::rename(PodmanStore::arriving_record(staged), &record)
            .with_context(|| format!("renaming to {}", record.display()))?;
        let diff = place.join("diff");
        fs::rename(staged.diff(), &diff)
            .with_context(|| format!("renaming to {}", diff.display()))?;
        let place = open_directory(&place)?;
        nix::unistd::syncfs(&place).context("syncing the store")
    }

    /// Removes a layer that nothing is on top of.
    pub(super) fn remove(&mut self, id: &str) -> Result<()> {
        let Some(at) = self.find(id) else {
            return Ok(());
        };
        if !self.table.records[at].is_incomplete() {
            self.table.records[at].set_incomplete(true);
            self.table.save()?;
        }
        self.remove_files(id)
            .with_context(|| format!("removing layer {id}"))?;
        self.table.records.remove(at);
        self.table.save()
    }

    fn remove_files(&self, id: &str) -> Result<()> {
        let place = self.store.layer_path(id)?;
        if let Ok(short) = fs::read_to_string(place.join("link"))
            && short.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && !short.is_empty()
        {
            gone(fs::remove_file(self.store.overlay().join("l").join(short)))?;
        }
        gone(fs::remove_dir_all(&place))?;
        gone(fs::remove_file(self.store.record_path(id)?))?;
        gone(fs::remove_dir_all(self.store.layers_directory().join(id)))
    }

    /// Which layer stands for each chainID (image-spec config.md "Layer ChainID").
    pub fn by_chain_id(records: &[LayerRecord]) -> BTreeMap<Digest, String> {
        let mut known = BTreeMap::new();
        for layer in records.iter().filter(|layer| !layer.is_incomplete()) {
            let Ok(chain) = chain(records, &layer.id) else {
                continue;
            };
            let diff_ids: Option<Vec<&Digest>> = chain
                .iter()
                .map(|layer| layer.diff_digest.as_ref())
                .collect();
            if let Some(top) = diff_ids.and_then(|all| chain_ids(all).pop()) {
                known.entry(top).or_insert_with(|| layer.id.clone());
            }
        }
        known
    }
}

fn gone(removed: io::Result<()>) -> Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn make_private(path: &Path) -> Result<()> {
    DirBuilder::new()
        .mode(0o700)
        .create(path)
        .with_context(|| format!("creating {}", path.display()))
}

/// A layer that says nothing of its root has the one below it, which it would cover.
fn like(tree: &Path, other: &Path) -> Result<()> {
    let meta = fs::metadata(other).with_context(|| format!("stat {}", other.display()))?;
    chown(tree, Some(meta.uid()), Some(meta.gid()))
        .and_then(|()| fs::set_permissions(tree, Permissions::from_mode(meta.mode() & 0o7777)))
        .with_context(|| format!("giving {} the owner of {}", tree.display(), other.display()))
}

/// Of capital letters and digits, short because a mount's options have room for a page only.
fn short_name() -> Result<String> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut random = [0; SHORT_NAME];
    SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| io::Error::other("the system gives no random bytes"))
        .context("choosing a short name")?;
    Ok(random
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect())
}

fn number(compression: Compression) -> u64 {
    match compression {
        Compression::None => 0,
        Compression::Bzip2 => 1,
        Compression::Gzip => 2,
        Compression::Xz => 3,
        Compression::Zstd | Compression::ZstdChunked => 4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ids_are_containers_images() {
        let diff_id = |text: &[u8]| Digest::sha256(text);
        let base = layer_id("", &diff_id(b"a"));
        assert_eq!(base, diff_id(b"a").hex());
        let joined = format!("{base}+{}", diff_id(b"b").hex());
        assert_eq!(
            layer_id(&base, &diff_id(b"b")),
            Digest::sha256(joined.as_bytes()).hex()
        );
        assert!(checked_id("../x").is_err());
        assert!(checked_id(&base).is_ok());
    }

    #[test]
    fn a_circle_ends() {
        let layer = |id: &str, parent: &str| LayerRecord {
            id: id.to_owned(),
            parent: parent.to_owned(),
            ..LayerRecord::default()
        };
        assert!(chain(&[layer("a", "b"), layer("b", "a")], "a").is_err());
        assert!(chain(&[layer("a", "b")], "a").is_err());
        let all = [layer("b", "a"), layer("a", "")];
        let chain = chain(&all, "b").unwrap();
        assert_eq!((chain[0].id.as_str(), chain[1].id.as_str()), ("a", "b"));
    }
}
