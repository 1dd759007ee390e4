//! Blobs from source to destination, several at a time.

use std::io::Cursor;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result};

use super::Options;
use super::convert::{self, Crypt};
use super::plan::Plan;
use super::progress::Progress;
use crate::compression::Compression;
use crate::manifest::{Descriptor, Replacement, layer_kind};
use crate::transport::{BlobStream, Destination, Held, Layer, Role, Source};

/// Copies all layers; gives, for each in order, what it became if it is no more what the source's manifest says.
/// After the first error no further blob is begun.
pub fn layers(
    source: &dyn Source,
    destination: &dyn Destination,
    plan: &Plan,
    options: &Options,
) -> Result<Vec<Option<Replacement>>> {
    let layers = plan.layers();
    let count = layers.len();
    // What becomes another blob is not found at the destination by who has only the source's manifest.
    if destination.begins_anew() || options.remakes_layers() {
        layers
            .iter()
            .for_each(|(layer, _)| source.keep_until_done(layer));
    }
    let queue = Mutex::new(layers.into_iter());
    let failed = AtomicBool::new(false);
    let results = Mutex::new(Vec::with_capacity(count));
    let progress = Progress::new(&options.output);
    let job = Job {
        source,
        destination,
        plan,
        options,
        progress: &progress,
    };
    let worker = || {
        while let Some((descriptor, place)) = next(&queue, &failed, &progress) {
            let index = place.index;
            let result = job
                .layer(&descriptor, place)
                .with_context(|| format!("copying blob {}", descriptor.digest));
            if result.is_err() {
                progress.end(&descriptor, "failed");
                failed.store(true, Ordering::Relaxed);
            }
            results
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .push((index, result));
        }
    };
    let workers = match destination.is_sequential() {
        true => 1,
        false => options.under_way.most().min(count),
    };
    if workers <= 1 {
        worker();
    } else {
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(worker);
            }
        });
    }
    let mut results = results
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Takes the next layer and says so, in the manifest's order.
fn next(
    queue: &Mutex<std::vec::IntoIter<(Descriptor, Layer)>>,
    failed: &AtomicBool,
    progress: &Progress<'_>,
) -> Option<(Descriptor, Layer)> {
    let mut queue = queue
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    if failed.load(Ordering::Relaxed) {
        return None;
    }
    let layer = queue.next()?;
    progress.begin(&layer.0);
    Some(layer)
}

/// What all blobs of an image have in common.
pub(super) struct Job<'a> {
    source: &'a dyn Source,
    pub(super) destination: &'a dyn Destination,
    pub(super) plan: &'a Plan,
    pub(super) options: &'a Options,
    progress: &'a Progress<'a>,
}

impl Job<'_> {
    fn layer(&self, descriptor: &Descriptor, place: Layer) -> Result<Option<Replacement>> {
        let _begun = self.options.under_way.begin(&descriptor.digest);
        let role = Role::Layer(place);
        let told = layer_kind(&descriptor.media_type)
            .map_or(Compression::None, |(compression, _)| compression);
        if !descriptor.urls.is_empty() && self.destination.takes_foreign_layers() {
            self.progress.end(descriptor, "skipped: foreign layer");
            return Ok(None);
        }
        let crypt = Crypt::of(self, descriptor, &role)?;
        if crypt.passes(self.plan.change(told, descriptor, self.options))
            && let Some(held) = self.destination.has_blob(descriptor, &role)?
        {
            let how = match held {
                Held::Already => "skipped: already exists",
                Held::Mounted => "mounted",
            };
            self.progress.end(descriptor, how);
            return Ok(None);
        }
        let blob = self.source.blob(descriptor)?;
        let counted = self.progress.counted(blob, descriptor);
        let mut verified = BlobStream::verified(counted, descriptor);
        let put = convert::put(self, &mut verified, descriptor, &role, crypt);
        let (copied, _) = verified.finish_with(put)?;
        self.source.came(descriptor);
        if copied.is_none() && self.destination.keeps_blobs() {
            self.source.remember(descriptor);
        }
        self.progress.end(descriptor, "done");
        Ok(copied)
    }
}

pub fn config(
    destination: &dyn Destination,
    descriptor: &Descriptor,
    bytes: Vec<u8>,
    options: &Options,
) -> Result<()> {
    let _begun = options.under_way.begin(&descriptor.digest);
    if destination.has_blob(descriptor, &Role::Config)?.is_some() {
        return Ok(());
    }
    let stream = BlobStream::verified(Box::new(Cursor::new(bytes)), descriptor);
    destination
        .put_blob(Some(descriptor), &Role::Config, stream)
        .with_context(|| format!("writing config {}", descriptor.digest))?;
    Ok(())
}
