//! Networks that containers are connected to. netavark makes bridges, addresses, routes and port rules; aardvark-dns answers names.
//!
//! ```text
//! ROOT/networks/<name>.json       a network, in podman's form          `podman` is there without a file
//! RUNROOT/netns/<id>              the network namespace of a container, bound to a file, so that it outlives its makers
//! RUNROOT/netns/<id>.json         what netavark was asked to do there and what it answered
//! RUNROOT/networks/               netavark's and aardvark's own files
//! /run/rpod-networks/             the lock under which networks are set up, and who else has containers on this host
//! ```
//!
//! Which addresses and ports are taken is not stored: it is what the files in `netns/` say. They are written before netavark is
//! started and removed after it has undone its work, so that a process killed in between leaves what the next command undoes.

mod address;
pub mod change;
mod config;
pub mod connection;
pub mod create;
mod driver;
pub mod filter;
pub mod forward;
mod host;
pub mod inspect;
mod namespace;
pub mod netavark;
mod pool;
pub mod port;
pub mod remove;
pub mod shared;
pub mod update;
pub mod user_mode;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use thiserror::Error;

use super::Context;
use crate::config::find_part;
use crate::store::directory::entries;
use crate::store::near::Missing;
use crate::store::readable::{Readable, damaged};
use crate::store::{Lock, id, record};

pub use address::check as check_addresses;
pub use config::{LeaseRange, Network, Route, Subnet};
pub use netavark::is_installed;

#[derive(Debug, Error)]
pub enum NetworkError {
    #[error("unable to find network with name or ID {}: network not found{}", .0.name, .0)]
    NotFound(Missing),
    #[error("network name {0} already used: network already exists")]
    Exists(String),
}

/// Where the networks' files are.
pub(super) fn directory(ctx: &Context) -> PathBuf {
    configured_directory(ctx).map_or_else(|| ctx.store.networks(), Path::to_owned)
}

/// Where they are if it is not rpod's own place: `--network-config-dir`, containers.conf.
pub(super) fn configured_directory(ctx: &Context) -> Option<&Path> {
    let configured = ctx
        .config
        .containers_conf
        .network
        .network_config_dir
        .as_ref();
    ctx.globals
        .network_config_dir
        .as_ref()
        .or(configured)
        .map(PathBuf::as_path)
}

pub(super) fn file(ctx: &Context, name: &str) -> PathBuf {
    directory(ctx).join(format!("{name}.json"))
}

/// A program that networks are made by: where containers.conf says, beside rpod, or in PATH.
pub fn helper(ctx: &Context, name: &str) -> Result<PathBuf> {
    let directories = ctx.config.containers_conf.engine.helper_binaries_dir.iter();
    let configured: Vec<PathBuf> = directories.flatten().map(|dir| dir.join(name)).collect();
    find_part(&configured, &[name])
}

/// The name of the network that containers get which ask for none.
pub fn default_name(ctx: &Context) -> &str {
    let configured = ctx
        .config
        .containers_conf
        .network
        .default_network
        .as_deref();
    configured.unwrap_or("podman")
}

/// Every network by name, the default one too. What is damaged is told and left out.
pub fn all(ctx: &Context) -> Result<Vec<Network>> {
    let mut all = readable(ctx)?.told();
    let default = default_name(ctx);
    if !all.iter().any(|network: &Network| network.name == default) {
        all.push(Network::default_of(ctx)?);
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// Those that have a file.
fn readable(ctx: &Context) -> Result<Readable<Network>> {
    let mut all = Readable::default();
    for path in entries(&directory(ctx))? {
        if let Some(name) = name_of(&path) {
            all.add(load(ctx, name));
        }
    }
    Ok(all)
}

/// Of a file in the directory of networks, the network's name.
fn name_of(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?.strip_suffix(".json")?;
    config::is_name(name).then_some(name)
}

fn load(ctx: &Context, name: &str) -> Result<Option<Network>> {
    let record = record::load_if_there(&file(ctx, name));
    record.map_err(|error| damaged(format!("network {name}"), error))
}

/// A network by its name, its id or the beginning of its id.
pub fn find(ctx: &Context, text: &str) -> Result<Network> {
    if config::is_name(text)
        && let Some(network) = load(ctx, text)?
    {
        return Ok(network);
    }
    if text == default_name(ctx) {
        return Network::default_of(ctx);
    }
    if id::is_prefix(text) {
        let mut found = all(ctx)?
            .into_iter()
            .filter(|network| network.id.starts_with(text));
        if let Some(network) = found.next() {
            if found.next().is_some() {
                bail!("more than one result for network ID {text}: network already exists");
            }
            return Ok(network);
        }
    }
    let names = all(ctx)?.into_iter().map(|network| network.name);
    Err(NetworkError::NotFound(Missing::among(text, names)).into())
}

/// Removes what killed processes have left half-written. The caller holds the lock.
fn sweep(ctx: &Context) -> Result<()> {
    for path in half_written(ctx)? {
        fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
    }
    Ok(())
}

fn half_written(ctx: &Context) -> Result<Vec<PathBuf>> {
    let mut paths = entries(&directory(ctx))?;
    paths.retain(|path| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        name.starts_with(b".tmp-") && name.ends_with(b".json")
    });
    Ok(paths)
}

/// Held while networks, addresses and ports are given and taken, and while netavark works: two of it at once can meet on one bridge.
fn lock(ctx: &Context) -> Result<Lock> {
    host::lock(ctx)
}
