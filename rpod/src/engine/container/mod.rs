//! Containers: made ([`create`]), started ([`start`]), watched ([`status`], [`wait`]), ended ([`stop`]), removed ([`remove`]).
//!
//! Whoever changes a container holds the flock of its directory. Nobody holds it while the container runs, and no lock is common
//! to two containers.

pub mod check;
pub mod checkpoint;
mod clear;
pub mod clone;
pub mod commit;
pub mod copy;
pub mod create;
pub mod dependency;
pub mod diff;
pub mod exec;
pub mod export;
mod failure;
pub mod filter;
mod fuse;
mod half_start;
pub mod health;
pub mod inspect;
mod labels;
pub mod log_marks;
pub mod logs;
mod mapped;
pub mod migrate;
pub mod mount;
pub mod overlay;
pub mod pause;
pub mod prune;
pub mod record;
pub mod remove;
pub mod rename;
pub mod restart;
mod root;
pub mod size;
mod sources;
pub mod start;
pub mod stats;
pub mod status;
mod statuses;
pub mod stop;
mod subscriptions;
pub mod supervision;
mod surroundings;
pub mod top;
mod tree;
pub mod unit;
pub mod update;
pub mod upper;
pub mod wait;
mod workdir;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::Context;
use crate::store::readable::{self, Readable, damaged};
use crate::store::{Lock, Noun, id, record as file};
use file::{Durability, Records};
use record::Container;
use supervision::{own_command, unheard};

/// Reads the record of a container by name, id or id prefix.
pub fn find(ctx: &Context, text: &str) -> Result<Container> {
    load(ctx, &ctx.store.find(Noun::Container, text)?)
}

/// Reads the record of a container by its whole id.
pub fn load(ctx: &Context, id: &str) -> Result<Container> {
    Ok(load_if_there(ctx, id)?.ok_or_else(|| ctx.store.none(Noun::Container, id))?)
}

fn load_if_there(ctx: &Context, id: &str) -> Result<Option<Container>> {
    let record = ctx.store.record(Noun::Container, id);
    of_container(id, file::load_if_there(&record))
}

/// Its damage is the container's.
fn of_container<T>(id: &str, read: Result<T>) -> Result<T> {
    read.map_err(|error| damaged(format!("container {}", id::short(id)), error))
}

/// All containers, oldest first. What is damaged is told and left out, what is half removed left out.
pub fn all(ctx: &Context) -> Result<Vec<Container>> {
    let mut all: Vec<Container> = each(ctx)?.collect();
    all.sort_by(|a, b| a.created.cmp(&b.created));
    Ok(all)
}

/// The same one by one, in no order: no more than one of them is held in memory.
pub fn each(ctx: &Context) -> Result<impl Iterator<Item = Container>> {
    let tell = |error| readable::tell(&error);
    Ok(records(ctx)?.filter_map(move |record| record.map_err(tell).ok()))
}

/// All of them, and why some cannot be read, in no order.
pub fn readable(ctx: &Context) -> Result<Readable<Container>> {
    let mut all = Readable::default();
    records(ctx)?.for_each(|record| all.add(record.map(Some)));
    Ok(all)
}

fn records(ctx: &Context) -> Result<impl Iterator<Item = Result<Container>>> {
    let all = ctx.store.all(Noun::Container);
    let mut records = Records::below(all).context("listing containers")?;
    let ids = ctx.store.ids(Noun::Container);
    let ids = ids.context("listing containers")?.into_iter();
    Ok(ids.filter_map(move |id| {
        let record = format!("{id}/{}", Noun::Container.record());
        of_container(&id, records.as_mut()?.load_if_there(&record)).transpose()
    }))
}

impl Container {
    pub fn home(&self, ctx: &Context) -> PathBuf {
        ctx.store.home(Noun::Container, &self.id)
    }

    pub fn run_dir(&self, ctx: &Context) -> PathBuf {
        ctx.store.run(Noun::Container, &self.id)
    }

    /// Makes the places of what lives as long as its process. Of one that runs they may have been lost.
    fn make_run_dir(&self, ctx: &Context) -> Result<()> {
        for dir in [self.run_dir(ctx), ctx.store.exits()] {
            fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
        }
        Ok(())
    }

    /// Its first end is its last.
    fn goes_at_end(&self) -> bool {
        self.remove && self.restart.policy.is_empty()
    }

    pub fn log_path(&self, ctx: &Context) -> PathBuf {
        self.log_file
            .clone()
            .unwrap_or_else(|| self.home(ctx).join("ctr.log"))
    }

    /// Writes its record. The caller holds its lock.
    pub fn save(&self, ctx: &Context, durability: Durability) -> Result<()> {
        let record = ctx.store.record(Noun::Container, &self.id);
        file::save(&record, &file::differences(self)?, durability)
    }

    /// Waits until nobody else changes it. An error if it was removed meanwhile.
    fn lock(&self, ctx: &Context) -> Result<Lock> {
        let lock = Lock::exclusive(&self.home(ctx));
        if ctx.store.record(Noun::Container, &self.id).exists() {
            lock
        } else {
            Err(ctx.store.none(Noun::Container, &self.id).into())
        }
    }
}
