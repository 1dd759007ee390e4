//! The tables of a store, `layers.json` and `images.json`. What is not understood of them is kept.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lock::Lock;
use crate::atomic;
use crate::digest::Digest;
use crate::go_json::{self, null_as_default};

/// A layer in `layers.json`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct LayerRecord {
    pub id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub parent: String,
    pub created: String,
    /// Of the blob that the layer came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compressed_diff_digest: Option<Digest>,
    #[serde(skip_serializing_if = "is_zero")]
    pub compressed_size: u64,
    /// The diffID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff_digest: Option<Digest>,
    /// In bytes; -1 where it is not known.
    #[serde(skip_serializing_if = "is_none_or_zero")]
    pub diff_size: Option<i64>,
    /// 0 none, 1 bzip2, 2 gzip, 3 xz, 4 zstd.
    #[serde(skip_serializing_if = "is_zero")]
    pub compression: u64,
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub uidset: Vec<u32>,
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub gidset: Vec<u32>,
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub flags: BTreeMap<String, Value>,
    #[serde(flatten)]
    pub(super) other: BTreeMap<String, Value>,
}

/// Of a layer that is being made or removed; the next one who changes the table removes it.
const INCOMPLETE: &str = "incomplete";
/// The diffID that a layer is said to have, of which only the table of contents was checked.
const EXPECTED_DIFF_ID: &str = "expected-layer-diffid";

impl LayerRecord {
    pub fn is_incomplete(&self) -> bool {
        self.flags.get(INCOMPLETE) == Some(&Value::Bool(true))
    }

    pub fn set_incomplete(&mut self, incomplete: bool) {
        match incomplete {
            true => self.flags.insert(INCOMPLETE.to_owned(), Value::Bool(true)),
            false => self.flags.remove(INCOMPLETE),
        };
    }

    /// What the layer's bytes have to be, whether somebody has checked it or not.
    pub fn diff_id(&self) -> Option<Digest> {
        let told = || self.flags.get(EXPECTED_DIFF_ID)?.as_str()?.parse().ok();
        self.diff_digest.clone().or_else(told)
    }
}

/// An image in `images.json`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct ImageRecord {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub names: Vec<String>,
    /// Every name that it ever had, the newest first.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub names_history: Vec<String>,
    /// The top layer's id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub layer: String,
    /// The top layer again for other owners.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub mapped_layers: Vec<String>,
    /// JSON, of whoever made the image.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub big_data_names: Vec<String>,
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub big_data_sizes: BTreeMap<String, u64>,
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub big_data_digests: BTreeMap<String, Digest>,
    pub created: String,
    #[serde(flatten)]
    pub(super) other: BTreeMap<String, Value>,
}

/// A container in `containers.json`, of which only this is asked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContainerRecord {
    pub id: String,
    pub image: String,
    pub layer: String,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn is_none_or_zero(number: &Option<i64>) -> bool {
    number.is_none_or(|number| number == 0)
}

/// Now, as Go writes it.
pub fn now() -> String {
    jiff::Timestamp::now().to_string()
}

/// All records of a table; none if it is not there yet. Its lock is held.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("open {}", path.display())),
    };
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let records: Option<Vec<T>> =
        serde_json::from_slice(&bytes).with_context(|| format!("parsing {}", path.display()))?;
    Ok(records.unwrap_or_default())
}

/// A table that is being changed, with its lock.
#[derive(Debug)]
pub struct Table<T> {
    path: PathBuf,
    lock: Lock,
    pub records: Vec<T>,
}

impl<T: DeserializeOwned + Serialize> Table<T> {
    pub fn open(directory: &Path, lock: &str, file: &str) -> Result<Self> {
        let lock = Lock::exclusive(&directory.join(lock))?;
        let path = directory.join(file);
        Ok(Self {
            records: read(&path)?,
            path,
            lock,
        })
    }

    pub fn save(&self) -> Result<()> {
        self.lock.note_writer()?;
        atomic::write_private(&self.path, go_json::compact(&self.records)?.as_bytes())
    }
}
