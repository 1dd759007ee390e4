//! The table of layers while it is changed: layers put into their places, and removed.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ring::rand::{SecureRandom, SystemRandom};

use super::PodmanStore;
use super::layers::{LOCK, TABLE, chain, layer_id, open_directory};
use super::records::{self, LayerRecord, Table};
use crate::atomic::Temporary;
use crate::compression::Compression;
use crate::digest::Digest;
use crate::manifest::chain_ids;
use crate::store::Staged;
use crate::tar_split::Facts;

/// Letters and digits of a layer's short name.
const SHORT_NAME: usize = 26;

/// A layer that was unpacked beside its place.
#[derive(Debug)]
pub struct Incoming {
    pub staged: Staged,
    /// Of its archive.
    pub record: Temporary,
    pub facts: Facts,
    pub diff_id: Digest,
    /// What it came in.
    pub blob: Digest,
    pub blob_size: u64,
    pub compression: Compression,
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
            record: archive,
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
        self.move_in(&id, &below, &staged, archive)
            .with_context(|| format!("putting layer {id} into its place"))?;
        self.table.records[at].set_incomplete(false);
        self.table.save()?;
        Ok(id)
    }

    fn move_in(
        &self,
        id: &str,
        below: &[String],
        staged: &Staged,
        record: Temporary,
    ) -> Result<()> {
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
        // The whole store is synced below.
        record.place(&self.store.record_path(id)?)?;
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
