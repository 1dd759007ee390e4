//! A container that systemd starts, or that starts systemd.

use anyhow::{Context as _, Result};
use clap::Args;

use super::resources::bytes;
use crate::engine::container::record::Container;
use crate::systemd::mode::{self, Mode};
use crate::systemd::notify::Readiness;

#[derive(Args, Debug)]
pub(super) struct SystemdOptions {
    /// Who tells the unit at NOTIFY_SOCKET that it is ready (container, conmon, healthy, ignore)
    #[arg(long, value_name = "MODE", default_value = "container")]
    sdnotify: String,
    /// Size of the tmpfs that a container in systemd mode has on /run, /run/lock, /tmp and /var/log/journal
    #[arg(long, value_name = "SIZE")]
    shm_size_systemd: Option<String>,
    /// Run the container in systemd mode: when its command is an init (true), always, or never (false)
    #[arg(long, value_name = "MODE", default_value = "true")]
    systemd: String,
}

impl SystemdOptions {
    pub(super) fn apply(&self, c: &mut Container) -> Result<()> {
        c.sdnotify = self.sdnotify.parse::<Readiness>()?;
        let size = self.shm_size_systemd.as_deref().map(bytes).transpose();
        let size = size.context("unable to translate --shm-size-systemd")?;
        c.shm_size_systemd = size
            .map(u64::try_from)
            .transpose()?
            .filter(|size| *size > 0);
        Ok(())
    }

    /// Once it is known what runs. `signal_is_given`: by the person or the image.
    pub(super) fn apply_command(&self, c: &mut Container, signal_is_given: bool) -> Result<()> {
        c.systemd = self.systemd.parse::<Mode>()?.applies(&c.process.args());
        if c.systemd && !signal_is_given {
            c.stop_signal = mode::STOP_SIGNAL;
        }
        Ok(())
    }
}
