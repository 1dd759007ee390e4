//! Transports: where images come from and go to. Each file is a [`Source`], a [`Destination`] or both.
//!
//! The order in which `copy` uses them:
//! 1. `Source::manifest`, and through an index once more for the instance of this platform;
//! 2. for the config, then for all layers at once from several threads:
//!    `Destination::has_blob`, else `Source::blob` ▸ [`BlobStream`] ▸ `Destination::put_blob`;
//! 3. `Destination::put_manifest` for every instance, the top one last;
//! 4. `Destination::commit`, which alone makes the image visible under its name.

mod access;
mod containers_storage;
mod dir;
mod dispatch;
mod docker;
mod docker_archive;
mod docker_daemon;
mod layout;
mod lifted;
mod oci;
mod oci_archive;
mod stream;
mod tar_file;

use std::io::Read;

use anyhow::{Result, bail};

use crate::digest::Digest;
use crate::manifest::{Descriptor, Image, RawManifest};
use crate::reference::Name;
use crate::signature::Signature;

pub use access::{Access, Writing};
pub use dispatch::{
    delete, is_of_many_users, list_tags, open_destination, open_layout, open_lifted, open_source,
};
pub use docker::{is_let_in, search};
pub use layout::{INDEX_LOCK, Layout, LayoutIndex, REF_NAME};
pub use lifted::{Lifted, Spooled};
pub use stream::{BlobStream, Written};
pub use tar_file::{Section, spool};

/// An image that can be read. Used from several threads.
pub trait Source: Sync {
    /// The manifest of the reference itself, or of one instance of its index.
    /// The caller checks the bytes against a digest that it knows.
    fn manifest(&self, instance: Option<&Digest>) -> Result<RawManifest>;

    /// Opens a blob. The bytes are not trusted: the caller checks digest and size as it reads.
    fn blob(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send>>;

    /// The layers in the form in which [`blob`](Self::blob) has them, where that is not what the manifest says.
    fn layers_as_read(&self, _image: &Image) -> Result<Option<Vec<Descriptor>>> {
        Ok(None)
    }

    /// The layer is about to be read by somebody who has nothing of it before all is done: where it is dearly had it is kept until
    /// then once it has [come](Self::came), and is there for who begins again.
    fn keep_until_done(&self, _layer: &Descriptor) {}

    /// A layer was read, and was the promised one.
    fn came(&self, _layer: &Descriptor) {}

    /// Everything that was read is where it belongs.
    fn done(&self) {}

    /// A layer that was read has gone as it is to where it may be pushed from, some day: then this place may be asked for it.
    fn remember(&self, _layer: &Descriptor) {}

    /// The tags of its repository, where that is reached already.
    fn tags(&self) -> Option<Result<Vec<String>>> {
        None
    }

    /// The signatures of the image itself, or of one instance of its index. Nothing about them is checked.
    fn signatures(&self, _instance: Option<&Digest>) -> Result<Vec<Signature>> {
        Ok(Vec::new())
    }
}

/// How a destination has come by a blob that need not be put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It was there.
    Already,
    /// A registry has it from another of its repositories, just now.
    Mounted,
}

/// What a blob is within its image.
#[derive(Clone, Debug)]
pub enum Role {
    Config,
    Layer(Layer),
}

/// A layer's place in its image. `diff_id` and `chain_id` (image-spec config.md "Layer ChainID") are told by the config;
/// they are absent when the config is not a container image's (an artifact).
#[derive(Clone, Debug)]
pub struct Layer {
    /// 0 is the base layer.
    pub index: usize,
    pub diff_id: Option<Digest>,
    pub chain_id: Option<Digest>,
}

/// The form in which a destination wants layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerForm {
    /// As the source has them.
    AsIs,
    /// Uncompressed layers are compressed on the way.
    Compressed,
    /// Compressed layers are unpacked on the way.
    Uncompressed,
}

/// Where a manifest belongs.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// One of several instances; the index that names them comes last, as `Top`.
    Instance,
    /// What the reference stands for. `chosen_from` is the index that it was picked out of, if any.
    Top {
        chosen_from: Option<&'a RawManifest>,
    },
}

/// A place for an image. Opening one takes its locks and creates what is missing; dropping one without `commit`
/// leaves nothing that looks whole. `put_blob` and `has_blob` are called from several threads.
pub trait Destination: Sync {
    /// Manifest media types that can be written, the preferred first; empty when any can.
    fn manifest_types(&self) -> &[&str];

    /// Whether others are written, too, when somebody wants just them (`--format`).
    fn takes_what_is_asked_for(&self) -> bool {
        false
    }

    /// Whether an index with several instances can be written.
    fn takes_indexes(&self) -> bool;

    fn layer_form(&self) -> LayerForm;

    /// What the image will be called, where images have names that their manifests may repeat (schema 1).
    fn name(&self) -> Option<&Name> {
        None
    }

    /// Whether blobs stay what they are, so that the image can be pushed from here as it came.
    fn keeps_blobs(&self) -> bool {
        false
    }

    /// Whether layers are unpacked as they come, and so have to be ones that can be.
    fn unpacks_layers(&self) -> bool {
        false
    }

    /// Whether layers that are to be had elsewhere (their `urls`) need not be had here.
    fn takes_foreign_layers(&self) -> bool {
        false
    }

    /// Whether the very image of this manifest is there already, under its name and whole.
    fn has_image(&self, _manifest: &RawManifest) -> Result<bool> {
        Ok(false)
    }

    /// Whether blobs lie one behind the other, so that `put_blob` takes only one at a time.
    fn is_sequential(&self) -> bool {
        false
    }

    /// Whether a copy that was killed has left no blob here for the next one.
    fn begins_anew(&self) -> bool {
        false
    }

    /// Whether the blob is there, whole, with all that this destination makes of it (containers-storage: also the unpacked
    /// layer, which it may make here from the blob it has). `put_blob` is then not called.
    fn has_blob(&self, blob: &Descriptor, role: &Role) -> Result<Option<Held>>;

    /// Takes a blob in one pass. Reads `stream` to its end, then calls [`BlobStream::finish`], which checks digest and size and
    /// tells the digest of what was read; only then may the blob get its name. `blob` is the descriptor when the bytes pass unchanged,
    /// None when they are recompressed on the way, so that digest and size are known only from `finish`.
    /// On an error nothing but temporary names may be left.
    fn put_blob(
        &self,
        blob: Option<&Descriptor>,
        role: &Role,
        stream: BlobStream<'_>,
    ) -> Result<Written>;

    /// Takes a manifest, byte for byte; every blob that it names has been put.
    fn put_manifest(&self, manifest: &RawManifest, place: Place<'_>) -> Result<()>;

    /// Whether signatures can be put; the error tells why not.
    fn takes_signatures(&self) -> Result<()> {
        bail!("Pushing signatures to this transport is not supported");
    }

    /// Takes the signatures of a manifest that was put; there is at least one.
    fn put_signatures(
        &self,
        _signatures: &[Signature],
        _manifest: &Digest,
        _place: Place<'_>,
    ) -> Result<()> {
        self.takes_signatures()
    }

    /// Makes the image visible under its name, durably, as the last step.
    fn commit(self: Box<Self>) -> Result<()>;
}
