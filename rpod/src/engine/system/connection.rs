//! Where podman's service listens on other machines: podman-system-connection(1), `podman-connections.json`.
//!
//! The file is podman's own, so that both know the same connections. rpod keeps the list; it does not speak to a service elsewhere yet.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::store::Lock;
use crate::store::record::{self, Durability};

/// One destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Destination {
    #[serde(rename = "URI")]
    pub uri: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub identity: String,
    #[serde(rename = "TLSCAFile", skip_serializing_if = "String::is_empty")]
    pub tls_ca: String,
    #[serde(rename = "TLSCertFile", skip_serializing_if = "String::is_empty")]
    pub tls_cert: String,
    #[serde(rename = "TLSKeyFile", skip_serializing_if = "String::is_empty")]
    pub tls_key: String,
    /// What else podman keeps of it.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Connections {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub default: String,
    pub connections: BTreeMap<String, Destination>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Contents {
    #[serde(rename = "Connection")]
    connection: Connections,
    /// Farms of podman's.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// All connections, and which is the default.
pub fn all() -> Result<Connections> {
    let contents: Option<Contents> = record::load_if_there(&path()?)?;
    Ok(contents.unwrap_or_default().connection)
}

pub fn add(name: &str, destination: Destination, make_default: bool) -> Result<()> {
    if name.is_empty() {
        bail!("a connection needs a name");
    }
    change(|connections| {
        if make_default || connections.connections.is_empty() {
            connections.default = name.to_owned();
        }
        connections.connections.insert(name.to_owned(), destination);
        Ok(())
    })
}

/// One that is not there is no error, as with podman.
pub fn remove(name: &str) -> Result<()> {
    change(|connections| {
        connections.connections.remove(name);
        if connections.default == name {
            connections.default.clear();
        }
        Ok(())
    })
}

pub fn remove_all() -> Result<()> {
    change(|connections| {
        *connections = Connections::default();
        Ok(())
    })
}

pub fn set_default(name: &str) -> Result<()> {
    change(|connections| {
        known(connections, name)?;
        connections.default = name.to_owned();
        Ok(())
    })
}

pub fn rename(old: &str, new: &str) -> Result<()> {
    change(|connections| {
        known(connections, old)?;
        if connections.connections.contains_key(new) {
            bail!("destination {new:?} is there already: remove it first, or choose another name");
        }
        if let Some(destination) = connections.connections.remove(old) {
            connections.connections.insert(new.to_owned(), destination);
        }
        if connections.default == old {
            connections.default = new.to_owned();
        }
        Ok(())
    })
}

fn known(connections: &Connections, name: &str) -> Result<()> {
    if connections.connections.contains_key(name) {
        return Ok(());
    }
    bail!(
        "{name:?} destination is not defined. See \"rpod system connection add ...\" to create a connection"
    )
}

/// `PODMAN_CONNECTIONS_CONF`, else beside the user's containers.conf.
fn path() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("PODMAN_CONNECTIONS_CONF") {
        let path = PathBuf::from(path);
        if !path.is_absolute() {
            bail!(
                "PODMAN_CONNECTIONS_CONF: {}: the path is not absolute",
                path.display()
            );
        }
        return Ok(path);
    }
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
    let config = config
        .or_else(home)
        .context("neither XDG_CONFIG_HOME nor HOME is set: set one, or PODMAN_CONNECTIONS_CONF")?;
    Ok(config.join("containers/podman-connections.json"))
}

fn change(act: impl FnOnce(&mut Connections) -> Result<()>) -> Result<()> {
    let path = path()?;
    let directory = path
        .parent()
        .context("podman-connections.json has no directory")?;
    fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    let _lock = Lock::exclusive(directory)?;
    let mut contents: Contents = record::load_if_there(&path)?.unwrap_or_default();
    act(&mut contents.connection)?;
    record::save(&path, &contents, Durability::Disk)
}
