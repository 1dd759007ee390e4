//! Damage of volumes and networks: records that cannot be read. What is in a volume is never removed.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Context as _, Result};

use super::{NAMELESS, Volume, archive, directory, home, load};
use crate::engine::system::check::{Damage, Outcome, Thing};
use crate::engine::{Context, network};
use crate::store::{Lock, names, record};

pub fn check(ctx: &Context) -> Result<Vec<Damage>> {
    let mut found = Vec::new();
    for name in entries(&directory(ctx))? {
        if !names::is_valid(&name) {
            continue;
        }
        let thing = Thing::Volume(name.clone());
        match load(ctx, &name) {
            Ok(Some(volume)) if !volume.data(ctx).is_dir() => {
                found.push(Damage::one(thing, "its _data directory is missing"));
            }
            Ok(Some(volume)) if archive::is_incomplete(ctx, &volume)? => {
                found.push(Damage::one(thing, archive::CUT_SHORT));
            }
            Ok(_) => {}
            Err(error) => found.push(Damage::one(thing, format!("{error:#}"))),
        }
    }
    found.extend(left_nameless(ctx)?);
    let networks = network::directory(ctx);
    for name in entries(&networks)? {
        let Some(stem) = name
            .strip_suffix(".json")
            .filter(|stem| !stem.starts_with('.'))
        else {
            continue;
        };
        if let Err(error) = record::load::<network::Network>(&networks.join(&name)) {
            found.push(Damage::one(
                Thing::Network(stem.to_owned()),
                format!("{error:#}"),
            ));
        }
    }
    Ok(found)
}

/// What killed commands have left of volumes.
fn left_nameless(ctx: &Context) -> Result<Vec<Damage>> {
    let directory = directory(ctx);
    let is_nameless = |name: &String| name.starts_with(NAMELESS);
    let left: Vec<String> = entries(&directory)?
        .into_iter()
        .filter(is_nameless)
        .collect();
    // Who is at work holds the lock.
    if left.is_empty() || Lock::try_exclusive(&directory)?.is_none() {
        return Ok(Vec::new());
    }
    let damage = |name| {
        Damage::one(
            Thing::Leftover(directory.join(name)),
            "left half-made or half-removed by a killed command",
        )
    };
    Ok(left.into_iter().map(damage).collect())
}

fn entries(directory: &std::path::Path) -> Result<Vec<String>> {
    let listing = || format!("listing {}", directory.display());
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(listing)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.with_context(listing)?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// A volume's files are what it is for: they get a record again, or an empty directory.
pub fn mend(ctx: &Context, name: &str) -> Result<Outcome> {
    let data = home(ctx, name).join("_data");
    let had_data = data.is_dir();
    fs::create_dir_all(&data).with_context(|| format!("making {}", data.display()))?;
    if let Ok(Some(volume)) = load(ctx, name) {
        if !had_data {
            super::create::limit(&volume, &home(ctx, name))?;
        }
        if archive::is_incomplete(ctx, &volume)? {
            archive::note(ctx, &volume, None)?;
            return Ok(Outcome::Restored("it is taken as it is".to_owned()));
        }
    } else {
        let volume = Volume {
            name: name.to_owned(),
            driver: "local".to_owned(),
            created: jiff::Timestamp::now().to_string(),
            ..Volume::default()
        };
        volume.save(ctx)?;
        return Ok(Outcome::Restored(
            "it has a new record; its labels and options are lost".to_owned(),
        ));
    }
    Ok(Outcome::Restored(if had_data {
        "nothing was missing".to_owned()
    } else {
        "it is empty now".to_owned()
    }))
}
