//! Which images a sync is about.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::yaml;
use crate::fatal;
use crate::reference::{Name, Reference};
use crate::transport::{self, Access};

/// Images of one repository, or of one directory.
#[derive(Debug)]
pub struct Batch {
    pub images: Vec<Reference>,
    pub access: Access,
    /// The directory that the images were looked for in.
    pub base: Option<PathBuf>,
}

impl Batch {
    /// What tells an image from others of its source, in names at the destination.
    pub fn suffix(&self, image: &Reference) -> String {
        match image {
            Reference::Docker(name) => name.to_string(),
            Reference::Dir { path } => {
                let base = self.base.as_deref().unwrap_or(Path::new(""));
                let below = path.strip_prefix(base).unwrap_or(path);
                let below = match below.as_os_str().is_empty() {
                    // The directory is itself an image.
                    true => Path::new(base.file_name().unwrap_or_default()),
                    false => below,
                };
                below.to_string_lossy().into_owned()
            }
            other => other.to_string(),
        }
    }
}

/// Finds the images of `source`, which is of `transport`.
pub fn batches(transport: &str, source: &str, access: &Access) -> Result<Vec<Batch>> {
    match transport {
        "docker" => Ok(vec![repository_or_image(source, access)?]),
        "dir" => Ok(vec![directory(Path::new(source), access)?]),
        _ => yaml::batches(Path::new(source), access),
    }
}

fn repository_or_image(source: &str, access: &Access) -> Result<Batch> {
    let name: Name = source.parse().with_context(|| {
        format!("Cannot obtain a valid image reference for transport \"docker\" and reference {source:?}")
    })?;
    let tagged_or_digested = name.tag.is_some() || name.digest.is_some();
    fatal::info(
        "Tag presence check",
        &[
            ("imagename", source),
            ("tagged", &tagged_or_digested.to_string()),
        ],
    );
    let images = match tagged_or_digested {
        true => vec![Reference::Docker(name)],
        false => tagged(&name, &tags(&name, access)?),
    };
    if images.is_empty() {
        bail!("No images to sync found in {source:?}");
    }
    Ok(Batch {
        images,
        access: access.clone(),
        base: None,
    })
}

pub fn tags(repository: &Name, access: &Access) -> Result<Vec<String>> {
    fatal::info("Getting tags", &[("image", &repository.repository())]);
    let reference = Reference::Docker(repository.clone());
    transport::list_tags(&reference, access).with_context(|| {
        let repository = repository.repository();
        format!("Error determining repository tags for repo {repository}")
    })
}

pub fn tagged(repository: &Name, tags: &[String]) -> Vec<Reference> {
    let image = |tag: &String| {
        Reference::Docker(Name {
            tag: Some(tag.clone()),
            ..repository.clone()
        })
    };
    tags.iter().map(image).collect()
}

fn directory(base: &Path, access: &Access) -> Result<Batch> {
    fs::metadata(base).with_context(|| {
        format!(
            "Invalid source directory specified: stat {}",
            base.display()
        )
    })?;
    let mut images = Vec::new();
    find_images(base, &mut images)
        .with_context(|| format!("Error walking the path {:?}", base.display().to_string()))?;
    if images.is_empty() {
        bail!(
            "No images to sync found in {:?}",
            base.display().to_string()
        );
    }
    Ok(Batch {
        images,
        access: access.clone(),
        base: Some(base.to_owned()),
    })
}

/// Directories with a `manifest.json`, in the order of their names; there is none within another.
fn find_images(directory: &Path, images: &mut Vec<Reference>) -> Result<()> {
    if directory.join("manifest.json").is_file() {
        images.push(Reference::Dir {
            path: directory.to_owned(),
        });
        return Ok(());
    }
    let mut below: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            below.push(entry.path());
        }
    }
    below.sort();
    below
        .iter()
        .try_for_each(|directory| find_images(directory, images))
}
