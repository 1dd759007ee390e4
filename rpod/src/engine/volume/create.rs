//! A volume is made: podman-volume-create(1).

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::backing::Backing;
use super::{Volume, VolumeError, home, load, lock, nameless, sweep};
use crate::engine::container::create::lock_images;
use crate::engine::{Context, event, selinux};
use crate::store::directory::remove_tree;
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
            check_options(&volume.options)?;
            owner(&mut volume)?;
            volume.needs_copy_up = true;
            volume.has_owner = volume.uid.is_some() || volume.gid.is_some();
            None
        }
        "image" => {
            let images = lock_images(ctx)?;
            volume.image = Some(Backing::asked(ctx, &volume.options)?);
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
    let made = fill(&volume, &nameless).with_context(making);
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
        let _ = remove_tree(&nameless);
    }
    made?;
    event::volume(ctx, "create", &volume.name);
    Ok(volume)
}

fn fill(volume: &Volume, home: &Path) -> Result<()> {
    let data = volume.data_in(home);
    fs::create_dir_all(&data)?;
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755))?;
    chown(&data, volume.uid.or(Some(0)), volume.gid.or(Some(0)))?;
    if let Some(label) = selinux::shared_file_label() {
        selinux::label_file(&data, &label)?;
    }
    record::save(&home.join("volume.json"), volume, Durability::Disk)
}

/// `o=uid=N,gid=N`: whose the volume is.
fn owner(volume: &mut Volume) -> Result<()> {
    let list = volume.options.get("o").cloned().unwrap_or_default();
    for option in list.split(',') {
        let number = |text: &str| {
            let number = text.parse().ok();
            number
                .with_context(|| format!("volume option o: cannot convert {option:?} to a number"))
        };
        match option.split_once('=') {
            // Podman shows them as options, too.
            Some(("uid", text)) => {
                volume.uid = Some(number(text)?);
                volume.options.insert("UID".to_owned(), text.to_owned());
            }
            Some(("gid", text)) => {
                volume.gid = Some(number(text)?);
                volume.options.insert("GID".to_owned(), text.to_owned());
            }
            // A tmpfs has a size of its own.
            Some(("size" | "inodes", _)) if !mounts(&volume.options) => bail!(
                "volume options size and inodes not supported: quotas of volumes need XFS with project quotas, and rpod sets none: use type=tmpfs, or a file system of its own by type and device"
            ),
            _ => {}
        }
    }
    Ok(())
}

/// True if a kind of file system is asked for.
fn mounts(options: &BTreeMap<String, String>) -> bool {
    options.contains_key("type") || options.contains_key("device")
}

fn check_options(options: &BTreeMap<String, String>) -> Result<()> {
    for (key, value) in options {
        match key.as_str() {
            "type" | "device" | "o" => {}
            "copy" | "nocopy" if value.is_empty() => {}
            _ => bail!(
                "invalid mount option {key} for driver 'local': invalid argument: type, device, o, copy and nocopy are known"
            ),
        }
    }
    if let (Some("bind"), Some(device)) = (
        options.get("type").map(String::as_str),
        options.get("device"),
    ) && !Path::new(device).exists()
    {
        bail!(
            "invalid volume option device for driver 'local': faccessat {device}: no such file or directory"
        );
    }
    if options.contains_key("type") && !options.contains_key("device") {
        let needs_device = !matches!(options["type"].as_str(), "tmpfs" | "ramfs");
        if needs_device {
            bail!(
                "volume option type={} needs device=…: invalid argument",
                options["type"]
            );
        }
    }
    Ok(())
}
