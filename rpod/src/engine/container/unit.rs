//! The unit that started rpod: what it hands to the container, and what it is told of it.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::health;
use super::record::{Container, Mount};
use super::supervision::unheard;
use crate::engine::Context;
use crate::monitor;
use crate::systemd::notify::{self, Readiness};
use crate::systemd::sockets::Sockets;

#[derive(Debug)]
pub(super) struct Unit {
    pub(super) sockets: Sockets,
    readiness: Readiness,
    /// Its socket, if it waits for news.
    socket: Option<PathBuf>,
}

impl Unit {
    /// Lets the container have what it is handed: variables, and the directory in which the monitor makes a socket.
    pub(super) fn hand_over(container: &mut Container, home: &Path) -> Result<Unit> {
        let unit = Unit {
            sockets: Sockets::of_environment()?,
            readiness: container.sdnotify,
            socket: notify::socket(),
        };
        unit.sockets.hold()?;
        container.process.env.extend(unit.sockets.variables());
        if unit.relay().is_some() {
            let directory = home.join("notify");
            let named = || format!("making {}", directory.display());
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(&directory)
                .with_context(named)?;
            // The container's user has to get at the socket, whatever the caller's umask.
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o755))
                .with_context(named)?;
            container.process.env.push(notify::inside());
            container.mounts.push(Mount {
                kind: "bind".to_owned(),
                source: directory.to_string_lossy().into_owned(),
                destination: notify::INSIDE.to_owned(),
                options: ["bind", "ro", "nosuid", "nodev", "noexec"]
                    .map(str::to_owned)
                    .into(),
                ..Mount::default()
            });
        }
        Ok(unit)
    }

    /// The socket at which the container is heard through its monitor.
    pub(super) fn relay(&self) -> Option<PathBuf> {
        let socket = self.socket.clone();
        socket.filter(|_| self.readiness == Readiness::Container)
    }

    /// The unit's main process is the monitor: it lives as long as the container and ends as it does.
    pub(super) fn tell_pid(&self, run: &Path) -> Result<()> {
        if self.socket.is_none() || self.readiness == Readiness::Ignore {
            return Ok(());
        }
        let path = monitor::pidfile(run);
        let pid =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        notify::tell(&format!("MAINPID={}", pid.trim()))
    }

    /// Once the container runs.
    pub(super) fn tell_ready(&self) -> Result<()> {
        match self.readiness {
            Readiness::Conmon => notify::tell("READY=1"),
            Readiness::Container | Readiness::Healthy | Readiness::Ignore => Ok(()),
        }
    }
}

/// A unit that waits until the container is well is told when it is, by a process of its own where somebody is attached: they are not
/// kept waiting, and systemd listens to nobody outside of the unit.
pub(super) fn see_to_health(ctx: &Context, container: &Container, attached: bool) -> Result<()> {
    if container.sdnotify != Readiness::Healthy || notify::socket().is_none() {
        return Ok(());
    }
    if !attached {
        return tell_healthy(ctx, container);
    }
    unheard(ctx)?
        .args(["healthcheck", "tell", &container.id])
        .spawn()
        .map(drop)
        .with_context(|| format!("waiting for the health of container {}", container.id))
}

/// Waits until the container's health check has passed, and tells the unit. Nobody's lock is held meanwhile: the container may have to
/// be stopped.
pub fn tell_healthy(ctx: &Context, container: &Container) -> Result<()> {
    wait_until_healthy(ctx, container)?;
    notify::tell("READY=1")
}

/// The unit's own timeout ends the wait for one that never gets there.
fn wait_until_healthy(ctx: &Context, container: &Container) -> Result<()> {
    const LOOK_AGAIN: Duration = Duration::from_millis(100);
    loop {
        match health::status(ctx, container).as_deref() {
            Some("healthy") => return Ok(()),
            None => bail!(
                "sdnotify policy \"healthy\" requires a healthcheck to be set: container {} has none: invalid argument",
                container.name
            ),
            Some(_) if ctx.store.status(&container.id)?.is_active() => sleep(LOOK_AGAIN),
            Some(_) => bail!("container {} ended before it was healthy", container.name),
        }
    }
}
