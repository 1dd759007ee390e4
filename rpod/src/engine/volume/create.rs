//! A volume is made: podman-volume-create(1).

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::backing::Backing;
use super::{Volume, VolumeError, discard, home, load, lock, nameless, options, sweep};
use crate::config::storage_options;
use crate::engine::container::create::lock_images;
use crate::engine::container::upper;
use crate::engine::{Context, event, selinux};
use crate::store::record::{self, Durability};
use crate::store::{id, names};

/// Makes the volume, and gives it a name if it has none.
pub fn create(ctx: &Context, volume: Volume) -> Result<Volume> {
    let _lock = lock(ctx)?;
    sweep(ctx)?;
    create_locked(ctx, volume)
}

/// The volume of this name, made if it is not there.
pub(super) fn ensure(
    ctx: &Context,
    name: &str,
    options: BTreeMap<String, String>,
) -> Result<Volume> {
    if names::is_valid(name)
        && let Some(volume) = load(ctx, name)?
    {
        return Ok(volume);
    }
    let wanted = Volume {
        name: name.to_owned(),
        options,
        ..Volume::default()
    };
    match create_locked(ctx, wanted) {
        // Two containers may be made at once, and both find it missing.
        Err(error) if matches!(error.downcast_ref(), Some(VolumeError::Exists(_))) => {
            super::get(ctx, name)
        }
        made => made,
    }
}

pub(super) fn create_locked(ctx: &Context, mut volume: Volume) -> Result<Volume> {
    if volume.name.is_empty() {
        volume.name = id::new()?;
        volume.anonymous = true;
    }
    names::check(&volume.name).context("running volume create option")?;
    if volume.driver.is_empty() {
        volume.driver = "local".to_owned();
    }
    let _images = match volume.driver.as_str() {
        "local" => {
            options::settle(&mut volume)?;
            volume.needs_copy_up = true;
            volume.has_owner = volume.uid.is_some() || volume.gid.is_some();
            None
        }
        "image" => {
            let images = lock_images(ctx)?;
            volume.image = Some(Backing::asked(ctx, &volume.options)?);
            volume.quota = storage_options()?.quota;
            volume.has_owner = true;
            Some(images)
        }
        driver => bail!(
            "volume {} uses volume plugin {driver} but it could not be retrieved: no volume plugin with name {driver} available: required plugin missing: local and image are rpod's drivers",
            volume.name
        ),
    };
    volume.created = jiff::Timestamp::now().to_string();
    let making = || format!("making volume {}", volume.name);
    if load(ctx, &volume.name)?.is_some() {
        return Err(VolumeError::Exists(volume.name).into());
    }
    let nameless = nameless(ctx)?;
    let made = fill(&volume, &nameless);
    let made = made.and_then(|()| match fs::rename(&nameless, home(ctx, &volume.name)) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists
            ) =>
        {
            Err(VolumeError::Exists(volume.name.clone()).into())
        }
        named => named.with_context(making),
    });
    if made.is_err() {
        // What went wrong is the error; what is left is swept.
        let _ = discard(&nameless);
    }
    made?;
    event::volume(ctx, "create", &volume.name);
    Ok(volume)
}

fn fill(volume: &Volume, home: &Path) -> Result<()> {
    let data = volume.data_in(home);
    let made = fs::create_dir_all(&data)
        .and_then(|()| fs::set_permissions(&data, fs::Permissions::from_mode(0o755)))
        .and_then(|()| chown(&data, volume.uid.or(Some(0)), volume.gid.or(Some(0))));
    made.with_context(|| format!("making volume {}", volume.name))?;
    if let Some(label) = selinux::shared_file_label() {
        selinux::label_file(&data, &label)?;
    }
    limit(volume, home)?;
    record::save(&home.join("volume.json"), volume, Durability::Disk)
        .with_context(|| format!("making volume {}", volume.name))
}

/// Limits what the volume may hold, before anything is in it.
pub(super) fn limit(volume: &Volume, home: &Path) -> Result<()> {
    match &volume.image {
        _ if volume.quota.is_none() => Ok(()),
        Some(_) => upper::make(home, &volume.quota),
        None => options::limit(&volume.quota, home),
    }
}
