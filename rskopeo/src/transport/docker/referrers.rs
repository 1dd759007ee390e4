//! Who refers to a manifest by `subject`. Where a registry does not keep the list, its clients do: as an index under a tag that is
//! made of the subject's digest (distribution-spec, "Referrers Tag Schema").

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ACCEPT;
use crate::digest::Digest;
use crate::go_json::{self, null_as_default};
use crate::manifest::{OCI_INDEX, RawManifest};
use crate::registry::{Client, Method, refused};

/// A manifest that refers to another, as far as the list tells of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Referrer {
    subject: Subject,
    artifact_type: Option<String>,
    config: Option<Config>,
    #[serde(default, deserialize_with = "null_as_default")]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Subject {
    digest: Digest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    media_type: String,
}

impl Referrer {
    /// None for a manifest that refers to nothing.
    fn of(manifest: &RawManifest) -> Option<Self> {
        serde_json::from_slice(&manifest.bytes).ok()
    }

    /// "Pushing Manifests with Subject"
    fn descriptor(self, manifest: &RawManifest) -> Value {
        let mut descriptor = json!({
            "mediaType": manifest.media_type,
            "digest": manifest.digest(),
            "size": manifest.bytes.len(),
        });
        let told = self.artifact_type.filter(|told| !told.is_empty());
        if let Some(kind) = told.or(self.config.map(|config| config.media_type)) {
            descriptor["artifactType"] = kind.into();
        }
        if !self.annotations.is_empty() {
            descriptor["annotations"] = json!(self.annotations);
        }
        descriptor
    }
}

/// Notes a manifest that was put, unless the registry has said in its answer (`OCI-Subject`) that it does so itself.
pub(super) fn added(client: &Client, manifest: &RawManifest, noted_there: bool) -> Result<()> {
    let Some(referrer) = Referrer::of(manifest).filter(|_| !noted_there) else {
        return Ok(());
    };
    let list = List::of(&referrer.subject.digest);
    list.change(client, |entries| {
        let is_new = !entries.iter().any(|entry| is_of(entry, manifest));
        if is_new {
            entries.push(referrer.descriptor(manifest));
        }
        is_new
    })
}

/// Forgets a manifest that was deleted, where the registry does not do so.
pub(super) fn removed(client: &Client, manifest: &RawManifest) -> Result<()> {
    let Some(referrer) = Referrer::of(manifest) else {
        return Ok(());
    };
    let subject = &referrer.subject.digest;
    let list = List::of(subject);
    match is_kept_there(client, subject) {
        Ok(true) => Ok(()),
        Ok(false) => list.change(client, |entries| {
            let before = entries.len();
            entries.retain(|entry| !is_of(entry, manifest));
            entries.len() < before
        }),
        Err(error) => Err(error.context(list.is_left(client))),
    }
}

/// Whether the registry itself keeps the list: one that does not, knows no such address (distribution-spec, "Listing Referrers").
fn is_kept_there(client: &Client, subject: &Digest) -> Result<bool> {
    let url = client.url(&format!("referrers/{subject}"));
    let answer = client.send(&Method::GET, &url, &[("Accept", OCI_INDEX)])?;
    match answer.status().as_u16() {
        200 => Ok(true),
        404 => Ok(false),
        _ => Err(refused(&format!("asking what refers to {subject}"), answer)),
    }
}

fn is_of(entry: &Value, manifest: &RawManifest) -> bool {
    entry["digest"] == manifest.digest().as_str()
}

/// The list that clients keep.
struct List {
    tag: String,
}

impl List {
    fn of(subject: &Digest) -> Self {
        let plain = |part: &str, most: usize| -> String {
            let is_plain = |c: &char| c.is_ascii_alphanumeric() || "_.-".contains(*c);
            let replaced = part.chars().take(most);
            replaced
                .map(|c| if is_plain(&c) { c } else { '-' })
                .collect()
        };
        Self {
            tag: format!(
                "{}-{}",
                plain(subject.algorithm(), 32),
                plain(subject.hex(), 64)
            ),
        }
    }

    /// Reads the list and writes it again, if `change` finds something to change.
    fn change(&self, client: &Client, change: impl FnOnce(&mut Vec<Value>) -> bool) -> Result<()> {
        let tag = &self.tag;
        let change = || -> Result<()> {
            // Whatever is there: some registries hide what is not accepted.
            let mut list = match client.manifest(tag, ACCEPT)? {
                None => json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}),
                Some((told, bytes)) => {
                    let found = RawManifest::guess(bytes, told.as_deref())?;
                    if found.media_type != OCI_INDEX {
                        bail!(
                            "there is a manifest of type {} in its place",
                            found.media_type
                        );
                    }
                    serde_json::from_slice(&found.bytes)?
                }
            };
            let entries = list["manifests"]
                .as_array_mut()
                .context("it has no manifests")?;
            if change(entries) {
                client.put_manifest(tag, OCI_INDEX, go_json::compact(&list)?.as_bytes())?;
            }
            Ok(())
        };
        change().with_context(|| self.is_left(client))
    }

    fn is_left(&self, client: &Client) -> String {
        format!(
            "the image is done, but not the list {} of what refers to its subject in {}",
            self.tag,
            client.repository()
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn manifest(text: &str) -> RawManifest {
        RawManifest {
            media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
            bytes: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn tags_are_made_of_digests() {
        let short = Digest::sha256(b"x");
        assert_eq!(List::of(&short).tag, format!("sha256-{}", short.hex()));
        let long: Digest = format!("sha512:{}", "ab".repeat(64)).parse().unwrap();
        assert_eq!(List::of(&long).tag, format!("sha512-{}", "ab".repeat(32)));
    }

    #[test]
    fn what_a_referrer_is_comes_from_its_artifact_type_or_config() {
        let subject = Digest::sha256(b"x");
        for (fields, kind) in [
            (
                r#""artifactType":"a/b","config":{"mediaType":"c/d"}"#,
                json!("a/b"),
            ),
            (
                r#""artifactType":"","config":{"mediaType":"c/d"}"#,
                json!("c/d"),
            ),
            (r#""manifests":[]"#, Value::Null),
        ] {
            let manifest = manifest(&format!(
                r#"{{{fields},"subject":{{"digest":"{subject}"}},"annotations":{{"k":"v"}}}}"#
            ));
            let entry = Referrer::of(&manifest).unwrap().descriptor(&manifest);
            assert_eq!(entry["artifactType"], kind);
            assert_eq!(entry["annotations"]["k"], "v");
            assert!(is_of(&entry, &manifest));
        }
        assert!(Referrer::of(&manifest(r#"{"config":{"mediaType":"c/d"}}"#)).is_none());
    }
}
