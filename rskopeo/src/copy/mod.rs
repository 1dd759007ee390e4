//! Copying one image, or an index with its instances: fetch ▸ verify ▸ (re)compress when needed ▸ write.
//!
//! Each blob passes once through memory, in a buffer's worth at a time; blobs pass in parallel. The manifest is written when
//! every blob that it names is whole, and the destination shows the image only after `commit`.

mod blobs;
mod convert;
mod copied;
mod formats;
mod options;
mod plan;
mod progress;
mod schema1;
#[cfg(test)]
mod tests;
mod under_way;

use anyhow::{Context, Result, bail};

use crate::digest::Digest;
use crate::manifest::{Index, RawManifest};
use crate::signature::{Admitted, Signature};
use crate::transport::{Destination, Lifted, Place, Source};

use copied::Copied;
pub use options::{MultiArch, Options, PARALLEL};
pub use under_way::UnderWay;

/// Copies and commits; the copied manifest is given back.
pub fn image(
    source: &dyn Source,
    destination: Box<dyn Destination>,
    options: &Options,
) -> Result<RawManifest> {
    let top = source.manifest(None).with_context(|| {
        let source = options.trust.source();
        format!("determining manifest MIME type for {source}")
    })?;
    let whole = !top.is_index() || options.multi_arch == MultiArch::All;
    if whole && is_there(&*destination, &top, options)? {
        return Ok(top);
    }
    let written = match (top.is_index(), options.multi_arch) {
        (false, _) => one(
            source,
            &*destination,
            &top,
            Place::Top { chosen_from: None },
            options,
        )?,
        (true, MultiArch::System) => {
            let index = Index::parse(&top)?;
            let chosen = index.choose(&options.platform).with_context(|| {
                let source = options.trust.source();
                format!("choosing an image from manifest list {source}")
            })?;
            let instance = instance(source, &top, chosen.digest.clone())?;
            if is_there(&*destination, &instance, options)? {
                return Ok(instance);
            }
            one(
                source,
                &*destination,
                &instance,
                Place::Top {
                    chosen_from: Some(&top),
                },
                options,
            )?
        }
        (true, which) => all(source, &*destination, &top, which, options)?,
    };
    destination
        .commit()
        .context("committing the finished image")?;
    source.done();
    Ok(written)
}

/// Whether there is nothing to do.
fn is_there(
    destination: &dyn Destination,
    manifest: &RawManifest,
    options: &Options,
) -> Result<bool> {
    if !options.unless_there
        || options.trust.signs()
        || options.format.is_some()
        || !destination.has_image(manifest)?
    {
        return Ok(false);
    }
    say(options, "Skipping: image already present at destination")?;
    Ok(true)
}

fn instance(source: &dyn Source, index: &RawManifest, digest: Digest) -> Result<RawManifest> {
    let read = || {
        let manifest = source.manifest(Some(&digest))?;
        manifest.verify(&digest)?;
        if manifest.is_index() {
            bail!("{digest} is an index within an index");
        }
        Ok(manifest)
    };
    read().with_context(|| format!("reading manifest {digest} of the index {}", index.digest()))
}

fn all(
    source: &dyn Source,
    destination: &dyn Destination,
    top: &RawManifest,
    which: MultiArch,
    options: &Options,
) -> Result<RawManifest> {
    if !destination.takes_indexes() {
        bail!(
            "copying multiple images: destination transport {:?} does not support copying multiple images as a group: leave out --all",
            options.trust.destination().transport()
        );
    }
    let signatures = carried(
        options.trust.index(source, top),
        destination,
        options,
        "image list",
    )?;
    let index = Index::parse(top)?;
    let mut changes = Vec::new();
    if which == MultiArch::All {
        let total = index.manifests.len();
        say(
            options,
            &format!("Copying {total} images generated from {total} images in list"),
        )?;
        for (n, digest) in index.digests().enumerate() {
            say(
                options,
                &format!("Copying image {digest} ({}/{total})", n + 1),
            )?;
            let manifest = instance(source, top, digest.clone())?;
            let written = one(source, destination, &manifest, Place::Instance, options)?;
            if written.bytes != manifest.bytes {
                changes.push((digest.clone(), written));
            }
        }
    }
    let place = Place::Top { chosen_from: None };
    let fixed = fixed(&signatures, options);
    let top = copied::put_index(destination, top, &changes, fixed, options)?;
    say(options, "Storing list signatures")?;
    sign(destination, &top, signatures, place, options)?;
    Ok(top)
}

/// Why a manifest must stay what it is, if it must.
fn fixed(signatures: &[Signature], options: &Options) -> Option<&'static str> {
    match (options.preserve_digests, signatures.is_empty()) {
        (true, _) => Some("Instructed to preserve digests"),
        (false, false) => Some("Would invalidate signatures"),
        (false, true) => None,
    }
}

/// Copies the blobs of one image and puts its manifest.
fn one(
    source: &dyn Source,
    destination: &dyn Destination,
    manifest: &RawManifest,
    place: Place<'_>,
    options: &Options,
) -> Result<RawManifest> {
    let digest = manifest.digest();
    let instance = match place {
        Place::Top { chosen_from: None } => None,
        Place::Top { .. } | Place::Instance => Some(&digest),
    };
    // Before anything of the manifest is understood.
    let admitted = options.trust.admit(source, manifest, instance)?;
    let signatures = carried(admitted, destination, options, "image")?;
    let fixed = fixed(&signatures, options);
    let copied = if !manifest.is_schema1() {
        Copied::of(source, destination, manifest, fixed, options)?
    } else if schema1::stays(destination, fixed, options)? {
        let kept = schema1::keep(source, destination, manifest, fixed, options)?;
        Copied::Kept(kept)
    } else {
        let lifted = Lifted::read(source, manifest, options.tmpdir.as_deref())?;
        Copied::of(&lifted, destination, &lifted.manifest, None, options)?
    };
    let manifest = copied.put(destination, place, options)?;
    sign(destination, &manifest, signatures, place, options)?;
    Ok(manifest)
}

/// The signatures of the source that go along, once it is known that the destination takes them.
fn carried(
    admitted: Admitted<'_>,
    destination: &dyn Destination,
    options: &Options,
    what: &str,
) -> Result<Vec<Signature>> {
    if !options.trust.removes_signatures() {
        say(options, &format!("Getting {what} source signatures"))?;
    }
    let signatures = admitted.carried()?;
    if !signatures.is_empty() {
        say(
            options,
            &format!("Checking if {what} destination supports signatures"),
        )?;
        destination.takes_signatures().context(
            "Can not copy signatures to the destination (--remove-signatures leaves them behind)",
        )?;
    }
    Ok(signatures)
}

/// Adds the signatures that are asked for, and puts all of them.
fn sign(
    destination: &dyn Destination,
    manifest: &RawManifest,
    mut signatures: Vec<Signature>,
    place: Place<'_>,
    options: &Options,
) -> Result<()> {
    signatures.extend(options.trust.sign(manifest, |line| say(options, line))?);
    if !signatures.is_empty() {
        let which = if manifest.is_index() { "list " } else { "" };
        say(options, &format!("Storing {which}signatures"))?;
        destination
            .put_signatures(&signatures, &manifest.digest(), place)
            .context("writing signatures")?;
    }
    Ok(())
}

/// One line of what is being done, on stdout as skopeo prints it.
fn say(options: &Options, line: &str) -> Result<()> {
    options.output.line(line)
}
