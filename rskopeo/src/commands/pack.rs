//! `pack BUNDLE IMAGE`: what has changed in a bundle's rootfs becomes a layer on top of the image that it was unpacked from.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;

use crate::bundle::{Layer, Packed, Record};
use crate::cli::{Global, Pack};
use crate::copy::{self, Options};
use crate::fatal;
use crate::layer;
use crate::manifest::{History, Image, ImageConfig, RawManifest};
use crate::platform::Platform;
use crate::reference::Reference;
use crate::signature::{Terms, Trust};
use crate::store::store_lock;
use crate::transport::{self, Access, BlobStream, Source, Writing};

pub fn run(global: &Global, args: &Pack) -> Result<()> {
    let destination = super::parse_image(&args.image)?;
    let access = args.access.resolve(global)?;
    let record = Record::read(&args.bundle)?;
    let (base, manifest, _lock) = base(args, &record, &destination, &access)?;
    let config = config(&*base, &manifest)?;
    let rootfs = rootfs(args)?;
    let layer = layer(args, &record, &config, &rootfs, &access)?;
    let history = history(args, &config, layer.is_none())?;
    let packed = Packed::new(&*base, &manifest, layer, history)?;

    let place = transport::open_destination(&destination, &access, &Writing::default())
        .with_context(|| format!("initializing destination {destination}"))?;
    // The image is made here; a policy is about images that come from elsewhere.
    let trust = Trust::between(Terms::anything(), &destination, &destination);
    let options = Options::quiet(Platform::chosen(global), trust);
    let written = copy::image(&packed, place, &options)?;
    if args.refresh_bundle {
        let place = destination.absolute()?.to_string();
        let mtree = layer::describe(&rootfs)?;
        record.refresh(&args.bundle, written.descriptor(), place, &mtree)?;
    }
    Ok(())
}

/// The image that the bundle is of, and its manifest: in the destination's layout, or where it was unpacked from.
fn base(
    args: &Pack,
    record: &Record,
    destination: &Reference,
    access: &Access,
) -> Result<(Box<dyn Source>, RawManifest, Option<File>)> {
    let wanted = record.manifest()?;
    if args.from.is_none()
        && let Reference::Oci { path, .. } = destination
    {
        let layout = transport::open_layout(path, wanted.clone());
        if let Ok(manifest) = layout.manifest(None) {
            return Ok((layout, manifest, store_lock(path)?));
        }
    }
    let Some(from) = args.from.as_deref().or(record.image()) else {
        bail!(
            "image {} is not in {destination}: say with --from where it is",
            wanted.digest
        );
    };
    let read = || -> Result<_> {
        let reference = super::parse_image(from)?;
        let lock = match &reference {
            Reference::Oci { path, .. } => store_lock(path)?,
            _ => None,
        };
        let source = transport::open_lifted(&reference, access)?;
        let mut manifest = source.manifest(None)?;
        if manifest.digest() != wanted.digest {
            manifest = source.manifest(Some(&wanted.digest))?;
            manifest.verify(&wanted.digest)?;
        }
        Ok((source, manifest, lock))
    };
    read().with_context(|| {
        format!(
            "finding image {}, of which {} is a bundle, at {from} (say with --from where else it is)",
            wanted.digest,
            args.bundle.display()
        )
    })
}

fn config(base: &dyn Source, manifest: &RawManifest) -> Result<ImageConfig> {
    let image = Image::parse(manifest)?;
    let stream = BlobStream::verified(base.blob(&image.config)?, &image.config);
    ImageConfig::parse(&stream.into_bytes()?)
}

fn rootfs(args: &Pack) -> Result<OwnedFd> {
    let path = args.bundle.join("rootfs");
    let directory = File::open(&path).with_context(|| format!("open {}", path.display()))?;
    Ok(directory.into())
}

/// None if nothing has changed.
fn layer(
    args: &Pack,
    record: &Record,
    config: &ImageConfig,
    rootfs: &OwnedFd,
    access: &Access,
) -> Result<Option<Layer>> {
    let mut masked: Vec<Vec<u8>> = args
        .mask_path
        .iter()
        .map(|path| path.as_os_str().as_bytes().to_vec())
        .collect();
    if !args.no_mask_volumes {
        masked.extend(config.config.volumes.keys().map(|path| path.clone().into()));
    }
    let changes = layer::changes(rootfs, record.mtree(&args.bundle)?, &masked)
        .context("comparing the rootfs with the image")?;
    if changes.is_empty() {
        return Ok(None);
    }
    let file = transport::spool(access.tmpdir.as_deref())?;
    let (layer, sockets) = Layer::spooled(file, |mut output| {
        layer::pack(rootfs, &changes, &record.owners(), &mut output).context("packing the rootfs")
    })?;
    if sockets > 0 {
        fatal::warn(&format!(
            "{sockets} sockets were left out: a layer cannot hold them"
        ));
    }
    Ok(Some(layer))
}

fn history(args: &Pack, config: &ImageConfig, empty_layer: bool) -> Result<Option<History>> {
    if args.no_history {
        return Ok(None);
    }
    let created = match &args.history_created {
        Some(time) => time
            .parse::<Timestamp>()
            .with_context(|| format!("--history.created {time:?} is not a time of RFC 3339"))?,
        None => Timestamp::now(),
    };
    let author = args.history_author.as_ref().or(config.author.as_ref());
    let created_by = args.history_created_by.as_deref();
    Ok(Some(History {
        created: Some(created.to_string()),
        created_by: created_by.unwrap_or("rskopeo pack").to_owned(),
        author: author.cloned().unwrap_or_default(),
        comment: args.history_comment.clone().unwrap_or_default(),
        empty_layer,
    }))
}
