//! The YAML file of `sync --src yaml` (skopeo-sync(1) "YAML file content"): registries, and which images of each.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow};
use regex_lite::Regex;
use serde::Deserialize;

use super::source::{Batch, tagged, tags};
use super::version::{Constraint, Version};
use crate::config::Credentials;
use crate::digest::Digest;
use crate::fatal;
use crate::reference::{Name, Reference};
use crate::transport::Access;
use crate::yaml;

type File = BTreeMap<String, Registry>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Registry {
    /// Repository to tags and digests; all tags, when there is none.
    #[serde(default)]
    images: Option<BTreeMap<String, Option<Vec<String>>>>,
    #[serde(default)]
    images_by_tag_regex: Option<BTreeMap<String, String>>,
    #[serde(default)]
    images_by_semver: Option<BTreeMap<String, String>>,
    #[serde(default)]
    credentials: Option<Login>,
    #[serde(default)]
    tls_verify: Option<bool>,
    #[serde(default)]
    cert_dir: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Login {
    username: String,
    password: String,
}

pub fn batches(path: &Path, access: &Access) -> Result<Vec<Batch>> {
    let text = fs::read_to_string(path).with_context(|| format!("open {}", path.display()))?;
    let file: File = yaml::parse(&text)
        .with_context(|| format!("Failed to unmarshal {:?}", path.display().to_string()))?;
    let mut batches = Vec::new();
    for (host, registry) in file {
        let access = registry.access(access);
        batches.extend(registry.batches(&host, &access));
    }
    Ok(batches)
}

impl Registry {
    fn access(&self, access: &Access) -> Access {
        let login = self.credentials.as_ref();
        let login = login.map(|login| Credentials::Password {
            user: login.username.clone(),
            password: login.password.clone(),
        });
        Access {
            tls_verify: self.tls_verify.or(access.tls_verify),
            cert_dir: self.cert_dir.clone().or_else(|| access.cert_dir.clone()),
            credentials: login.or_else(|| access.credentials.clone()),
            ..access.clone()
        }
    }

    /// What cannot be understood or found is told and left out, and the rest is synced.
    fn batches(&self, host: &str, access: &Access) -> Vec<Batch> {
        let listed = self.images.iter().flatten();
        let by_regex = self.images_by_tag_regex.iter().flatten();
        let by_version = self.images_by_semver.iter().flatten();
        let wanted: Vec<(&str, Wanted<'_>)> = listed
            .map(|(path, refs)| (path, Wanted::Refs(refs.as_deref().unwrap_or_default())))
            .chain(by_regex.map(|(path, regex)| (path, Wanted::TagRegex(regex))))
            .chain(by_version.map(|(path, version)| (path, Wanted::Semver(version))))
            .map(|(path, wanted)| (path.as_str(), wanted))
            .collect();
        if wanted.is_empty() {
            fatal::warn_of("No images specified for registry", &[("registry", host)]);
        }
        let repositories = wanted.into_iter();
        repositories
            .filter_map(|(path, wanted)| Repository { host, path, access }.batch(&wanted))
            .collect()
    }
}

/// Which images of a repository are to be had.
enum Wanted<'a> {
    /// Tags and digests; all tags, when there is none.
    Refs(&'a [String]),
    TagRegex(&'a str),
    Semver(&'a str),
}

/// One of the registry's that the file names.
struct Repository<'a> {
    host: &'a str,
    path: &'a str,
    access: &'a Access,
}

impl Repository<'_> {
    /// None when there is nothing to be had, which is told.
    fn batch(&self, wanted: &Wanted<'_>) -> Option<Batch> {
        let about = [("registry", self.host), ("repo", self.path)];
        let skipped = |why: &str, error: Error| {
            fatal::error_of(why, &about);
            fatal::error(&error);
        };
        let name = match self.name() {
            Ok(name) => name,
            Err(error) => {
                skipped("Error parsing repository name, skipping", error);
                return None;
            }
        };
        fatal::info("Processing repo", &about);
        let images = match wanted {
            Wanted::Refs([]) => self.tagged(&name, |_| true),
            Wanted::Refs(refs) => Ok(self.listed(refs)),
            Wanted::TagRegex(regex) => Regex::new(regex)
                .with_context(|| format!("error parsing regexp {regex:?}"))
                .and_then(|regex| self.tagged(&name, |tag| regex.is_match(tag))),
            Wanted::Semver(range) => range
                .parse::<Constraint>()
                .with_context(|| format!("improper constraint: {range}"))
                .and_then(|range| {
                    let version = |tag: &str| tag.parse::<Version>().ok();
                    self.tagged(&name, |tag| {
                        version(tag).is_some_and(|version| range.takes(&version))
                    })
                }),
        };
        match images {
            Ok(images) if images.is_empty() => fatal::warn_of("No refs to sync found", &about),
            Ok(images) => {
                return Some(Batch {
                    images,
                    access: self.access.clone(),
                    base: None,
                });
            }
            Err(error) => skipped("Error processing repo, skipping", error),
        }
        None
    }

    fn name(&self) -> Result<Name> {
        let name: Name = format!("{}/{}", self.host, self.path).parse()?;
        anyhow::ensure!(
            name.tag.is_none() && name.digest.is_none(),
            "input names a reference, not a repository"
        );
        Ok(name)
    }

    fn listed(&self, refs: &[String]) -> Vec<Reference> {
        let Self { host, path, .. } = self;
        let image = |text: &String| -> Result<Name> {
            Ok(match text.parse::<Digest>() {
                Ok(_) => format!("{host}/{path}@{text}").parse()?,
                Err(_) => format!("{host}/{path}:{text}")
                    .parse()
                    .map_err(|_| anyhow!("invalid tag format"))?,
            })
        };
        let mut images = Vec::new();
        for text in refs {
            match image(text) {
                Ok(image) => images.push(Reference::Docker(image)),
                Err(error) => {
                    fatal::error_of("Error parsing ref, skipping", &[("ref", text)]);
                    fatal::error(&error);
                }
            }
        }
        images
    }

    fn tagged(&self, name: &Name, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<Reference>> {
        let about = [("registry", self.host), ("repo", self.path)];
        fatal::info("Querying registry for image tags", &about);
        let mut tags = tags(name, self.access)?;
        tags.retain(|tag| is_wanted(tag));
        Ok(tagged(name, &tags))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_the_man_page_writes_it() {
        let file: File = yaml::parse(
            "registry.example.com:\n  images:\n    busybox: []\n    redis:\n      - \"1.0\"\n      - \"sha256:0\"\n  \
             images-by-tag-regex:\n    nginx: ^1\\.13\\.[12]-alpine-perl$\n  credentials:\n    username: john\n    \
             password: this is a secret\n  tls-verify: true\n  cert-dir: /home/john/certs\nquay.io:\n  \
             tls-verify: false\n  images-by-semver:\n    alpine: \">= 3.12.0\"\n",
        )
        .unwrap();
        let registry = &file["registry.example.com"];
        let images = registry.images.as_ref().unwrap();
        assert_eq!(images["redis"].as_ref().unwrap()[0], "1.0");
        assert_eq!(images["busybox"].as_ref().unwrap().len(), 0);
        assert_eq!(registry.credentials.as_ref().unwrap().username, "john");
        assert_eq!(file["quay.io"].tls_verify, Some(false));
        assert!(yaml::parse::<File>("a:\n  imges: {}\n").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-z:\\- \n\"\\[\\]{}0-9]{0,200}") {
            let _ = yaml::parse::<File>(&text);
        }
    }
}
