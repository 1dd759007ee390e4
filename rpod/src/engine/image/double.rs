//! One image, packed more than once: manifests of one configuration, which is what an image's id is made of.
//!
//! A registry has its layers compressed and an archive plain, so that each has a manifest of its own. People see one image with the
//! names of all of them.

use anyhow::Result;

use super::{Image, manifest};
use crate::engine::Context;
use crate::engine::layout::{Index, Layout};

/// The image with all its names, and the digests of its manifests.
pub(super) fn whole(context: &Context, mut image: Image) -> Result<(Image, Vec<String>)> {
    let index = Layout::images(&context.store).index()?;
    let digests = of(context, &index, &image.id);
    image.names = names(&index, &digests);
    let history = digests.iter().flat_map(|one| index.names_history_of(one));
    image.names_history = history.collect();
    Ok((image, digests))
}

/// Forgets manifests without a name whose configuration is also that of another.
pub(super) fn forget_nameless(context: &Context) -> Result<()> {
    let layout = Layout::images(&context.store);
    let is_nameless = |index: &Index, digest: &str| index.names_of(digest).is_empty();
    let index = layout.index()?;
    if !index.digests().iter().any(|one| is_nameless(&index, one)) {
        return Ok(());
    }
    layout.edit(|index| {
        let digests: Vec<String> = index.digests().into_iter().map(str::to_owned).collect();
        for digest in &digests {
            if !is_nameless(index, digest) {
                continue;
            }
            let id = manifest::id(&context.store, digest);
            if id.is_ok_and(|id| of(context, index, &id).len() > 1) {
                index.forget(digest);
            }
        }
        Ok(())
    })
}

/// Digests of the manifests of an image.
fn of(context: &Context, index: &Index, id: &str) -> Vec<String> {
    let digests = index.digests().into_iter();
    let is_of = |digest: &&str| manifest::id(&context.store, digest).is_ok_and(|of| of == id);
    digests.filter(is_of).map(str::to_owned).collect()
}

fn names(index: &Index, digests: &[String]) -> Vec<String> {
    digests.iter().flat_map(|one| index.names_of(one)).collect()
}
