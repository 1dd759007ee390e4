//! Artifacts: files that are kept and passed on as images are, podman-artifact(1).
//!
//! They lie in `ROOT/artifacts`, an OCI image layout. An artifact is a manifest whose layers are the files, each a blob as it is, with
//! its name in the annotation `org.opencontainers.image.title`; it has no configuration (image-spec, manifest.md, "Guidelines for
//! Artifact Usage"). [`add`] makes one from files, [`transfer`] has rskopeo move it, [`extract`] writes its files.

pub mod add;
pub mod check;
mod extract;
pub mod media_type;
pub mod mount;
mod name;
mod remove;
mod transfer;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

pub use add::{Adding, add};
pub use extract::extract;
pub use remove::{remove, remove_all};
pub use transfer::{pull, push};

use super::Context;
use super::layout::index::Descriptor;
use super::layout::{Index, Layout, hex};
use crate::store::near::Missing;
use crate::store::readable::Readable;

pub const TITLE: &str = "org.opencontainers.image.title";
const CREATED: &str = "org.opencontainers.image.created";

#[derive(Debug, Error)]
pub enum ArtifactError {
    #[error("{}: artifact does not exist{}", .0.name, .0)]
    None(Missing),
    #[error("multiple artifacts found with matching digest: {0}: give more of it")]
    Ambiguous(String),
}

#[derive(Clone, Debug)]
pub struct Artifact {
    /// The full name; empty for one that another tool has put there without.
    pub name: String,
    /// Of the manifest, `sha256:…`.
    pub digest: String,
    pub manifest: Value,
}

/// One of an artifact's files that is meant, of several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choice {
    pub digest: Option<String>,
    pub title: Option<String>,
}

/// A file of an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub digest: String,
    /// What it is called where it is written to a directory: safe to be joined to a path.
    pub name: String,
}

/// Every artifact that can be read, in the order of the index. What is damaged is told.
pub fn all(ctx: &Context) -> Result<Vec<Artifact>> {
    Ok(readable(ctx)?.told())
}

fn readable(ctx: &Context) -> Result<Readable<Artifact>> {
    let layout = Layout::artifacts(&ctx.store);
    let index = layout.index()?;
    let mut all = Readable::default();
    for entry in &index.manifests {
        all.add(load(&layout, &index, entry).map(Some));
    }
    Ok(all)
}

fn load(layout: &Layout, index: &Index, entry: &Descriptor) -> Result<Artifact> {
    let manifest = layout.read(&entry.digest);
    Ok(Artifact {
        name: entry.name().unwrap_or_default().to_owned(),
        digest: entry.digest.clone(),
        manifest: manifest.map_err(|error| layout.damaged(index, &entry.digest, error))?,
    })
}

/// The artifact that a full name, a digest or the beginning of a digest stands for.
pub fn find(ctx: &Context, text: &str) -> Result<Artifact> {
    let layout = Layout::artifacts(&ctx.store);
    let index = layout.index()?;
    load(&layout, &index, entry(&index, text)?)
}

/// Where the index has it. For that its manifest may be damaged.
fn entry<'i>(index: &'i Index, text: &str) -> Result<&'i Descriptor> {
    let entries = index.manifests.iter();
    let missing = |text: &str| ArtifactError::None(Missing::among(text, index.names()));
    if let Ok(name) = name::parse(text) {
        let is_named =
            |entry: &&Descriptor| name::is(&name, entry.name().unwrap_or_default(), &entry.digest);
        // It is missed as it was looked for, with its tag.
        let found = entries.clone().find(is_named);
        return Ok(found.ok_or_else(|| missing(&name.to_string()))?);
    }
    let prefix = text.strip_prefix("sha256:").unwrap_or(text);
    let is_meant = |entry: &&Descriptor| {
        !prefix.is_empty() && hex(&entry.digest).is_ok_and(|hex| hex.starts_with(prefix))
    };
    match entries.filter(is_meant).collect::<Vec<_>>()[..] {
        [] => Err(missing(text).into()),
        [entry] => Ok(entry),
        ref several => {
            let names: Vec<&str> = several.iter().filter_map(|entry| entry.name()).collect();
            Err(ArtifactError::Ambiguous(names.join(", ")).into())
        }
    }
}

impl Artifact {
    pub fn layers(&self) -> &[Value] {
        self.manifest["layers"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }

    /// Bytes of all its files.
    pub fn size(&self) -> u64 {
        self.layers()
            .iter()
            .filter_map(|layer| layer["size"].as_u64())
            .sum()
    }

    /// When it was made, if it says so (RFC 3339).
    pub fn created(&self) -> Option<&str> {
        self.manifest["annotations"][CREATED].as_str()
    }

    /// Its files, or the one that is meant.
    pub fn files(&self, choice: &Choice) -> Result<Vec<File>> {
        if self.layers().is_empty() {
            bail!("the artifact has no blobs, nothing to extract");
        }
        match (&choice.digest, &choice.title) {
            (Some(_), Some(_)) => bail!("cannot specify both digest and title"),
            (None, None) => self.every_file(),
            (None, Some(wanted)) => {
                let layer = self.only("title", wanted, |layer| title(layer) == Some(wanted))?;
                Ok(vec![File::new(digest(layer), wanted)?])
            }
            (Some(wanted), None) => {
                let layer = self.only("digest", wanted, |layer| digest(layer) == wanted)?;
                // It is called by its digest, whatever its title.
                Ok(vec![File::new(digest(layer), "")?])
            }
        }
    }

    fn every_file(&self) -> Result<Vec<File>> {
        let mut files: Vec<File> = Vec::new();
        for layer in self.layers() {
            let title = title(layer).unwrap_or_default();
            let file = File::new(digest(layer), title)?;
            if files.iter().any(|other| other.name == file.name) {
                bail!(
                    "annotation {TITLE:?}:{title:?} is used in multiple different layers within artifact"
                );
            }
            files.push(file);
        }
        Ok(files)
    }

    /// The one layer that is meant.
    fn only(&self, what: &str, wanted: &str, is_meant: impl Fn(&Value) -> bool) -> Result<&Value> {
        let mut found = self.layers().iter().filter(|layer| is_meant(layer));
        let Some(layer) = found.next() else {
            bail!("no blob with the {what} {wanted:?}");
        };
        if found.next().is_some() {
            bail!("more than one match for the {what} {wanted:?}");
        }
        Ok(layer)
    }
}

fn title(layer: &Value) -> Option<&str> {
    layer["annotations"][TITLE].as_str()
}

fn digest(layer: &Value) -> &str {
    layer["digest"].as_str().unwrap_or_default()
}

impl File {
    /// The title is whoever's who made the artifact: it names a file in a directory, and nothing else.
    fn new(digest: &str, title: &str) -> Result<File> {
        hex(digest)?;
        let name = match title {
            "" => digest.replace(':', "-"),
            title => title.to_owned(),
        };
        if name.contains('/') {
            bail!("invalid name: {name:?} cannot contain /: artifact blob title invalid");
        }
        if name == "." || name == ".." || name.contains('\0') {
            bail!("invalid name: {name:?} names no file: artifact blob title invalid");
        }
        Ok(File {
            digest: digest.to_owned(),
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn artifact(titles: &[&str]) -> Artifact {
        let layer = |(number, title): (usize, &&str)| {
            let digest = format!("sha256:{}", number.to_string().repeat(64));
            match *title {
                "" => json!({ "digest": digest, "size": 2 }),
                title => json!({ "digest": digest, "size": 2, "annotations": { TITLE: title } }),
            }
        };
        let layers: Vec<Value> = titles.iter().enumerate().map(layer).collect();
        Artifact {
            name: String::new(),
            digest: String::new(),
            manifest: json!({ "layers": layers }),
        }
    }

    #[test]
    fn files_are_chosen_by_title_or_digest() {
        let artifact = artifact(&["a", "b", ""]);
        assert_eq!(artifact.size(), 6);
        let names = |choice: Choice| -> Result<Vec<String>> {
            Ok(artifact
                .files(&choice)?
                .into_iter()
                .map(|file| file.name)
                .collect())
        };
        let zeros = format!("sha256:{}", "0".repeat(64));
        let twos = format!("sha256-{}", "2".repeat(64));
        let by_title = |title: &str| Choice {
            title: Some(title.to_owned()),
            ..Choice::default()
        };
        assert_eq!(names(Choice::default()).unwrap(), ["a", "b", &twos]);
        assert_eq!(names(by_title("b")).unwrap(), ["b"]);
        assert!(names(by_title("c")).is_err());
        let by_digest = Choice {
            digest: Some(zeros.clone()),
            ..Choice::default()
        };
        assert_eq!(names(by_digest.clone()).unwrap(), [zeros.replace(':', "-")]);
        let both = Choice {
            title: Some("a".to_owned()),
            ..by_digest
        };
        assert!(names(both).is_err());
    }

    #[test]
    fn a_title_leads_nowhere() {
        for evil in ["../x", "/etc/passwd", "..", ".", "a\0b"] {
            assert!(
                artifact(&[evil]).files(&Choice::default()).is_err(),
                "{evil}"
            );
        }
        assert!(artifact(&["a", "a"]).files(&Choice::default()).is_err());
        assert!(artifact(&[]).files(&Choice::default()).is_err());
    }
}
