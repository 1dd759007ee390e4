//! `unpack IMAGE BUNDLE`: from an image to a bundle that a runtime starts; `unpack --layers IMAGE DIR`: to unpacked layers.

use std::os::fd::AsFd;

use anyhow::{Context, Result, bail};

use crate::bounds;
use crate::bundle::{Isolation, NewBundle, Record, runtime_config};
use crate::cli::{Global, Signing, Unpack};
use crate::encryption;
use crate::fatal;
use crate::layer::{self, Extractor, Form, IdMap, Options, Owners};
use crate::manifest::{Descriptor, Image, ImageConfig, Index, RawManifest};
use crate::platform::Platform;
use crate::reference::Reference;
use crate::signature::{Terms, Trust};
use crate::store::{Layers, store_lock};
use crate::transport::{BlobStream, Lifted, Source, open_source};

pub fn run(global: &Global, args: &Unpack) -> Result<()> {
    let reference = super::parse_image(&args.image)?;
    // An image layout may be a store, whose sweep must not take blobs while they are read.
    let _lock = match &reference {
        Reference::Oci { path, .. } => store_lock(path)?,
        _ => None,
    };
    let access = args.access.resolve(global)?;
    let mut source = open_source(&reference, &access)?;
    let chosen = Chosen::of(&*source, &Platform::chosen(global))?;
    admit(global, &reference, &*source, &chosen)?;
    let mut manifest = chosen.manifest;
    if manifest.is_schema1() {
        let lifted = Lifted::read(&*source, &manifest, access.tmpdir.as_deref())?;
        manifest = lifted.manifest.clone();
        source = Box::new(lifted);
    }
    let image = Opened::read(&*source, &manifest, chosen.walk)
        .with_context(|| format!("reading image {}", args.image))?;
    if args.layers {
        unpack_layers(args, &image)
    } else {
        let from = reference.absolute()?.to_string();
        unpack_bundle(args, &image, from)
    }
}

/// The manifest of the image that the name stands for, here.
struct Chosen {
    manifest: RawManifest,
    /// From what the name stands for to the manifest.
    walk: Vec<Descriptor>,
}

impl Chosen {
    fn of(source: &dyn Source, platform: &Platform) -> Result<Self> {
        let mut manifest = source.manifest(None)?;
        let mut walk = vec![manifest.descriptor()];
        if manifest.is_index() {
            let digest = Index::parse(&manifest)?.choose(platform)?.digest.clone();
            manifest = source.manifest(Some(&digest))?;
            manifest.verify(&digest)?;
            walk.push(manifest.descriptor());
        }
        Ok(Self { manifest, walk })
    }
}

/// Asks the policy, as a copy would. What is in a store was asked about on its way there.
fn admit(
    global: &Global,
    reference: &Reference,
    source: &dyn Source,
    chosen: &Chosen,
) -> Result<()> {
    if matches!(reference, Reference::ContainersStorage { .. }) {
        return Ok(());
    }
    let terms = Terms::new(global, &Signing::default())?;
    let trust = Trust::between(terms, reference, reference);
    let digest = chosen.manifest.digest();
    let instance = (chosen.walk.len() > 1).then_some(&digest);
    trust.admit(source, &chosen.manifest, instance)?;
    Ok(())
}

fn unpack_layers(args: &Unpack, image: &Opened<'_>) -> Result<()> {
    let isolation = isolation(args)?;
    let layers = match isolation.uids.is_empty() || isolation.rootless {
        true => Layers::at(&args.target),
        false => Layers::at(&args.target).owned(owners(&isolation)),
    };
    layers.create()?;
    let chain_ids = image.config.chain_ids();
    for (index, chain_id) in chain_ids.iter().enumerate() {
        if layers.has(chain_id) {
            continue;
        }
        let (descriptor, mut blob) = image.layer(index)?;
        let unpacked = layers.unpack(
            &mut blob,
            Some(&image.config.rootfs.diff_ids[index]),
            bounds::chosen().layer,
        );
        let (staged, _) = blob
            .finish_with(unpacked)
            .with_context(|| format!("unpacking layer {}", descriptor.digest))?;
        staged.commit(&layers, chain_id, &chain_ids[..index])?;
    }
    Ok(())
}

fn unpack_bundle(args: &Unpack, image: &Opened<'_>, from: String) -> Result<()> {
    let bundle = NewBundle::create(&args.target)?;
    let isolation = isolation(args)?;
    let options = Options {
        form: Form::Flat,
        owners: owners(&isolation),
        limits: bounds::chosen().layer,
    };
    let mut extractor = Extractor::new(bundle.rootfs()?, options);
    let (source, layers) = (image.source, &image.image.layers);
    layers
        .iter()
        .for_each(|layer| source.keep_until_done(layer));
    for (index, diff_id) in image.config.rootfs.diff_ids.iter().enumerate() {
        let (descriptor, mut blob) = image.layer(index)?;
        let applied = layer::apply(&mut blob, Some(diff_id), &mut extractor);
        blob.finish_with(applied.map_err(Into::into))
            .with_context(|| format!("unpacking layer {}", descriptor.digest))?;
        source.came(descriptor);
    }
    let config = runtime_config(&image.config, bundle.rootfs()?.as_fd(), &isolation)?;
    for line in extractor.finish()? {
        fatal::warn(&line);
    }
    let record = Record::new(image.walk.clone(), Some(from), &isolation);
    let mtree = layer::describe(&bundle.rootfs()?).context("describing the rootfs")?;
    bundle.commit(&config, &record, &mtree)?;
    source.done();
    Ok(())
}

/// Who may not own other people's files gets a container in which he is root.
fn isolation(args: &Unpack) -> Result<Isolation> {
    let mut isolation = Isolation {
        uids: args.uid_map.clone(),
        gids: args.gid_map.clone(),
        rootless: args.rootless,
    };
    let mapped = !isolation.uids.is_empty() || !isolation.gids.is_empty();
    if mapped && (isolation.uids.is_empty() || isolation.gids.is_empty()) {
        bail!("--uid-map and --gid-map must be given together");
    }
    if mapped && isolation.rootless {
        bail!(
            "--rootless makes all files the caller's; it cannot be combined with --uid-map and --gid-map"
        );
    }
    isolation.rootless |= !mapped && !nix::unistd::geteuid().is_root();
    if isolation.rootless {
        let root = |host| {
            vec![IdMap {
                container: 0,
                host,
                size: 1,
            }]
        };
        isolation.uids = root(nix::unistd::geteuid().as_raw());
        isolation.gids = root(nix::unistd::getegid().as_raw());
    }
    Ok(isolation)
}

fn owners(isolation: &Isolation) -> Owners {
    match isolation {
        Isolation { rootless: true, .. } => Owners::Callers,
        Isolation { uids, .. } if uids.is_empty() => Owners::Kept,
        Isolation { uids, gids, .. } => Owners::Mapped {
            uids: uids.clone(),
            gids: gids.clone(),
        },
    }
}

/// An image whose manifest and configuration were read and checked.
struct Opened<'a> {
    source: &'a dyn Source,
    image: Image,
    config: ImageConfig,
    /// From what the name stands for to the image's manifest.
    walk: Vec<Descriptor>,
}

impl<'a> Opened<'a> {
    fn read(source: &'a dyn Source, manifest: &RawManifest, walk: Vec<Descriptor>) -> Result<Self> {
        let image = Image::parse(manifest)?;
        if !image.is_container() {
            bail!(
                "it is an artifact of type {}, not a container image",
                image.config.media_type
            );
        }
        let bytes = BlobStream::verified(source.blob(&image.config)?, &image.config)
            .into_bytes()
            .context("reading the image configuration")?;
        let config = ImageConfig::parse(&bytes)?;
        let (layers, diff_ids) = (image.layers.len(), config.rootfs.diff_ids.len());
        if layers != diff_ids {
            bail!("its manifest has {layers} layers, its configuration {diff_ids} diffIDs");
        }
        Ok(Self {
            source,
            image,
            config,
            walk,
        })
    }

    fn layer(&self, index: usize) -> Result<(&Descriptor, BlobStream<'static>)> {
        let descriptor = &self.image.layers[index];
        encryption::refuse_encrypted(descriptor)?;
        Ok((
            descriptor,
            BlobStream::verified(self.source.blob(descriptor)?, descriptor),
        ))
    }
}
