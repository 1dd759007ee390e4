//! A damaged `index.json` is made anew. Names are those that containers remember.

use std::collections::BTreeMap;

use anyhow::Result;

use super::super::{Name, summary};
use crate::engine::Context;
use crate::engine::layout::Layout;
use crate::engine::system::check::Outcome;

pub fn rebuild(ctx: &Context) -> Result<Outcome> {
    let mut names = BTreeMap::new();
    for user in summary::containers(ctx)?.whole {
        if !user.image.name.is_empty() && Name::parse(&user.image.name).is_ok() {
            names.insert(user.image.digest, user.image.name);
        }
    }
    let (count, kept) = Layout::images(&ctx.store).rebuild_index(&names)?;
    Ok(Outcome::Restored(format!(
        "{count} images found among the blobs; the damaged list is kept as {}",
        kept.display()
    )))
}
