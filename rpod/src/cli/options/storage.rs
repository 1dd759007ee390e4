//! What the container sees besides its image: volumes, temporary file systems, devices.

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::resources::bytes;
use super::{mount, volume};
use crate::engine::Context;
use crate::engine::container::find;
use crate::engine::container::record::{Container, Mount};

#[derive(Args, Debug)]
pub(super) struct StorageOptions {
    /// Chroot directories inside the container that get rpod's own files, too
    #[arg(long, value_name = "PATH", value_delimiter = ',')]
    chrootdirs: Vec<String>,
    /// Add a host device to the container
    #[arg(long, value_name = "HOST[:CONTAINER][:rwm]")]
    device: Vec<String>,
    /// What becomes of the volumes that the image declares (anonymous, ignore, tmpfs)
    #[arg(long, value_name = "KIND", value_parser = ["anonymous", "bind", "ignore", "tmpfs"], default_value = "anonymous")]
    image_volume: String,
    /// Attach a filesystem mount to the container
    #[arg(long, value_name = "type=TYPE,KEY=VALUE,…")]
    mount: Vec<String>,
    /// Make containers root filesystem read-only
    #[arg(long)]
    read_only: bool,
    /// When running --read-only containers mount read-write tmpfs on /dev, /dev/shm, /run, /tmp and /var/tmp
    #[arg(long, value_name = "BOOL", default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    read_only_tmpfs: bool,
    /// Size of /dev/shm
    #[arg(long, value_name = "SIZE", default_value = "64m")]
    shm_size: String,
    /// Mount a temporary filesystem (tmpfs) into a container
    #[arg(long, value_name = "PATH[:OPTIONS]")]
    tmpfs: Vec<String>,
    /// Bind mount a volume into the container
    #[arg(short, long, value_name = "[SOURCE:]DEST[:OPTIONS]")]
    volume: Vec<String>,
    /// Mount volumes from the specified container(s)
    #[arg(long, value_name = "CONTAINER[:OPTIONS]", value_delimiter = ',')]
    volumes_from: Vec<String>,
}

impl StorageOptions {
    pub(super) fn apply(&self, ctx: &Context, c: &mut Container) -> Result<()> {
        if let Some(dir) = self.chrootdirs.iter().find(|dir| !dir.starts_with('/')) {
            bail!("--chrootdirs {dir:?}: must be an absolute path of the container");
        }
        c.chroot_dirs = self.chrootdirs.clone();
        c.read_only = self.read_only;
        c.no_read_only_tmpfs = !self.read_only_tmpfs;
        c.devices = self.device.clone();
        c.shm_size = u64::try_from(bytes(&self.shm_size)?)?;
        let mut asked = Vec::new();
        for text in &self.volume {
            asked.push(volume::parse(text)?);
        }
        for text in &self.mount {
            asked.extend(mount::parse(text).with_context(|| format!("--mount {text}"))?);
        }
        for text in &self.tmpfs {
            asked.push(tmpfs(text));
        }
        for (at, mount) in asked.iter().enumerate() {
            let same = |other: &Mount| other.destination == mount.destination;
            if asked[..at].iter().any(same) {
                bail!("{}: duplicate mount destination", mount.destination);
            }
        }
        // What is asked for itself wins over what another container has there.
        for mount in from_containers(ctx, &self.volumes_from)? {
            if !asked.iter().any(|own| own.destination == mount.destination) {
                asked.push(mount);
            }
        }
        c.mounts.extend(asked);
        Ok(())
    }

    /// Decides over the volumes that the image declares; those that stay in the list become anonymous ones.
    pub(super) fn apply_image(&self, c: &mut Container) {
        match self.image_volume.as_str() {
            "ignore" => c.image.volumes.clear(),
            "tmpfs" => {
                for path in std::mem::take(&mut c.image.volumes) {
                    if !c.mounts.iter().any(|mount| mount.destination == path) {
                        c.mounts.push(tmpfs(&path));
                    }
                }
            }
            _ => {}
        }
    }
}

/// `CONTAINER[:ro|rw|z]`: the volumes and bind mounts of containers.
pub(in crate::cli) fn from_containers(ctx: &Context, texts: &[String]) -> Result<Vec<Mount>> {
    let mut mounts = Vec::new();
    for text in texts {
        let (name, options) = text.split_once(':').unwrap_or((text, ""));
        for mut mount in find(ctx, name)?.mounts {
            match options {
                "" | "rw" | "z" => {}
                "ro" => {
                    mount.options.retain(|option| option != "rw");
                    mount.options.push("ro".to_owned());
                }
                _ => bail!("invalid --volumes-from option {options:?}: ro, rw or z"),
            }
            mounts.push(mount);
        }
    }
    Ok(mounts)
}

fn tmpfs(text: &str) -> Mount {
    let (destination, options) = text.split_once(':').unwrap_or((text, ""));
    let options = options
        .split(',')
        .filter(|option| !option.is_empty())
        .map(str::to_owned)
        .collect();
    mount::temporary("tmpfs", destination, options)
}
