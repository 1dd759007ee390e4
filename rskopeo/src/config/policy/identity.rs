//! Which name a signature has to give the image.

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::reference::Name;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub enum IdentityMatch {
    MatchExact {},
    MatchRepoDigestOrExact {},
    MatchRepository {},
    #[serde(rename_all = "camelCase")]
    ExactReference {
        docker_reference: String,
    },
    #[serde(rename_all = "camelCase")]
    ExactRepository {
        docker_repository: String,
    },
    #[serde(rename_all = "camelCase")]
    RemapIdentity {
        prefix: String,
        signed_prefix: String,
    },
}

impl Default for IdentityMatch {
    fn default() -> Self {
        Self::MatchRepoDigestOrExact {}
    }
}

impl IdentityMatch {
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::ExactReference { docker_reference } => {
                let name: Name = docker_reference.parse().with_context(|| {
                    format!("Invalid format of dockerReference {docker_reference:?}")
                })?;
                if name.tag.is_none() && name.digest.is_none() {
                    bail!("dockerReference {docker_reference:?} contains neither a tag nor digest");
                }
                Ok(())
            }
            Self::ExactRepository { docker_repository } => {
                let parsed: Result<Name, _> = docker_repository.parse();
                parsed.with_context(|| {
                    format!("Invalid format of dockerRepository {docker_repository:?}")
                })?;
                Ok(())
            }
            Self::RemapIdentity {
                prefix,
                signed_prefix,
            } => {
                check_prefix("prefix", prefix)?;
                check_prefix("signedPrefix", signed_prefix)
            }
            Self::MatchExact {} | Self::MatchRepoDigestOrExact {} | Self::MatchRepository {} => {
                Ok(())
            }
        }
    }
}

/// A host with or without a port, a namespace, or a repository; in its full form.
fn check_prefix(field: &str, prefix: &str) -> Result<()> {
    let as_host = format!("{prefix}/x").parse::<Name>();
    let host_ok = as_host.is_ok_and(|name| format!("{}/x", prefix) == name.repository());
    let as_repository = prefix.parse::<Name>();
    let repository_ok = as_repository.is_ok_and(|name| {
        name.to_string() == *prefix && name.tag.is_none() && name.digest.is_none()
    });
    if !host_ok && !repository_ok {
        bail!(
            "{field} {prefix:?} is not valid: write a host, a namespace or a repository in its full form"
        );
    }
    Ok(())
}
