//! Levels that keep containers apart: two categories each, drawn at random, and no two containers have the same.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};

use super::Label;
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::store::directory::{entries, remove_if_there};
use crate::store::{Noun, Store};

/// Categories of a policy with levels.
const CATEGORIES: u16 = 1024;

/// The level of files that no confined container may have: of the last two categories.
pub(super) fn of_nobody() -> String {
    text(CATEGORIES - 2, CATEGORIES - 1)
}

fn text(low: u16, high: u16) -> String {
    format!("s0:c{low},c{high}")
}

/// A level that no other container of the store has. It is the container's until [`forget`].
pub(super) fn draw(store: &Store, id: &str) -> Result<String> {
    const TRIES: u32 = 10_000;
    let all = directory(store);
    for _ in 0..TRIES {
        let level = random()?;
        let Some(level) = level.filter(|level| *level != of_nobody()) else {
            continue;
        };
        let taken = symlink(id, all.join(&level));
        match taken {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(&all).with_context(|| format!("making {}", all.display()))?;
            }
            taken => {
                taken.with_context(|| format!("taking {}", all.join(&level).display()))?;
                return Ok(level);
            }
        }
    }
    bail!(
        "no SELinux level is free for a container: remove some, or give it one with --security-opt label=level:s0:cN,cM"
    )
}

/// Two categories, unless chance has given the same twice.
fn random() -> Result<Option<String>> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow!("reading random bytes for a level: {error}"))?;
    let [a, b, c, d] = bytes;
    let pick = |bytes| u16::from_le_bytes(bytes) % CATEGORIES;
    let (one, other) = (pick([a, b]), pick([c, d]));
    Ok((one != other).then(|| text(one.min(other), one.max(other))))
}

/// Gives a container's level back. One that was asked for, or is another's as well, was never its own.
pub fn forget(ctx: &Context, container: &Container) -> Result<()> {
    let Some(label) = &container.security.mount_label else {
        return Ok(());
    };
    let Some(level) = label.parse::<Label>()?.level else {
        return Ok(());
    };
    let link = directory(&ctx.store).join(level);
    match owner(&link) {
        Some(id) if id == container.id => remove_if_there(&link),
        _ => Ok(()),
    }
}

/// Levels of containers that are no more.
pub fn sweep(ctx: &Context) -> Result<()> {
    for link in entries(&directory(&ctx.store))? {
        let is_left = owner(&link).is_none_or(|id| !ctx.store.home(Noun::Container, &id).exists());
        if is_left {
            remove_if_there(&link)?;
        }
    }
    Ok(())
}

fn directory(store: &Store) -> PathBuf {
    store.root.join("levels")
}

fn owner(link: &Path) -> Option<String> {
    let id = fs::read_link(link).ok()?;
    id.to_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_level_has_two_categories_the_lower_first() {
        for _ in 0..1000 {
            let Some(level) = random().unwrap() else {
                continue;
            };
            let (low, high) = level
                .strip_prefix("s0:c")
                .unwrap()
                .split_once(",c")
                .unwrap();
            let (low, high): (u16, u16) = (low.parse().unwrap(), high.parse().unwrap());
            assert!(low < high && high < CATEGORIES, "{level}");
        }
    }
}
