//! What a list says of itself and of its images: podman-manifest-annotate(1).

use anyhow::Result;
use serde_json::{Value, json};

use super::{List, change};
use crate::engine::Context;

/// What is said of one image of a list.
#[derive(Clone, Debug, Default)]
pub struct About {
    pub annotations: Vec<(String, String)>,
    pub arch: Option<String>,
    pub features: Vec<String>,
    pub os: Option<String>,
    pub os_features: Vec<String>,
    pub os_version: Option<String>,
    pub variant: Option<String>,
}

/// The image with which a list is associated.
#[derive(Clone, Debug)]
pub struct Subject {
    pub media_type: String,
    pub digest: String,
    pub size: u64,
}

/// Says more of the images with these digests.
pub fn annotate(ctx: &Context, text: &str, digests: &[String], about: &About) -> Result<List> {
    let (list, ()) = change(ctx, text, |list| {
        for digest in digests {
            let at = list.position(digest)?;
            about.tell(&mut list.value["manifests"][at]);
        }
        Ok(())
    })?;
    Ok(list)
}

impl About {
    fn tell(&self, instance: &mut Value) {
        for (key, value) in &self.annotations {
            instance["annotations"][key] = value.as_str().into();
        }
        for (key, value) in [
            ("architecture", &self.arch),
            ("os", &self.os),
            ("os.version", &self.os_version),
            ("variant", &self.variant),
        ] {
            if let Some(value) = value {
                instance["platform"][key] = value.as_str().into();
            }
        }
        for (key, values) in [
            ("features", &self.features),
            ("os.features", &self.os_features),
        ] {
            if !values.is_empty() {
                instance["platform"][key] = json!(values);
            }
        }
    }
}

/// Says more of the list itself.
pub fn annotate_index(
    ctx: &Context,
    text: &str,
    annotations: &[(String, String)],
    subject: Option<&Subject>,
) -> Result<List> {
    let (list, ()) = change(ctx, text, |list| {
        for (key, value) in annotations {
            list.value["annotations"][key] = value.as_str().into();
        }
        if let Some(subject) = subject {
            list.value["subject"] = json!({
                "mediaType": subject.media_type,
                "digest": subject.digest,
                "size": subject.size,
            });
        }
        Ok(())
    })?;
    Ok(list)
}

impl Subject {
    /// An image of the store.
    pub fn of(ctx: &Context, name: &str) -> Result<Subject> {
        let image = super::super::find(ctx, name)?;
        Ok(Subject {
            size: image.manifest_size()?,
            media_type: image.media_type,
            digest: image.digest,
        })
    }
}
