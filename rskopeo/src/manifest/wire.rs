//! Manifests of single images as they are read and written: fields in skopeo's order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Descriptor;
use crate::digest::Digest;
use crate::go_json::null_as_default;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parsed {
    pub(super) schema_version: u32,
    pub(super) media_type: Option<String>,
    pub(super) artifact_type: Option<String>,
    pub(super) config: Descriptor,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) layers: Vec<Descriptor>,
    pub(super) subject: Option<Descriptor>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) annotations: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Oci<'a> {
    pub(super) schema_version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) media_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) artifact_type: &'a Option<String>,
    pub(super) config: &'a Descriptor,
    pub(super) layers: &'a [Descriptor],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: &'a Option<Descriptor>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schema2<'a> {
    pub(super) schema_version: u32,
    pub(super) media_type: &'static str,
    pub(super) config: Schema2Descriptor<'a>,
    pub(super) layers: Vec<Schema2Descriptor<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schema2Descriptor<'a> {
    pub(super) media_type: &'a str,
    pub(super) size: u64,
    pub(super) digest: &'a Digest,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) urls: &'a [String],
}

impl<'a> From<&'a Descriptor> for Schema2Descriptor<'a> {
    fn from(descriptor: &'a Descriptor) -> Self {
        let Descriptor {
            media_type,
            size,
            digest,
            urls,
            ..
        } = descriptor;
        Self {
            media_type,
            size: *size,
            digest,
            urls,
        }
    }
}
