//! Whose images are trusted: containers-policy.json(5), as podman-image-trust(1) shows and changes it. rskopeo acts on it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde_json::{Value, json};

use super::lookaside::Lookasides;
use crate::engine::rootless;
use crate::store::record::{Durability, replace};

/// The file that was named, else the user's, else the host's.
pub fn policy_path(asked: Option<PathBuf>) -> PathBuf {
    let of_user = std::env::var_os("HOME")
        .map(|home| Path::new(&home).join(".config/containers/policy.json"))
        .filter(|path| rootless() && path.exists());
    let given = std::env::var_os("CONTAINERS_POLICY_JSON").filter(|path| !path.is_empty());
    asked
        .or(given.map(PathBuf::from))
        .or(of_user)
        .unwrap_or_else(|| "/etc/containers/policy.json".into())
}

pub fn read(path: &Path) -> Result<Value> {
    load(path, "unable to read")
}

fn load(path: &Path, doing: &str) -> Result<Value> {
    let text = fs::read(path).with_context(|| format!("{doing} {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("parsing {}", path.display()))
}

/// Refuses archives of files as images where the policy does, which knows them by the transport `tarball`.
pub fn admits_tarballs() -> Result<()> {
    let path = policy_path(None);
    if accepts(&load(&path, "open")?, "tarball") {
        return Ok(());
    }
    bail!(
        "Source image rejected: Running image tarball: is rejected by policy {}",
        path.display()
    )
}

/// Whether whatever comes by a transport is accepted; no signature can be asked of what has no name.
fn accepts(policy: &Value, transport: &str) -> bool {
    let asked = match &policy["transports"][transport][""] {
        Value::Null => &policy["default"],
        own => own,
    };
    let asked = asked.as_array().filter(|asked| !asked.is_empty());
    asked.is_some_and(|asked| {
        let mut asked = asked.iter();
        asked.all(|one| one["type"] == "insecureAcceptAnything")
    })
}

/// What a scope is to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    Accept,
    Reject,
    /// OpenPGP keys, all of whose signatures are needed.
    SignedBy(Vec<PathBuf>),
    SigstoreSigned(Vec<PathBuf>),
}

/// Changes what a registry, a repository or `default` is asked for. A file that is not there is made.
pub fn set(path: &Path, scope: &str, trust: &Trust) -> Result<()> {
    let mut policy = match fs::exists(path) {
        Ok(false) => json!({}),
        _ => read(path)?,
    };
    let requirements = requirements(trust)?;
    match scope {
        "default" => policy["default"] = requirements,
        scope if policy.get("default").is_none() => bail!(
            "default trust policy must be set before {scope}'s: rpod image trust set --type reject default"
        ),
        scope => policy["transports"]["docker"][scope] = requirements,
    }
    let text = crate::output::pretty(&policy, 4) + "\n";
    replace(path, text.as_bytes(), Durability::Disk)
}

fn requirements(trust: &Trust) -> Result<Value> {
    let keyed = |kind: &str, keys: &[PathBuf], more: Option<(&str, &str)>| -> Result<Value> {
        let mut all = Vec::new();
        for key in keys {
            let key =
                fs::canonicalize(key).with_context(|| format!("public key {}", key.display()))?;
            let mut one = json!({ "type": kind, "keyPath": key });
            if let Some((name, value)) = more {
                one[name] = json!(value);
            }
            all.push(one);
        }
        Ok(all.into())
    };
    match trust {
        Trust::Accept => Ok(json!([{ "type": "insecureAcceptAnything" }])),
        Trust::Reject => Ok(json!([{ "type": "reject" }])),
        Trust::SignedBy(keys) => keyed("signedBy", keys, Some(("keyType", "GPGKeys"))),
        Trust::SigstoreSigned(keys) => keyed("sigstoreSigned", keys, None),
    }
}

/// A line of the table, in podman's form.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub transport: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub repo_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sigstore: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub gpg_id: String,
}

/// Every requirement of every scope.
pub fn rows(policy: &Value, registries: Option<&Path>) -> Result<Vec<Row>> {
    let lookasides = Lookasides::load(registries)?;
    let mut rows = Vec::new();
    let mut add = |transport: &str, name: &str, repo_name: &str, list: &Value| {
        for requirement in list.as_array().into_iter().flatten() {
            rows.push(Row {
                transport: transport.to_owned(),
                name: name.to_owned(),
                repo_name: repo_name.to_owned(),
                sigstore: lookasides.read(repo_name).unwrap_or_default(),
                kind: kind(requirement),
                gpg_id: owners(requirement),
            });
        }
    };
    add("all", "* (default)", "default", &policy["default"]);
    let transports = policy["transports"].as_object();
    let transports: BTreeMap<_, _> = transports.into_iter().flatten().collect();
    for (transport, scopes) in transports {
        let shown = match transport.as_str() {
            "docker" => "repository",
            other => other,
        };
        let scopes: BTreeMap<_, _> = scopes.as_object().into_iter().flatten().collect();
        for (scope, list) in scopes {
            add(shown, scope, scope, list);
        }
    }
    Ok(rows)
}

fn kind(requirement: &Value) -> String {
    match requirement["type"].as_str().unwrap_or_default() {
        "insecureAcceptAnything" => "accept",
        "signedBy" => "signed",
        "sigstoreSigned" => "sigstoreSigned",
        "reject" => "reject",
        other => other,
    }
    .to_owned()
}

/// The addresses of those whose OpenPGP keys are asked for.
fn owners(requirement: &Value) -> String {
    match requirement["type"].as_str() {
        Some("signedBy") => {}
        Some("sigstoreSigned") => return "N/A".to_owned(),
        _ => return String::new(),
    }
    let several = requirement["keyPaths"].as_array().into_iter().flatten();
    let paths = requirement["keyPath"].as_str().into_iter();
    let paths = paths.chain(several.filter_map(Value::as_str));
    let owners: Vec<String> = paths.flat_map(addresses).collect();
    owners.join(", ")
}

/// gpg(1) tells a key's owners without taking it into a keyring.
fn addresses(key: &str) -> Vec<String> {
    let ask = |program| {
        Command::new(program)
            .args(["--show-keys", "--with-colons", key])
            .stderr(Stdio::null())
            .output()
    };
    let output = ask("gpg2").or_else(|_| ask("gpg"));
    let text = output.map(|output| output.stdout).unwrap_or_default();
    addresses_of(&String::from_utf8_lossy(&text))
}

fn addresses_of(listing: &str) -> Vec<String> {
    let users = listing.lines().filter(|line| line.starts_with("uid:"));
    users
        .filter_map(|line| {
            let user = line.split(':').nth(9)?;
            let address = user.rsplit_once('<')?.1.split('>').next()?;
            Some(address.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn archives_of_files_are_accepted_or_not() {
        let (accept, reject) = (
            json!([{ "type": "insecureAcceptAnything" }]),
            json!([{ "type": "reject" }]),
        );
        let own = json!({ "default": reject, "transports": { "tarball": { "": accept } } });
        assert!(accepts(&json!({ "default": accept }), "tarball") && accepts(&own, "tarball"));
        assert!(!accepts(&own, "dir") && !accepts(&json!({ "default": [] }), "tarball"));
    }

    #[test]
    fn requirements_are_told() {
        let policy = json!({
            "default": [{ "type": "reject" }],
            "transports": {
                "docker": { "b.io": [{ "type": "sigstoreSigned", "keyPath": "/k" }], "a.io": [{ "type": "insecureAcceptAnything" }] },
            },
        });
        let dir = tempfile::tempdir().unwrap();
        let text = "default-docker:\n  sigstore: file:///all\ndocker:\n  b.io:\n    lookaside: file:///b\n";
        fs::write(dir.path().join("x.yaml"), text).unwrap();
        let told: Vec<_> = rows(&policy, Some(dir.path()))
            .unwrap()
            .into_iter()
            .map(|row| (row.transport, row.repo_name, row.kind, row.sigstore))
            .collect();
        let expected = [
            ("all", "default", "reject", "file:///all"),
            ("repository", "a.io", "accept", "file:///all"),
            ("repository", "b.io", "sigstoreSigned", "file:///b"),
        ];
        let expected = expected.map(|(a, b, c, d)| (a.into(), b.into(), c.into(), d.into()));
        assert_eq!(told, expected);
        let listing = "pub:u:::\nuid:u::::1::H::Ada <ada@example.com>::::\n";
        assert_eq!(addresses_of(listing), ["ada@example.com"]);
    }
}
