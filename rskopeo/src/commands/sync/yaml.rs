//! The YAML file of `sync --src yaml` (skopeo-sync(1) "YAML file content"): registries, and which images of each.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
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
        let found = listed
            .map(|(path, refs)| (path, listed_images(host, path, refs.as_deref(), access)))
            .chain(by_regex.map(|(path, regex)| (path, by_tag_regex(host, path, regex, access))))
            .chain(
                by_version.map(|(path, version)| (path, by_semver(host, path, version, access))),
            );
        let mut batches = Vec::new();
        let mut any = false;
        for (path, images) in found {
            any = true;
            match images.with_context(|| format!("Error processing repo {host}/{path}, skipping")) {
                Ok(images) if images.is_empty() => {
                    fatal::warn(&format!("No refs to sync found in {host}/{path}"));
                }
                Ok(images) => batches.push(Batch {
                    images,
                    access: access.clone(),
                    base: None,
                }),
                Err(error) => fatal::error(&error),
            }
        }
        if !any {
            fatal::warn(&format!("No images specified for registry {host}"));
        }
        batches
    }
}

fn repository(host: &str, path: &str) -> Result<Name> {
    let name: Name = format!("{host}/{path}").parse()?;
    anyhow::ensure!(
        name.tag.is_none() && name.digest.is_none(),
        "input names a reference, not a repository"
    );
    Ok(name)
}

fn listed_images(
    host: &str,
    path: &str,
    refs: Option<&[String]>,
    access: &Access,
) -> Result<Vec<Reference>> {
    let name = repository(host, path)?;
    let refs = refs.unwrap_or_default();
    if refs.is_empty() {
        return Ok(tagged(&name, &tags(&name, access)?));
    }
    let image = |text: &String| -> Result<Reference> {
        Ok(Reference::Docker(match text.parse::<Digest>() {
            Ok(_) => format!("{host}/{path}@{text}").parse()?,
            Err(_) => format!("{host}/{path}:{text}").parse()?,
        }))
    };
    let mut images = Vec::new();
    for text in refs {
        match image(text).with_context(|| format!("Error processing ref {text:?}, skipping")) {
            Ok(image) => images.push(image),
            Err(error) => fatal::error(&error),
        }
    }
    Ok(images)
}

fn by_tag_regex(host: &str, path: &str, regex: &str, access: &Access) -> Result<Vec<Reference>> {
    let regex = Regex::new(regex).with_context(|| format!("error parsing regexp {regex:?}"))?;
    let name = repository(host, path)?;
    let mut tags = tags(&name, access)?;
    tags.retain(|tag| regex.is_match(tag));
    Ok(tagged(&name, &tags))
}

fn by_semver(host: &str, path: &str, wanted: &str, access: &Access) -> Result<Vec<Reference>> {
    let wanted: Constraint = wanted
        .parse()
        .with_context(|| format!("improper constraint: {wanted}"))?;
    let name = repository(host, path)?;
    let mut tags = tags(&name, access)?;
    tags.retain(|tag| {
        tag.parse::<Version>()
            .is_ok_and(|version| wanted.takes(&version))
    });
    Ok(tagged(&name, &tags))
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
