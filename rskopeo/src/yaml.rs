//! YAML into what it should be.

use anyhow::{Result, anyhow};
use serde::de::DeserializeOwned;

/// # Errors
/// In one line: what is wrong and where, without a picture of it.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_saphyr::from_str(text).map_err(|error| {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        anyhow!("{}", line.trim_start_matches("error: "))
    })
}
