//! An image whose layers are at the destination, and whose manifest and config are still to come, in a format that is taken there.

use anyhow::{Context, Error, Result, anyhow, bail};

use super::plan::Plan;
use super::{Options, blobs, formats, say, schema1};
use crate::digest::Digest;
use crate::manifest::{Format, Image, RawManifest, Replacement};
use crate::registry::ManifestInvalid;
use crate::transport::{Destination, Place, Source};

pub enum Copied {
    /// Nothing is to be made of it.
    Kept(RawManifest),
    Made(Box<Made>),
}

pub struct Made {
    /// As the source has it.
    manifest: RawManifest,
    image: Image,
    plan: Plan,
    layers: Vec<Option<Replacement>>,
}

impl Copied {
    /// Copies the layers that the manifest names.
    pub fn of(
        source: &dyn Source,
        destination: &dyn Destination,
        manifest: &RawManifest,
        fixed: Option<&'static str>,
        options: &Options,
    ) -> Result<Self> {
        let image = Image::parse(manifest)?;
        let mut read = image.clone();
        if let Some(layers) = source.layers_as_read(&image)? {
            read.layers = layers;
        }
        if let (Some(reason), true) = (fixed, read != image) {
            bail!(
                "Copying this image would require changing layer representation, which we cannot do: {reason:?}"
            );
        }
        let plan = Plan::make(source, destination, read, fixed, options)?;
        let layers = blobs::layers(source, destination, &plan, options)?;
        Ok(Self::Made(Box::new(Made {
            manifest: manifest.clone(),
            image,
            plan,
            layers,
        })))
    }

    /// Writes config and manifest, in another format where the first one is not taken.
    pub fn put(
        self,
        destination: &dyn Destination,
        place: Place<'_>,
        options: &Options,
    ) -> Result<RawManifest> {
        let put = |manifest: RawManifest| {
            say(options, "Writing manifest to image destination")?;
            let put = destination.put_manifest(&manifest, place);
            put.map(|()| manifest).context("writing manifest")
        };
        let made = match self {
            Self::Kept(manifest) => return put(manifest),
            Self::Made(made) => made,
        };
        in_a_format_that_is_taken(
            "manifest",
            &made.plan.formats,
            Format::media_type,
            |format| made.manifest(destination, format, options).and_then(put),
        )
    }
}

/// Writes an index whose instances are there, with what became of them, and in another format where the first one is not taken.
pub fn put_index(
    destination: &dyn Destination,
    top: &RawManifest,
    changes: &[(Digest, RawManifest)],
    fixed: Option<&'static str>,
    options: &Options,
) -> Result<RawManifest> {
    let mut formats = formats::of_index(top, formats::accepted(destination, options), options)?;
    if fixed.is_some() {
        formats.truncate(1);
    }
    in_a_format_that_is_taken("manifest list", &formats, Format::index_type, |format| {
        let index = match (top.with_instances(changes, format)?, fixed) {
            (None, _) => top.clone(),
            (Some(edited), None) => edited,
            (Some(_), Some(reason)) => {
                bail!("Manifest list must be edited, but we cannot modify it: {reason:?}")
            }
        };
        say(options, "Writing manifest list to image destination")?;
        let place = Place::Top { chosen_from: None };
        let put = destination.put_manifest(&index, place);
        put.map(|()| index).context("writing the manifest list")
    })
}

impl Made {
    /// Writes the config; gives the manifest that names what became of it all.
    fn manifest(
        &self,
        destination: &dyn Destination,
        format: Format,
        options: &Options,
    ) -> Result<RawManifest> {
        let (copied, config) = self.plan.finish(format, &self.layers)?;
        if format == Format::DockerSchema1 {
            return schema1::make(destination, &copied, &config);
        }
        say(options, &format!("Copying config {}", copied.config.digest))?;
        blobs::config(destination, &copied.config, config, options)?;
        match copied == self.image {
            true => Ok(self.manifest.clone()),
            false => copied.serialize(),
        }
    }
}

/// Writes it in the first format, and in the next ones where it may be the format that the destination did not like.
fn in_a_format_that_is_taken(
    what: &str,
    formats: &[Format],
    kind: impl Fn(Format) -> &'static str,
    write: impl Fn(Format) -> Result<RawManifest>,
) -> Result<RawManifest> {
    let is_refused = |error: &Error| error.chain().any(|cause| cause.is::<ManifestInvalid>());
    let mut refusals = Vec::new();
    for format in formats {
        match write(*format) {
            Err(error) if !refusals.is_empty() || is_refused(&error) => {
                refusals.push((kind(*format), error));
            }
            settled => return settled,
        }
    }
    Err(all_refused(what, refusals))
}

fn all_refused(what: &str, mut refusals: Vec<(&str, Error)>) -> Error {
    if refusals.len() == 1 {
        return refusals.remove(0).1;
    }
    let told = |(kind, error): &(&str, Error)| format!("{kind}({error:#})");
    let told: Vec<String> = refusals.iter().map(told).collect();
    anyhow!(
        "Uploading {what} failed, attempted the following formats: {}",
        told.join(", ")
    )
}
