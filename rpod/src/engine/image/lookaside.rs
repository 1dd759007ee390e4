//! registries.d: where the signatures of a registry's images lie (containers-registries.d(5)).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::Name;
use crate::engine::rootless;
use crate::store::directory::entries;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Lookasides {
    default_docker: Option<Lookaside>,
    docker: BTreeMap<String, Lookaside>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Lookaside {
    lookaside: Option<String>,
    lookaside_staging: Option<String>,
    /// Their old names.
    sigstore: Option<String>,
    sigstore_staging: Option<String>,
}

impl Lookaside {
    fn read(&self) -> Option<&String> {
        self.lookaside.as_ref().or(self.sigstore.as_ref())
    }

    fn written(&self) -> Option<&String> {
        let staging = self.lookaside_staging.as_ref();
        let staging = staging.or(self.sigstore_staging.as_ref());
        staging.or_else(|| self.read())
    }
}

impl Lookasides {
    pub(super) fn load(directory: Option<&Path>) -> Result<Lookasides> {
        let of_user = home()
            .map(|home| home.join(".config/containers/registries.d"))
            .filter(|path| rootless() && path.exists());
        let directory = directory
            .map(Path::to_owned)
            .or(of_user)
            .unwrap_or_else(|| "/etc/containers/registries.d".into());
        let mut all = Lookasides::default();
        for path in entries(&directory)? {
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let text =
                fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            // A file of comments only is YAML's null.
            let file: Option<Lookasides> = serde_saphyr::from_str(&text)
                .with_context(|| format!("parsing {}", path.display()))?;
            let file = file.unwrap_or_default();
            all.default_docker = all.default_docker.or(file.default_docker);
            all.docker.extend(file.docker);
        }
        Ok(all)
    }

    /// The URL below which a scope's signatures are read, if one is said.
    pub(super) fn read(&self, scope: &str) -> Option<String> {
        self.find(scope, Lookaside::read)
    }

    /// The URL below which an image's signatures are written.
    pub(super) fn written(&self, name: &Name) -> Result<String> {
        let by_name = self.docker.get(&name.to_string());
        let by_name = by_name.and_then(Lookaside::written).cloned();
        let found = by_name.or_else(|| self.find(&name.repository, Lookaside::written));
        found.map_or_else(default, Ok)
    }

    /// What the most particular says that speaks of the scope.
    fn find<'a>(
        &'a self,
        scope: &str,
        what: impl Fn(&'a Lookaside) -> Option<&'a String>,
    ) -> Option<String> {
        let scopes = std::iter::successors(Some(scope), |scope| {
            scope.rsplit_once('/').map(|(above, _)| above)
        });
        let sections = scopes.filter_map(|scope| self.docker.get(scope));
        let mut all = sections.chain(&self.default_docker);
        all.find_map(what).cloned()
    }
}

fn default() -> Result<String> {
    if !rootless() {
        return Ok("file:///var/lib/containers/sigstore".to_owned());
    }
    let home = home().context("HOME is not set: name a place with --directory")?;
    let place = home.join(".local/share/containers/sigstore");
    Ok(format!("file://{}", place.display()))
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_most_particular_is_written_to() {
        let text = "docker:\n  b.io:\n    lookaside: file:///b\n    lookaside-staging: file:///bs\n  b.io/x/y:\n    sigstore: file:///y\n";
        let all: Lookasides = serde_saphyr::from_str(text).unwrap();
        let written = |name: &str| all.written(&Name::parse(name).unwrap()).unwrap();
        assert_eq!(written("b.io/x/y:1"), "file:///y");
        assert_eq!(written("b.io/x/z:1"), "file:///bs");
        assert_eq!(all.read("b.io/x").unwrap(), "file:///b");
        assert!(all.read("c.io").is_none());
    }
}
