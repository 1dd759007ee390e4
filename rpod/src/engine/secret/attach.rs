//! Secrets in a container: each is copied when the container is made, so that it lives on with it whatever becomes of the secret.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::driver;
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::store::record::Durability;

/// One `--secret`, as the container's record has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attached {
    pub id: String,
    pub name: String,
    /// The variable that it becomes; else it is a file.
    pub variable: Option<String>,
    /// Where the file is inside.
    pub target: String,
    pub uid: u32,
    pub gid: u32,
    pub mode: u32,
}

/// Copies them into the directory of a container that is being made.
pub fn copy(ctx: &Context, container: &Container, durability: Durability) -> Result<()> {
    if container.secrets.is_empty() {
        return Ok(());
    }
    let home = container.home(ctx);
    let directory = home.join("secrets");
    DirBuilder::new()
        .mode(0o700)
        .create(&directory)
        .with_context(|| format!("making {}", directory.display()))?;
    for (number, attached) in container.secrets.iter().enumerate() {
        let secret = super::find(ctx, &attached.id)?;
        let data = driver::lookup(ctx, &secret)?;
        let path = path(&home, number);
        write(&path, attached, &data, durability)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

fn write(
    path: &Path,
    attached: &Attached,
    data: &[u8],
    durability: Durability,
) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(data)?;
    if attached.variable.is_none() {
        std::os::unix::fs::fchown(&file, Some(attached.uid), Some(attached.gid))?;
        file.set_permissions(Permissions::from_mode(attached.mode))?;
    }
    if durability == Durability::Disk {
        file.sync_all()?;
    }
    Ok(())
}

/// The container's copy of its secret with that number.
pub fn path(home: &Path, number: usize) -> PathBuf {
    home.join("secrets").join(number.to_string())
}

/// `NAME=VALUE` of those that are variables.
pub fn variables(container: &Container, home: &Path) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for (number, attached) in container.secrets.iter().enumerate() {
        if let Some(name) = &attached.variable {
            let path = path(home, number);
            let value = fs::read_to_string(&path).with_context(|| {
                format!(
                    "secret {} as the variable {name}: reading {}",
                    attached.name,
                    path.display()
                )
            })?;
            all.push(format!("{name}={value}"));
        }
    }
    Ok(all)
}
