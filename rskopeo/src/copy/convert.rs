//! What happens to a layer's bytes on their way: decrypted ▸ unpacked ▸ packed ▸ encrypted, or nothing.

use std::io::{BufRead, Read};

use anyhow::{Context, Result, bail};

use super::blobs::Job;
use crate::ahead;
use crate::compression::{self, Compression};
use crate::encryption::{Decrypting, Encrypting, Sealed, is_encrypted};
use crate::layer::chunked::{self, Annotations};
use crate::manifest::{Descriptor, Replacement};
use crate::transport::{BlobStream, Role, Section, Written, spool};

/// What is done about a layer's encryption.
pub(super) enum Crypt {
    /// It has none, and gets none.
    Plain,
    /// It has some, and nobody here can do a thing with it.
    Kept,
    Decrypted(Sealed),
    Encrypted(Sealed),
}

impl Crypt {
    pub(super) fn of(job: &Job<'_>, layer: &Descriptor, role: &Role) -> Result<Self> {
        let index = match role {
            Role::Layer(place) => place.index,
            Role::Config => return Ok(Self::Plain),
        };
        Ok(match (&job.options.decryption, is_encrypted(layer)) {
            (Some(keys), true) => Self::Decrypted(
                keys.open(layer)
                    .with_context(|| format!("decrypting layer {}", layer.digest))?,
            ),
            (None, true) => Self::Kept,
            (_, false) if job.plan.encrypts(index, layer) => Self::Encrypted(Sealed::new()?),
            (_, false) => Self::Plain,
        })
    }

    /// Whether the layer goes as it is, when `change` is what would become of it for its compression's sake.
    pub(super) fn passes(&self, change: Option<Compression>) -> bool {
        match self {
            Self::Plain => change.is_none(),
            Self::Kept => true,
            Self::Decrypted(_) | Self::Encrypted(_) => false,
        }
    }
}

/// Puts the bytes of `verified` as they are or in the form that is wanted; tells the latter.
pub(super) fn put(
    job: &Job<'_>,
    verified: &mut BlobStream<'_>,
    descriptor: &Descriptor,
    role: &Role,
    crypt: Crypt,
) -> Result<Option<Replacement>> {
    let opened: Box<dyn Read + Send + '_> = match &crypt {
        Crypt::Decrypted(sealed) => Box::new(Decrypting::new(verified, sealed.clone())),
        _ => Box::new(verified),
    };
    let (actual, reader) = compression::peek(opened)?;
    let change = match crypt {
        Crypt::Kept => None,
        _ => job.plan.change(actual, descriptor, job.options),
    };
    if crypt.passes(change) {
        let stream = BlobStream::relayed(Box::new(reader), descriptor);
        job.destination.put_blob(Some(descriptor), role, stream)?;
        return Ok(None);
    }
    if let Some(reason) = job.plan.fixed {
        bail!(
            "the layer has to become another one ({}), but we cannot modify it: {reason:?}",
            match crypt {
                Crypt::Decrypted(_) => "decrypted",
                Crypt::Encrypted(_) => "encrypted",
                Crypt::Plain | Crypt::Kept => "of another compression",
            }
        );
    }
    let annotations = Annotations::default();
    let written = match change {
        None => put_made(job, Box::new(reader), role, &crypt)?,
        Some(target) if actual == Compression::None => {
            let packed = pack(Box::new(reader), target, job, &annotations)?;
            put_made(job, packed, role, &crypt)?
        }
        // Unpacking is as much work as what comes after it.
        Some(target) => ahead::read(compression::unpack(actual, reader)?, |plain| {
            let packed = pack(Box::new(plain), target, job, &annotations)?;
            put_made(job, packed, role, &crypt)
        })??,
    };
    let mut annotations = annotations.take();
    let mut is_encrypted = false;
    if let (Crypt::Encrypted(sealed), Some(encryption)) = (&crypt, &job.options.encryption) {
        annotations.extend(encryption.annotations(sealed, &descriptor.digest)?);
        is_encrypted = true;
    }
    Ok(Some(Replacement {
        digest: written.digest,
        size: written.size,
        compression: change.unwrap_or(actual),
        is_encrypted,
        annotations,
    }))
}

/// Puts what was made on the way, encrypted if it is to be.
fn put_made(
    job: &Job<'_>,
    packed: Box<dyn Read + Send + '_>,
    role: &Role,
    crypt: &Crypt,
) -> Result<Written> {
    let made = BlobStream::made(match crypt {
        Crypt::Encrypted(sealed) => Box::new(Encrypting::new(packed, sealed)),
        _ => packed,
    });
    match job.options.precompute_digests {
        true => put_precomputed(job, made, role),
        false => job.destination.put_blob(None, role, made),
    }
}

/// Waits in a file without a name until its digest is known, and goes only if the destination has it not.
fn put_precomputed(job: &Job<'_>, made: BlobStream<'_>, role: &Role) -> Result<Written> {
    let mut file = spool(job.options.tmpdir.as_deref())?;
    let written = made.write_to(&mut file)?;
    let blob = Descriptor::new("", written.digest.clone(), written.size);
    if job.destination.has_blob(&blob, role)?.is_none() {
        let stream = BlobStream::verified(Box::new(Section::whole(file, written.size)), &blob);
        job.destination.put_blob(Some(&blob), role, stream)?;
    }
    Ok(written)
}

fn pack<'a>(
    plain: Box<dyn BufRead + Send + 'a>,
    target: Compression,
    job: &Job<'_>,
    annotations: &Annotations,
) -> Result<Box<dyn Read + Send + 'a>> {
    let level = job.options.compression_level;
    Ok(match target {
        Compression::ZstdChunked => {
            let level = level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL);
            Box::new(chunked::Encoder::new(plain, level, annotations.clone())?)
        }
        other => compression::compress(plain, other, level)?,
    })
}
