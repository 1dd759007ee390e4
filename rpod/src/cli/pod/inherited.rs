//! What every container of a pod takes over from its infra container.

use anyhow::{Context as _, Result};
use clap::Args;

use crate::cli::options::{bytes, from_containers, security_option, sysctls, volume};
use crate::engine::Context;
use crate::engine::container::record::{Container, Mount};
use crate::engine::container::restart;

#[derive(Args, Debug)]
pub(super) struct InheritedOptions {
    /// Add a host device to the pod's containers
    #[arg(long, value_name = "HOST[:CONTAINER][:rwm]")]
    device: Vec<String>,
    /// GPU devices to add to the pod's containers (all, or what their vendor calls them)
    #[arg(long, value_name = "GPU", value_delimiter = ',')]
    gpus: Vec<String>,
    /// Restart policy of the pod's containers (no, always, unless-stopped, on-failure[:N])
    #[arg(long, value_name = "POLICY")]
    restart: Option<String>,
    /// Security Options (no-new-privileges, seccomp=, apparmor=, mask=, unmask=)
    #[arg(long, value_name = "OPTION")]
    security_opt: Vec<String>,
    /// Size of /dev/shm
    #[arg(long, value_name = "SIZE")]
    shm_size: Option<String>,
    /// Size of the tmpfs that containers in systemd mode have on /run, /run/lock, /tmp and /var/log/journal
    #[arg(long, value_name = "SIZE")]
    shm_size_systemd: Option<String>,
    /// Sysctl options
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',')]
    sysctl: Vec<String>,
    /// Bind mount a volume into the pod's containers
    #[arg(short, long, value_name = "[SOURCE:]DEST[:OPTIONS]")]
    volume: Vec<String>,
    /// Mount volumes from the specified container
    #[arg(long, value_name = "CONTAINER")]
    volumes_from: Vec<String>,
}

impl InheritedOptions {
    pub(super) fn apply(&self, ctx: &Context, infra: &mut Container) -> Result<()> {
        if !self.device.is_empty() {
            infra.devices = self.device.clone();
        }
        if !self.gpus.is_empty() {
            infra.gpus = self.gpus.clone();
        }
        if let Some(policy) = &self.restart {
            infra.restart = restart::parse(policy, "running pod create option: ")?;
        }
        for option in &self.security_opt {
            security_option(&mut infra.security, option)?;
        }
        if let Some(size) = &self.shm_size {
            let size = bytes(size).context("unable to translate --shm-size")?;
            infra.shm_size = u64::try_from(size)?;
        }
        if let Some(size) = &self.shm_size_systemd {
            let size = bytes(size).context("unable to translate --shm-size-systemd")?;
            let size = u64::try_from(size)?;
            infra.shm_size_systemd = Some(size).filter(|size| *size > 0);
        }
        infra.security.sysctls.extend(sysctls(&self.sysctl)?);
        for text in &self.volume {
            put(&mut infra.mounts, volume(text)?);
        }
        for mount in from_containers(ctx, &self.volumes_from)? {
            put(&mut infra.mounts, mount);
        }
        Ok(())
    }

    /// The first option that was given, for pods that have no infra container to hold it.
    pub(super) fn first(&self) -> Option<&'static str> {
        let given = [
            ("--device", !self.device.is_empty()),
            ("--gpus", !self.gpus.is_empty()),
            ("--restart", self.restart.is_some()),
            ("--security-opt", !self.security_opt.is_empty()),
            ("--shm-size", self.shm_size.is_some()),
            ("--shm-size-systemd", self.shm_size_systemd.is_some()),
            ("--sysctl", !self.sysctl.is_empty()),
            ("--volume", !self.volume.is_empty()),
            ("--volumes-from", !self.volumes_from.is_empty()),
        ];
        given
            .iter()
            .find(|(_, given)| *given)
            .map(|(name, _)| *name)
    }
}

/// In the place of another one at the same destination, which a clone may have.
fn put(mounts: &mut Vec<Mount>, mount: Mount) {
    mounts.retain(|other| other.destination != mount.destination);
    mounts.push(mount);
}
