//! What a container has from outside.

use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use crate::cgroup::View;
use crate::spec::{NamespaceKind, Spec};

/// A mount is named at the dump by its place, at the restore by its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Dump,
    Restore,
}

/// All that is to be told to criu.
#[derive(Debug, Default)]
pub(crate) struct Externals {
    arguments: Vec<String>,
    /// Namespaces that criu inherits.
    _open: Vec<OwnedFd>,
}

impl Externals {
    /// # Errors
    /// A namespace that was joined is not there.
    pub(crate) fn of(
        spec: &Spec,
        bundle: &Path,
        view: Option<&View>,
        moment: Moment,
    ) -> Result<Externals> {
        let mut externals = Externals::default();
        for mount in &spec.mounts {
            let options = &mount.options;
            let is_bind = mount.kind.as_deref() == Some("bind")
                || options
                    .iter()
                    .any(|option| option == "bind" || option == "rbind");
            let source = bundle.join(mount.source.as_deref().unwrap_or(Path::new("")));
            if is_bind {
                externals.mount(&mount.destination, &source, moment);
            } else if matches!(mount.kind.as_deref(), Some("cgroup" | "cgroup2")) {
                externals.cgroups(&mount.destination, view, moment);
            }
        }
        externals.masks(spec, moment);
        if spec.linux.has_user_namespace() {
            // There devices are mounts, too.
            for device in &spec.linux.devices {
                externals.mount(&device.path, &device.path, moment);
            }
        }
        externals.namespaces(spec, moment)?;
        Ok(externals)
    }

    pub(super) fn arguments(&self) -> &[String] {
        &self.arguments
    }

    fn mount(&mut self, place: &Path, source: &Path, moment: Moment) {
        let value = match moment {
            Moment::Dump => place,
            Moment::Restore => source,
        };
        self.external(format!("mnt[{}]:{}", place.display(), value.display()));
    }

    fn external(&mut self, resource: String) {
        self.arguments.extend(["--external".to_owned(), resource]);
    }

    /// They are bind mounts of the container's groups.
    fn cgroups(&mut self, at: &Path, view: Option<&View>, moment: Moment) {
        match view {
            Some(View::Unified(group)) => self.mount(at, group, moment),
            Some(View::Hierarchies { mounts, .. }) => {
                for hierarchy in mounts {
                    self.mount(&at.join(&hierarchy.name), &hierarchy.group, moment);
                }
            }
            None => {}
        }
    }

    /// Files are covered by the host's null device; what covers directories is
    /// the container's own.
    fn masks(&mut self, spec: &Spec, moment: Moment) {
        if spec.linux.masked_paths.is_empty() {
            return;
        }
        match moment {
            Moment::Restore => self.external("mnt[/dev/null]:/dev/null".to_owned()),
            Moment::Dump => {
                for path in &spec.linux.masked_paths {
                    // As the container's /proc and /sys have it, so have ours.
                    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_dir()) {
                        self.external(format!("mnt[{}]:/dev/null", path.display()));
                    }
                }
            }
        }
    }

    fn namespaces(&mut self, spec: &Spec, moment: Moment) -> Result<()> {
        for namespace in &spec.linux.namespaces {
            let Some(path) = &namespace.path else {
                continue;
            };
            let key = match namespace.kind {
                NamespaceKind::Network => "extRootNetNS",
                NamespaceKind::Pid => "extRootPidNS",
                other => {
                    if moment == Moment::Restore {
                        let file = format!("{}:{}", other.proc_name(), path.display());
                        self.arguments.extend(["--join-ns".to_owned(), file]);
                    }
                    continue;
                }
            };
            let named = || format!("open {}", path.display());
            match moment {
                Moment::Dump => {
                    let inode = fs::metadata(path).with_context(named)?.ino();
                    let kind = namespace.kind.proc_name();
                    self.external(format!("{kind}[{inode}]:{key}"));
                }
                Moment::Restore => {
                    let file = OwnedFd::from(File::open(path).with_context(named)?);
                    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty())).with_context(named)?;
                    let inherited = format!("fd[{}]:{key}", file.as_raw_fd());
                    self.arguments
                        .extend(["--inherit-fd".to_owned(), inherited]);
                    self._open.push(file);
                }
            }
        }
        Ok(())
    }
}
