//! policy.json: which images may be copied (containers-policy.json(5)).

use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::cli::Global;
use crate::reference::Reference;

/// A trust policy; without a file (`--insecure-policy`) everything is accepted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    default: Vec<Requirement>,
    #[serde(default)]
    transports: HashMap<String, HashMap<String, Vec<Requirement>>>,
}

#[derive(Debug, Deserialize)]
struct Requirement {
    #[serde(rename = "type")]
    kind: String,
}

impl Policy {
    /// Reads `--policy`, else the user's or the system's file.
    pub fn load(global: &Global) -> Result<Self> {
        if global.insecure_policy {
            let anything = Requirement {
                kind: "insecureAcceptAnything".to_owned(),
            };
            return Ok(Self {
                default: vec![anything],
                transports: HashMap::new(),
            });
        }
        let path = global.policy.clone().unwrap_or_else(default_path);
        let read = || -> Result<Self> {
            let bytes = fs::read(&path).with_context(|| format!("open {}", path.display()))?;
            let policy: Self = serde_json::from_slice(&bytes)
                .with_context(|| format!("invalid policy in {:?}", path.display()))?;
            policy
                .check()
                .with_context(|| format!("invalid policy in {:?}", path.display()))?;
            Ok(policy)
        };
        read().context("Error loading trust policy")
    }

    fn check(&self) -> Result<()> {
        let all = self
            .transports
            .values()
            .flat_map(HashMap::values)
            .chain([&self.default]);
        for requirements in all {
            if requirements.is_empty() {
                bail!("List of verification policy requirements must not be empty");
            }
            for Requirement { kind } in requirements {
                if ![
                    "insecureAcceptAnything",
                    "reject",
                    "signedBy",
                    "signedBaseLayer",
                    "sigstoreSigned",
                ]
                .contains(&kind.as_str())
                {
                    bail!("Unknown policy requirement type {kind:?}");
                }
            }
        }
        Ok(())
    }

    /// # Errors
    /// The policy rejects images from `source`, or asks for a signature, which rskopeo cannot verify yet and so never accepts.
    pub fn allows(&self, source: &Reference) -> Result<()> {
        for Requirement { kind } in self.requirements(source) {
            match kind.as_str() {
                "insecureAcceptAnything" => {}
                "reject" => {
                    bail!("Source image rejected: Running image {source} is rejected by policy.")
                }
                other => bail!(
                    "Source image rejected: the policy requires {other} for {source}, and rskopeo cannot verify signatures: \
                     choose another --policy if you trust the image"
                ),
            }
        }
        Ok(())
    }

    fn requirements(&self, source: &Reference) -> &[Requirement] {
        let Some(scopes) = self.transports.get(source.transport()) else {
            return &self.default;
        };
        scope_names(source)
            .iter()
            .find_map(|name| scopes.get(name))
            .or_else(|| scopes.get(""))
            .unwrap_or(&self.default)
    }
}

/// Every name that a policy may know `source` by, the most exact first.
fn scope_names(source: &Reference) -> Vec<String> {
    match source {
        Reference::Docker(name) | Reference::ContainersStorage { name, .. } => {
            let repository = name.repository();
            let mut names = vec![name.to_string()];
            let mut rest = repository.as_str();
            loop {
                names.push(rest.to_owned());
                match rest.rfind('/') {
                    Some(slash) => rest = &rest[..slash],
                    None => break,
                }
            }
            let mut host = rest;
            while let Some((_, parent)) = host.split_once('.') {
                names.push(format!("*.{parent}"));
                host = parent;
            }
            names
        }
        Reference::Dir { path } => path_names(path, None),
        Reference::Oci { path, image } | Reference::OciArchive { path, image } => {
            path_names(path, image.as_deref())
        }
        // skopeo knows no scopes for it but the transport's own.
        Reference::DockerArchive { .. } => Vec::new(),
    }
}

fn path_names(path: &Path, image: Option<&str>) -> Vec<String> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let exact = image.map(|image| format!("{}:{image}", path.display()));
    let parents = path
        .ancestors()
        .filter(|parent| *parent != Path::new("/"))
        .map(|parent| parent.display().to_string());
    exact.into_iter().chain(parents).collect()
}

fn default_path() -> PathBuf {
    let user =
        env::var_os("HOME").map(|home| Path::new(&home).join(".config/containers/policy.json"));
    user.filter(|path| path.exists())
        .unwrap_or_else(|| "/etc/containers/policy.json".into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_most_exact_scope_decides() {
        let policy: Policy = serde_json::from_str(
            r#"{"default":[{"type":"reject"}],"transports":{"docker":{
                "docker.io/library":[{"type":"insecureAcceptAnything"}],
                "docker.io/library/bad":[{"type":"reject"}],
                "*.example.com":[{"type":"insecureAcceptAnything"}],
                "signed.example.com/a":[{"type":"signedBy"}]}}}"#,
        )
        .unwrap();
        let allows = |text: &str| policy.allows(&text.parse().unwrap());
        assert!(allows("docker://alpine").is_ok());
        assert!(
            allows("docker://bad:v1")
                .unwrap_err()
                .to_string()
                .contains("rejected by policy")
        );
        assert!(allows("docker://r.example.com/x").is_ok());
        assert!(
            allows("docker://signed.example.com/a")
                .unwrap_err()
                .to_string()
                .contains("signedBy")
        );
        assert!(allows("docker://quay.io/x").is_err());
        assert!(allows("dir:/x").is_err());
    }
}
