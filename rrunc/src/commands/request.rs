//! What `create`, `run` and `restore` are asked for: a bundle's configuration,
//! and what the options say of it.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::{geteuid, getuid};

use super::notify::{Notify, announce_descriptors, passed_descriptors};
use crate::cgroup::{Manager, limits_anything};
use crate::cli::{CgroupManager, Create, Global, Rootless};
use crate::container::{Root, State};
use crate::kernel::procfs;
use crate::log::{Log, precise_timestamp};
use crate::resctrl::Group;
use crate::security::seccomp::Cache;
use crate::spec::{self, NamespaceKind, Spec};

/// The configuration and where it is.
pub(super) struct Request {
    pub(super) bundle: PathBuf,
    pub(super) spec: Spec,
    /// An ordinary user's missing rights over cgroups are no error.
    forgive_cgroups: bool,
    cgroup_manager: CgroupManager,
    /// Somebody waits for the container to be ready.
    pub(super) notify: Option<Notify>,
    pub(super) filters: Cache,
    /// Descriptors after stdio that the process inherits.
    pub(super) descriptors: u32,
}

impl Request {
    /// # Errors
    /// The configuration cannot be read, or asks for what cannot be.
    pub(super) fn read(root: &Root, options: &Create, global: &Global) -> Result<Request> {
        let bundle = options.bundle.as_deref().unwrap_or(Path::new("."));
        let bundle =
            fs::canonicalize(bundle).with_context(|| format!("--bundle {}", bundle.display()))?;
        let mut spec = spec::load(&bundle)?;
        spec::check(&spec).with_context(|| bundle.join(spec::CONFIG_FILE).display().to_string())?;
        let forgive_cgroups = match global.rootless {
            Rootless::True => true,
            Rootless::False => false,
            Rootless::Auto => !geteuid().is_root() || procfs::in_user_namespace(),
        };
        let notify = Notify::of_environment(&root.directory_of(&options.id)?);
        if let Some(notify) = &notify {
            notify.add_to(&mut spec);
        }
        let passed = passed_descriptors();
        if let Some(process) = &mut spec.process {
            announce_descriptors(process, passed);
        }
        Ok(Request {
            notify,
            filters: root.filters(),
            descriptors: passed.saturating_add(options.preserve_fds),
            bundle,
            spec,
            forgive_cgroups,
            cgroup_manager: global.cgroup_manager(),
        })
    }

    pub(super) fn wants_terminal(&self) -> bool {
        self.spec
            .process
            .as_ref()
            .is_some_and(|process| process.terminal)
    }

    /// The socket that a terminal is sent to; it and the terminal go together.
    pub(super) fn console(&self, options: &Create) -> Result<Option<OwnedFd>> {
        match (&options.console_socket, self.wants_terminal()) {
            (Some(path), true) => connect(path).map(Some),
            (None, false) => Ok(None),
            (None, true) => bail!(
                "cannot allocate tty if runc will detach without setting console socket: give --console-socket"
            ),
            (Some(_), false) => bail!(
                "cannot use console socket if runc will not detach or allocate tty: set process.terminal"
            ),
        }
    }

    /// `run --detach` is as `create` in this; in the foreground `run` is the
    /// terminal's other side itself.
    pub(super) fn console_for_run(
        &self,
        options: &Create,
        detach: bool,
    ) -> Result<Option<OwnedFd>> {
        if detach {
            return self.console(options);
        }
        ensure!(
            options.console_socket.is_none(),
            "cannot use console socket if runc will not detach or allocate tty"
        );
        Ok(None)
    }

    /// The record of a container that has no process yet.
    ///
    /// # Errors
    /// It has no root file system, or asks for what resctrl has not.
    pub(super) fn state(&self, id: &str, cgroup: Option<&Manager>) -> Result<State> {
        Ok(State {
            oci_version: self.spec.oci_version.clone(),
            id: id.to_owned(),
            pid: 0,
            start_time: 0,
            bundle: self.bundle.clone(),
            rootfs: rootfs_of(self)?,
            created: precise_timestamp(),
            annotations: self.spec.annotations.clone(),
            cgroup_paths: cgroup.map(Manager::paths).unwrap_or_default(),
            resctrl: self.resctrl(id)?,
            owner: getuid().as_raw(),
            shares_pids: !self.spec.linux.makes(NamespaceKind::Pid),
        })
    }

    fn resctrl(&self, id: &str) -> Result<Option<Group>> {
        let wanted = self.spec.linux.intel_rdt.as_ref();
        wanted.map(|wanted| Group::plan(wanted, id)).transpose()
    }

    /// No cgroup is made where nothing is asked of it, or by nobody.
    pub(super) fn cgroup(&self, id: &str, log: &Log) -> Result<Option<Manager>> {
        let linux = &self.spec.linux;
        let is_mounted = self
            .spec
            .mounts
            .iter()
            .any(|mount| mount.kind.as_deref() == Some("cgroup"));
        let path = linux
            .cgroups_path
            .as_deref()
            .filter(|path| !path.is_empty());
        match self.cgroup_manager {
            CgroupManager::Systemd => {
                return Manager::in_scope(path, id, &self.spec.annotations).map(Some);
            }
            CgroupManager::Disabled => {
                if self.is_limited()? {
                    log.warn(
                        "linux.resources: with --cgroup-manager disabled its limits are not set",
                    );
                }
                return Ok(None);
            }
            CgroupManager::Cgroupfs => {}
        }
        if path.is_none() && linux.resources.is_none() && !is_mounted {
            return Ok(None);
        }
        let manager = Manager::new(path, id)?;
        let Some(Err(error)) = self.forgive_cgroups.then(|| manager.create()) else {
            return Ok(Some(manager));
        };
        // Who asks for nothing of a group can do without one.
        ensure!(
            path.is_none() && !self.is_limited()?,
            "{error:#}: this user may make no cgroup: leave out linux.cgroupsPath and limits in linux.resources, \
             or let the user's systemd make it with --systemd-cgroup"
        );
        Ok(None)
    }

    fn is_limited(&self) -> Result<bool> {
        let resources = self.spec.linux.resources.as_ref();
        resources.map_or(Ok(false), limits_anything)
    }
}

fn rootfs_of(request: &Request) -> Result<PathBuf> {
    let path = request
        .spec
        .root
        .as_ref()
        .map(|root| request.bundle.join(&root.path))
        .unwrap_or_default();
    let path = fs::canonicalize(&path)
        .with_context(|| format!("invalid rootfs: root.path: {}", path.display()))?;
    ensure!(
        path.is_dir(),
        "invalid rootfs: root.path: {} is not a directory",
        path.display()
    );
    ensure!(
        path != Path::new("/"),
        "invalid rootfs: root.path: / is the host's own root"
    );
    Ok(path)
}

/// Connect to the console socket before anything is made.
///
/// # Errors
/// Nobody listens.
pub(super) fn connect(path: &Path) -> Result<OwnedFd> {
    Ok(UnixStream::connect(path)
        .with_context(|| format!("--console-socket {}", path.display()))?
        .into())
}
