//! The four ways in which a requirement gives keys: a path, paths, data, datas.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};

pub(super) fn exactly_one(what: &str, given: &[bool]) -> Result<()> {
    if given.iter().filter(|given| **given).count() != 1 {
        bail!("exactly one of {what} must be specified");
    }
    Ok(())
}

pub(super) fn not_empty<T>(field: &str, given: Option<&[T]>) -> Result<()> {
    if given.is_some_and(<[T]>::is_empty) {
        bail!("{field:?} contains no entries");
    }
    Ok(())
}

/// Reads what one of the four ways of giving keys gives.
pub(super) fn one_of_sources(
    path: Option<&Path>,
    paths: Option<&[PathBuf]>,
    data: Option<&Vec<u8>>,
    datas: Option<&[Vec<u8>]>,
) -> Result<Vec<Vec<u8>>> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("open {}", path.display()));
    let files = path
        .into_iter()
        .chain(paths.unwrap_or_default().iter().map(PathBuf::as_path));
    let mut all = files.map(read).collect::<Result<Vec<_>>>()?;
    all.extend(data.cloned());
    all.extend(datas.unwrap_or_default().iter().cloned());
    Ok(all)
}

pub(super) fn base64<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<u8>>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD
        .decode(text)
        .map(Some)
        .map_err(serde::de::Error::custom)
}

pub(super) fn base64s<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<Vec<u8>>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let decoded = texts
        .iter()
        .map(|text| STANDARD.decode(text))
        .collect::<Result<_, _>>();
    decoded.map(Some).map_err(serde::de::Error::custom)
}
