//! The configuration within the newest text of history, and the one that schema 2 keeps apart: each made of the other.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::Step;
use crate::digest::Digest;
use crate::go_json;
use crate::manifest::RootFs;

/// What Go writes for a time that was never set.
const NEVER: &str = "0001-01-01T00:00:00Z";
/// What only schema 1 has in it.
const OWN_FIELDS: [&str; 6] = ["id", "parent", "parent_id", "layer_id", "throwaway", "Size"];

/// A configuration of which only the names of its fields are known.
type Fields = BTreeMap<String, Box<RawValue>>;

/// A line of history in a configuration of Docker's, its fields in Docker's order.
#[derive(Serialize)]
struct Line<'a> {
    created: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    author: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    created_by: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    comment: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    empty_layer: bool,
}

/// `steps` are the newest first.
pub(super) fn to_schema2(newest: &str, steps: &[Step], diff_ids: &[Digest]) -> Result<Vec<u8>> {
    let mut fields = parse(newest)?;
    for own in OWN_FIELDS {
        fields.remove(own);
    }
    let rootfs = RootFs {
        kind: "layers".to_owned(),
        diff_ids: diff_ids.to_vec(),
    };
    let line = |step: &'_ Step| -> Result<Box<RawValue>> {
        Ok(to_raw_value(&Line {
            created: step.created.as_deref().unwrap_or(NEVER),
            author: &step.author,
            created_by: step.container_config.command.join(" "),
            comment: &step.comment,
            empty_layer: step.is_empty,
        })?)
    };
    let history: Vec<_> = steps.iter().rev().map(line).collect::<Result<_>>()?;
    fields.insert("rootfs".to_owned(), to_raw_value(&rootfs)?);
    fields.insert("history".to_owned(), to_raw_value(&history)?);
    Ok(go_json::compact(&fields)?.into_bytes())
}

/// The way back: the newest step's text is the whole configuration, but for what schema 1 says elsewhere.
pub(super) fn from_schema2(config: &[u8], step: &Step) -> Result<String> {
    let mut fields: Fields = serde_json::from_slice(config).context("parsing configuration")?;
    for elsewhere in ["rootfs", "history"] {
        fields.remove(elsewhere);
    }
    fields.insert("id".to_owned(), to_raw_value(&step.id)?);
    if !step.parent.is_empty() {
        fields.insert("parent".to_owned(), to_raw_value(&step.parent)?);
    }
    if step.is_empty {
        fields.insert("throwaway".to_owned(), to_raw_value(&true)?);
    }
    for value in fields.values_mut() {
        *value = packed(value)?;
    }
    Ok(go_json::compact(&fields)?)
}

fn parse(text: &str) -> Result<Fields> {
    let mut fields: Fields = serde_json::from_str(text).context("decoding configuration")?;
    for value in fields.values_mut() {
        *value = packed(value)?;
    }
    Ok(fields)
}

/// Without the spaces between its tokens.
fn packed(value: &RawValue) -> Result<Box<RawValue>> {
    let mut text = String::with_capacity(value.get().len());
    let (mut quoted, mut escaped) = (false, false);
    for c in value.get().chars() {
        if quoted || !c.is_ascii_whitespace() {
            text.push(c);
        }
        match c {
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
    }
    Ok(RawValue::from_string(text)?)
}

/// What a configuration of schema 2 says of its layers.
#[derive(Deserialize)]
pub(super) struct Told {
    #[serde(default)]
    pub(super) architecture: String,
    #[serde(default, deserialize_with = "go_json::null_as_default")]
    pub(super) history: Vec<ToldLine>,
}

#[derive(Deserialize)]
pub(super) struct ToldLine {
    pub(super) created: Option<String>,
    #[serde(default)]
    pub(super) created_by: String,
    #[serde(default)]
    pub(super) author: String,
    #[serde(default)]
    pub(super) comment: String,
    #[serde(default)]
    pub(super) empty_layer: bool,
}

impl ToldLine {
    pub(super) fn step(self, id: String, parent: String) -> Step {
        Step {
            id,
            parent,
            comment: self.comment,
            created: Some(self.created.unwrap_or_else(|| NEVER.to_owned())),
            container_config: super::Command {
                command: vec![self.created_by],
            },
            author: self.author,
            is_empty: self.empty_layer,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn spaces_go_but_not_from_strings() {
        let value: Box<RawValue> =
            serde_json::from_str(r#"{ "a b" : [ 1, "\" c\\" , 1.0e5 ] }"#).unwrap();
        assert_eq!(
            packed(&value).unwrap().get(),
            r#"{"a b":[1,"\" c\\",1.0e5]}"#
        );
    }
}
