//! Damage of secrets: records that cannot be read.

use anyhow::Result;

use super::{directory, load};
use crate::engine::Context;
use crate::engine::system::check::{Damage, Outcome, Thing};
use crate::store::directory::entries;

pub fn check(ctx: &Context) -> Result<Vec<Damage>> {
    let mut found = Vec::new();
    for home in entries(&directory(ctx))? {
        if let Err(error) = load(&home) {
            let id = home.file_name().unwrap_or_default().to_string_lossy();
            let thing = Thing::Secret(id.into_owned());
            found.push(Damage::one(thing, format!("{error:#}")));
        }
    }
    Ok(found)
}

/// What it was called is lost; it goes with `force`.
pub fn mend(ctx: &Context, id: &str, force: bool) -> Result<Outcome> {
    if !force {
        return Ok(Outcome::Left(format!(
            "mend its record, or remove it with \"rpod secret rm {id}\""
        )));
    }
    super::remove_damaged(ctx, id).map(|()| Outcome::Deleted)
}
