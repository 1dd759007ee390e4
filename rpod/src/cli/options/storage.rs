//! What the container sees besides its image: volumes, temporary file systems, devices.

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;

use super::resources::{bytes, decimal_bytes};
use super::{mount, volume};
use crate::cli::errors::worded;
use crate::engine::Context;
use crate::engine::container::find;
use crate::engine::container::record::{Container, IpcSharing, Mount, Namespace};

#[derive(Args, Debug)]
pub(super) struct StorageOptions {
    /// Chroot directories inside the container that get rpod's own files, too
    #[arg(long, value_name = "PATH")]
    chrootdirs: Vec<String>,
    /// Add a host device to the container, or one that is described (CDI) by its name: VENDOR/CLASS=NAME
    #[arg(long, value_name = "HOST[:CONTAINER][:rwm]")]
    device: Vec<String>,
    /// GPU devices to add to the container (all, or what their vendor calls them)
    #[arg(long, value_name = "GPU", value_delimiter = ',')]
    gpus: Vec<String>,
    /// What becomes of the volumes that the image declares: anonymous, ignore or tmpfs (default anonymous)
    #[arg(long, value_name = "KIND")]
    image_volume: Option<String>,
    /// Attach a filesystem mount to the container
    #[arg(long, value_name = "type=TYPE,KEY=VALUE,…")]
    mount: Vec<String>,
    /// Make containers root filesystem read-only
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    read_only: Option<bool>,
    /// When running --read-only containers mount read-write tmpfs on /dev, /dev/shm, /run, /tmp and /var/tmp
    #[arg(long, value_name = "BOOL", default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    read_only_tmpfs: bool,
    /// Size of /dev/shm (default 64m)
    #[arg(long, value_name = "SIZE")]
    shm_size: Option<String>,
    /// Mount a temporary filesystem (tmpfs) into a container
    #[arg(long, value_name = "PATH[:OPTIONS]")]
    tmpfs: Vec<String>,
    /// Bind mount a volume into the container
    #[arg(short, long, value_name = "[SOURCE:]DEST[:OPTIONS]")]
    volume: Vec<String>,
    /// Mount volumes from the specified container(s)
    #[arg(long, value_name = "CONTAINER[:OPTIONS]")]
    volumes_from: Vec<String>,
}

impl StorageOptions {
    pub(super) fn apply(&self, ctx: &Context, c: &mut Container) -> Result<()> {
        if let Some(dir) = self.chrootdirs.iter().find(|dir| !dir.starts_with('/')) {
            bail!("--chrootdirs {dir:?}: must be an absolute path of the container");
        }
        c.chroot_dirs = self.chrootdirs.clone();
        let conf = &ctx.config.containers_conf.containers;
        c.read_only = self.read_only.unwrap_or(conf.read_only);
        c.no_read_only_tmpfs = !self.read_only_tmpfs;
        c.devices = conf.devices.clone().unwrap_or_default();
        c.devices.extend(self.device.iter().cloned());
        c.gpus = self.gpus.clone();
        let without_shm = match (&c.namespaces.ipc, c.namespaces.ipc_sharing) {
            (Namespace::Host, _) => Some("host"),
            (_, IpcSharing::None) => Some("none"),
            _ => None,
        };
        if let (Some(mode), Some(_)) = (without_shm, &self.shm_size) {
            bail!(
                "invalid config provided: cannot set shmsize when running in the {mode} IPC Namespace"
            );
        }
        let size = match (&self.shm_size, &conf.shm_size) {
            (Some(asked), _) => bytes(asked),
            (None, configured) => decimal_bytes(configured.as_deref().unwrap_or("65536k")),
        };
        c.shm_size = u64::try_from(size.context("unable to translate --shm-size")?)?;
        let mut asked = Vec::new();
        for text in &self.volume {
            asked.push(volume::parse(text)?);
        }
        for text in &self.mount {
            let parsed = mount::parse(text);
            // Of several, it is told which one.
            asked.extend(parsed.map_err(|error| match self.mount.len() {
                1 => error,
                _ => anyhow!("{}: --mount {text}", worded(&error)),
            })?);
        }
        for text in &self.tmpfs {
            let mount = tmpfs(text)?;
            if !mount.destination.starts_with('/') {
                bail!(
                    "invalid container path {:?}, must be an absolute path",
                    mount.destination
                );
            }
            asked.push(mount);
        }
        let mut asked = without_repetitions(asked)?;
        c.volumes_from.clone_from(&self.volumes_from);
        let mut more = from_containers(ctx, &self.volumes_from)?;
        for text in conf.volumes.iter().flatten() {
            more.push(volume::parse(text).context("volumes of containers.conf")?);
        }
        for text in conf.mounts.iter().flatten() {
            more.extend(mount::parse(text).context("parsing containers.conf mounts")?);
        }
        // What is asked for itself wins over what another container has there, and that over what is configured.
        for mount in more {
            if !asked.iter().any(|own| own.destination == mount.destination) {
                asked.push(mount);
            }
        }
        c.mounts.extend(asked);
        Ok(())
    }

    /// Decides over the volumes that the image declares; those that stay in the list become anonymous ones.
    pub(super) fn apply_image(&self, ctx: &Context, c: &mut Container) -> Result<()> {
        let configured = ctx
            .config
            .containers_conf
            .engine
            .image_volume_mode
            .as_deref();
        let asked = self.image_volume.as_deref();
        match asked.or(configured).unwrap_or_default() {
            "ignore" => c.image.volumes.clear(),
            "tmpfs" => {
                for path in std::mem::take(&mut c.image.volumes) {
                    if !c.mounts.iter().any(|mount| mount.destination == path) {
                        c.mounts.push(mount::temporary("tmpfs", &path, Vec::new()));
                    }
                }
            }
            "" | "anonymous" | "bind" => {}
            other => bail!(
                "invalid ImageVolumeMode {other:?}, value must be one of ignore,tmpfs,anonymous"
            ),
        }
        Ok(())
    }
}

/// What is asked for twice is had once; two things at one place are an error.
fn without_repetitions(asked: Vec<Mount>) -> Result<Vec<Mount>> {
    let mut all: Vec<Mount> = Vec::new();
    for mount in asked {
        match all
            .iter()
            .find(|other| other.destination == mount.destination)
        {
            None => all.push(mount),
            Some(other) if *other == mount => {}
            Some(_) => bail!("{}: duplicate mount destination", mount.destination),
        }
    }
    Ok(all)
}

/// `CONTAINER[:ro|rw|z]`: the volumes and bind mounts of containers.
pub(in crate::cli) fn from_containers(ctx: &Context, texts: &[String]) -> Result<Vec<Mount>> {
    let mut mounts = Vec::new();
    for text in texts {
        let (name, options) = text.split_once(':').unwrap_or((text, ""));
        let options: Vec<&str> = options.split(',').filter(|o| !o.is_empty()).collect();
        for (at, option) in options.iter().enumerate() {
            match *option {
                "z" if options[..at].contains(&"z") => {
                    bail!("cannot set :z more than once in mount options")
                }
                "ro" | "rw" if options[..at].iter().any(|o| ["ro", "rw"].contains(o)) => {
                    bail!("cannot set ro or rw options more than once")
                }
                "z" | "ro" | "rw" => {}
                _ => bail!(
                    "invalid option {option:?} specified - volumes from another container can only use z,ro,rw options"
                ),
            }
        }
        let from = find(ctx, name)
            .with_context(|| format!("looking up container {name:?} for volumes-from"))?;
        for mut mount in from.mounts {
            if options.contains(&"ro") {
                mount.options.retain(|option| option != "rw");
                mount.options.push("ro".to_owned());
            }
            if options.contains(&"z") {
                volume::add(&mut mount.options, "z");
            }
            mounts.push(mount);
        }
    }
    Ok(mounts)
}

fn tmpfs(text: &str) -> Result<Mount> {
    let (destination, options) = text.split_once(':').unwrap_or((text, ""));
    let options: Vec<String> = options
        .split(',')
        .filter(|option| !option.is_empty())
        .map(str::to_owned)
        .collect();
    match options.iter().find(|option| !is_of_tmpfs(option)) {
        Some(option) => bail!("unknown mount option {option:?}: invalid mount option"),
        None => Ok(mount::temporary("tmpfs", destination, options)),
    }
}

/// An option of any mount, or one of tmpfs(5).
fn is_of_tmpfs(option: &str) -> bool {
    const KEYS: [&str; 8] = [
        "size",
        "mode",
        "uid",
        "gid",
        "nr_blocks",
        "nr_inodes",
        "huge",
        "mpol",
    ];
    const WORDS: [&str; 9] = [
        "tmpcopyup",
        "notmpcopyup",
        "U",
        "noswap",
        "noatime",
        "nodiratime",
        "relatime",
        "strictatime",
        "sync",
    ];
    match option.split_once('=') {
        Some((key, _)) => KEYS.contains(&key),
        None => WORDS.contains(&option) || volume::is_mount_option(option),
    }
}
