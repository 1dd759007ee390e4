//! What the container sees besides its image: volumes, temporary file systems, devices.

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::resources::bytes;
use crate::engine::container::record::{Container, Mount};

#[derive(Args, Debug)]
pub(super) struct StorageOptions {
    /// Add a host device to the container
    #[arg(long, value_name = "HOST[:CONTAINER][:rwm]")]
    device: Vec<String>,
    /// Make containers root filesystem read-only
    #[arg(long)]
    read_only: bool,
    /// Size of /dev/shm
    #[arg(long, value_name = "SIZE", default_value = "64m")]
    shm_size: String,
    /// Mount a temporary filesystem (tmpfs) into a container
    #[arg(long, value_name = "PATH[:OPTIONS]")]
    tmpfs: Vec<String>,
    /// Bind mount a volume into the container
    #[arg(short, long, value_name = "[SOURCE:]DEST[:OPTIONS]")]
    volume: Vec<String>,
}

impl StorageOptions {
    pub(super) fn apply(&self, c: &mut Container) -> Result<()> {
        c.read_only = self.read_only;
        c.devices = self.device.clone();
        c.shm_size = u64::try_from(bytes(&self.shm_size)?)?;
        for text in &self.volume {
            c.mounts.push(volume(text)?);
        }
        for text in &self.tmpfs {
            c.mounts.push(tmpfs(text));
        }
        Ok(())
    }
}

/// `SOURCE:DEST[:OPTIONS]` with a directory of the host.
pub(in crate::cli) fn volume(text: &str) -> Result<Mount> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, destination, options) = match parts[..] {
        [source, destination] => (source, destination, ""),
        [source, destination, options] => (source, destination, options),
        _ => bail!("incorrect volume format {text:?}, should be host-dir:ctr-dir[:option]"),
    };
    if !destination.starts_with('/') {
        bail!("invalid container path {destination:?}, must be an absolute path");
    }
    if !source.starts_with(['/', '.']) {
        bail!("volume {source:?}: named volumes are not supported, give a directory of the host");
    }
    let path = std::fs::canonicalize(source).with_context(|| format!("statfs {source}"))?;
    let mut kept = Vec::new();
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" | "rw" | "bind" | "rbind" | "exec" | "noexec" | "suid" | "nosuid" | "dev"
            | "nodev" | "shared" | "rshared" | "slave" | "rslave" | "private" | "rprivate" => {
                kept.push(option.to_owned())
            }
            // SELinux labels: nothing to set where there is no SELinux.
            "z" | "Z" if !std::path::Path::new("/sys/fs/selinux/enforce").exists() => {}
            _ => bail!("invalid option {option:?} for volume {text:?}"),
        }
    }
    Ok(Mount {
        kind: "bind".into(),
        source: path.to_string_lossy().into_owned(),
        destination: destination.to_owned(),
        options: kept,
    })
}

fn tmpfs(text: &str) -> Mount {
    let (destination, options) = text.split_once(':').unwrap_or((text, ""));
    let mut all: Vec<String> = options
        .split(',')
        .filter(|option| !option.is_empty())
        .map(str::to_owned)
        .collect();
    for (default, opposite) in [("nosuid", "suid"), ("nodev", "dev"), ("rprivate", "shared")] {
        if !all
            .iter()
            .any(|option| option == opposite || option == default)
        {
            all.push(default.to_owned());
        }
    }
    if !all
        .iter()
        .any(|option| option == "notmpcopyup" || option == "tmpcopyup")
    {
        all.push("tmpcopyup".into());
    }
    all.retain(|option| option != "notmpcopyup");
    Mount {
        kind: "tmpfs".into(),
        source: "tmpfs".into(),
        destination: destination.to_owned(),
        options: all,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn volumes() {
        let mount = volume("/:/host:ro").unwrap();
        assert_eq!(
            (mount.source.as_str(), mount.destination.as_str()),
            ("/", "/host")
        );
        assert!(volume("/:host").is_err() && volume("/:/x:fly").is_err());
    }
}
