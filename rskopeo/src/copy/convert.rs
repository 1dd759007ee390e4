//! What happens to a layer's bytes on their way: unpacked, packed, or nothing.

use std::io::{BufRead, BufReader, Read};

use anyhow::{Result, bail};

use super::blobs::Job;
use crate::compression::{self, Compression};
use crate::layer::chunked::{self, Annotations};
use crate::manifest::{Descriptor, Replacement};
use crate::transport::{BlobStream, Role};

/// As much as is read at once of what was unpacked, in bytes.
const BUFFER: usize = 128 * 1024;

/// Puts the bytes of `verified` as they are or in the compression that is wanted; tells the latter.
pub(super) fn put(
    job: &Job<'_>,
    verified: &mut BlobStream<'_>,
    descriptor: &Descriptor,
    role: &Role,
) -> Result<Option<Replacement>> {
    let (actual, reader) = compression::peek(verified)?;
    let Some(target) = job.plan.change(actual, descriptor, job.options) else {
        let stream = BlobStream::relayed(Box::new(reader), descriptor);
        job.destination.put_blob(Some(descriptor), role, stream)?;
        return Ok(None);
    };
    if let Some(reason) = job.plan.fixed {
        bail!(
            "the destination needs the layer in another compression, but we cannot modify it: {reason:?}"
        );
    }
    let plain: Box<dyn BufRead + Send + '_> = match actual {
        Compression::None => Box::new(reader),
        _ => Box::new(BufReader::with_capacity(
            BUFFER,
            compression::unpack(actual, reader)?,
        )),
    };
    let annotations = Annotations::default();
    let made = pack(plain, target, job.options.compression_level, &annotations)?;
    let written = job
        .destination
        .put_blob(None, role, BlobStream::made(made))?;
    let annotations = annotations.take();
    Ok(Some(Replacement {
        digest: written.digest,
        size: written.size,
        compression: target,
        annotations,
    }))
}

fn pack<'a>(
    plain: Box<dyn BufRead + Send + 'a>,
    target: Compression,
    level: Option<i32>,
    annotations: &Annotations,
) -> Result<Box<dyn Read + Send + 'a>> {
    Ok(match target {
        Compression::ZstdChunked => {
            let level = level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL);
            Box::new(chunked::Encoder::new(plain, level, annotations.clone())?)
        }
        other => compression::compress(plain, other, level)?,
    })
}
