//! registries.d: where the signatures of a registry's images lie (containers-registries.d(5)).

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{name_scopes, search};
use crate::reference::Name;
use crate::{user_namespace, yaml};

/// All files of one directory.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct RegistriesD {
    default_docker: Option<Section>,
    docker: HashMap<String, Section>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Section {
    lookaside: Option<String>,
    lookaside_staging: Option<String>,
    /// The old name of `lookaside`.
    sigstore: Option<String>,
    sigstore_staging: Option<String>,
    use_sigstore_attachments: Option<bool>,
}

impl RegistriesD {
    /// Reads `--registries.d`, else the user's or the system's directory. One that is not there says nothing.
    ///
    /// # Errors
    /// A file cannot be understood, or two of them speak of the same scope.
    pub fn load(given: Option<&Path>) -> Result<Self> {
        let directory = given.map_or_else(default_directory, Path::to_owned);
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                return Err(error).with_context(|| format!("open {}", directory.display()));
            }
        };
        let mut paths = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>>>()?;
        paths.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        });
        paths.sort();
        let mut all = Self::default();
        for path in paths {
            let text =
                fs::read_to_string(&path).with_context(|| format!("open {}", path.display()))?;
            let file = Self::parse(&text).with_context(|| format!("parsing {}", path.display()))?;
            all.merge(file, &path)?;
        }
        Ok(all)
    }

    pub fn parse(text: &str) -> Result<Self> {
        // A file of comments only is YAML's null.
        let file: Option<Self> = yaml::parse(text)?;
        Ok(file.unwrap_or_default())
    }

    fn merge(&mut self, file: Self, path: &Path) -> Result<()> {
        if let Some(section) = file.default_docker
            && self.default_docker.replace(section).is_some()
        {
            bail!(
                "\"default-docker\" is defined in {} and in another file beside it",
                path.display()
            );
        }
        for (scope, section) in file.docker {
            if self.docker.insert(scope.clone(), section).is_some() {
                bail!(
                    "\"docker\" namespace {scope:?} is defined in {} and in another file beside it",
                    path.display()
                );
            }
        }
        Ok(())
    }

    /// The URL below which the repository's signatures are read.
    pub fn lookaside(&self, name: &Name) -> String {
        let given = self.find(name, |section| {
            section.lookaside.as_ref().or(section.sigstore.as_ref())
        });
        format!(
            "{}/{}",
            given.cloned().unwrap_or_else(default_lookaside),
            name.path
        )
    }

    /// The URL below which the repository's signatures are written.
    pub fn staging(&self, name: &Name) -> String {
        let given = self.find(name, |section| {
            let staging = section
                .lookaside_staging
                .as_ref()
                .or(section.sigstore_staging.as_ref());
            staging
                .or(section.lookaside.as_ref())
                .or(section.sigstore.as_ref())
        });
        format!(
            "{}/{}",
            given.cloned().unwrap_or_else(default_lookaside),
            name.path
        )
    }

    /// Whether signatures are looked for, and put, in the registry itself.
    pub fn uses_attachments(&self, name: &Name) -> bool {
        self.find(name, |section| section.use_sigstore_attachments.as_ref()) == Some(&true)
    }

    /// The most exact section that says something of it.
    fn find<'a, T>(
        &'a self,
        name: &Name,
        of: impl Fn(&'a Section) -> Option<&'a T>,
    ) -> Option<&'a T> {
        let scopes = name_scopes(name);
        let sections = scopes.iter().filter_map(|scope| self.docker.get(scope));
        sections.chain(&self.default_docker).find_map(of)
    }
}

fn default_directory() -> PathBuf {
    let user = search::home().map(|home| home.join(".config/containers/registries.d"));
    user.filter(|path| path.exists())
        .unwrap_or_else(|| "/etc/containers/registries.d".into())
}

fn default_lookaside() -> String {
    let home = search::home().unwrap_or_default();
    // An engine's root of a user namespace is a user to the host: the engine says so in the environment.
    match user_namespace::person().is_root() {
        true => "file:///var/lib/containers/sigstore".to_owned(),
        false => format!("file://{}/.local/share/containers/sigstore", home.display()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn the_most_exact_section_that_speaks_decides() {
        let conf = RegistriesD::parse(
            "default-docker:\n  lookaside-staging: file:///d\n\
             docker:\n  a.io:\n    sigstore: https://s\n    use-sigstore-attachments: true\n\
             \x20 a.io/b/c:\n    lookaside: https://l\n    sigstore-staging: file:///w\n",
        )
        .unwrap();
        assert_eq!(conf.lookaside(&name("a.io/b/c:1")), "https://l/b/c");
        assert_eq!(conf.staging(&name("a.io/b/c:1")), "file:///w/b/c");
        assert_eq!(conf.lookaside(&name("a.io/b")), "https://s/b");
        assert_eq!(conf.staging(&name("other.io/b")), "file:///d/b");
        assert!(conf.uses_attachments(&name("a.io/b/c:1")));
        assert!(!conf.uses_attachments(&name("b.io/b")));
    }

    #[test]
    fn a_scope_is_spoken_of_once() {
        let directory = tempfile::tempdir().unwrap();
        for file in ["a.yaml", "b.yaml"] {
            fs::write(
                directory.path().join(file),
                "docker:\n  a.io:\n    lookaside: x\n",
            )
            .unwrap();
        }
        let error = RegistriesD::load(Some(directory.path())).unwrap_err();
        assert!(error.to_string().contains("a.io"), "{error}");
        fs::write(directory.path().join("b.yaml"), "# nothing\n").unwrap();
        RegistriesD::load(Some(directory.path())).unwrap();
        fs::write(directory.path().join("b.yaml"), "docker: [").unwrap();
        let error = RegistriesD::load(Some(directory.path())).unwrap_err();
        assert!(error.to_string().contains("b.yaml"), "{error}");
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,120}") {
            let _ = RegistriesD::parse(&text);
        }
    }
}
