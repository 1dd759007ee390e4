//! `create`, and what `run` shares with it.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail, ensure};
use nix::unistd::{Pid, geteuid, getuid};

use super::delete;
use super::notify::{Notify, announce_descriptors, passed_descriptors};
use super::pidfd;
use crate::annotations;
use crate::birth::{self, Newborn, Order, Surroundings, give_birth};
use crate::cgroup::{InUse, Manager};
use crate::cli::{Create, Global, Rootless};
use crate::container::{Container, Root, State, Status};
use crate::kernel::procfs;
use crate::log::{Log, precise_timestamp};
use crate::resctrl::Group;
use crate::security::seccomp::Cache;
use crate::spec::{self, NamespaceKind, Spec};

/// Create a container whose process waits for `start`.
///
/// # Errors
/// Any step; nothing is left of the container then.
pub(super) fn run(root: &Root, options: &Create, global: &Global, log: &Log) -> Result<ExitCode> {
    birth::seal()?;
    let request = Request::read(root, options, global)?;
    let console = request.console(options)?;
    let failed = "rrunc create failed";
    let Made {
        mut container,
        state,
        newborn,
    } = make(root, options, &request, console, Hold::ForStart, log).context(failed)?;
    if let Err(error) = container.unlock().and_then(|()| newborn.go()) {
        delete::destroy(container, &state, log)?;
        return Err(error.context(failed));
    }
    Ok(ExitCode::SUCCESS)
}

/// The configuration and where it is.
pub(super) struct Request {
    pub(super) bundle: PathBuf,
    pub(super) spec: Spec,
    /// An ordinary user's missing rights over cgroups are no error.
    forgive_cgroups: bool,
    /// The cgroup is a scope of systemd's.
    systemd: bool,
    /// Somebody waits for the container to be ready.
    pub(super) notify: Option<Notify>,
    filters: Cache,
    /// Descriptors after stdio that the process inherits.
    descriptors: u32,
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
            systemd: global.systemd_cgroup,
        })
    }

    pub(super) fn wants_terminal(&self) -> bool {
        self.spec
            .process
            .as_ref()
            .is_some_and(|process| process.terminal)
    }

    /// The socket that a terminal is sent to; it and the terminal go together.
    fn console(&self, options: &Create) -> Result<Option<OwnedFd>> {
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

    /// No cgroup is made where nothing is asked of it.
    pub(super) fn cgroup(&self, id: &str) -> Result<Option<Manager>> {
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
        if path.is_none() && linux.resources.is_none() && !is_mounted && !self.systemd {
            return Ok(None);
        }
        if self.systemd {
            return Manager::in_scope(path, id, &self.spec.annotations).map(Some);
        }
        let manager = Manager::new(path, id)?;
        match self.forgive_cgroups.then(|| manager.create()) {
            Some(Err(_)) => Ok(None),
            _ => Ok(Some(manager)),
        }
    }
}

/// Whether the process waits for `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    ForStart,
    No,
}

/// A container that is recorded, its process ready.
pub(super) struct Made {
    pub(super) container: Container,
    pub(super) state: State,
    pub(super) newborn: Newborn,
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

/// Make the container up to its process being ready and recorded.
///
/// # Errors
/// Any step; nothing is left of the container then.
pub(super) fn make(
    root: &Root,
    options: &Create,
    request: &Request,
    console: Option<OwnedFd>,
    hold: Hold,
    log: &Log,
) -> Result<Made> {
    if request.spec.linux.namespace(NamespaceKind::Mount).is_none() {
        log.warn("no mount namespace in linux.namespaces: nothing is mounted or masked");
    }
    let cgroup = request.cgroup(&options.id)?;
    let mut state = request.state(&options.id, cgroup.as_ref())?;
    let container = root.create(&options.id)?;
    match fill(
        &container,
        &mut state,
        options,
        request,
        cgroup.as_ref(),
        console,
        hold,
        log,
    ) {
        Ok(newborn) => Ok(Made {
            container,
            state,
            newborn,
        }),
        Err(error) => {
            let cgroup = cgroup.filter(|_| error.downcast_ref::<InUse>().is_none());
            if let Err(left) = undo(container, &state, cgroup.as_ref(), &request.spec) {
                log.warn(&format!("clean up after the failed container: {left:#}"));
            }
            Err(error.context("unable to start container process"))
        }
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

#[allow(clippy::too_many_arguments)]
fn fill(
    container: &Container,
    state: &mut State,
    options: &Create,
    request: &Request,
    cgroup: Option<&Manager>,
    console: Option<OwnedFd>,
    hold: Hold,
    log: &Log,
) -> Result<Newborn> {
    // What a killed create leaves can be deleted: the record tells the cgroups.
    container.save(state)?;
    let fifo = match hold {
        Hold::ForStart => Some(container.make_fifo()?),
        Hold::No => None,
    };
    check_preserved(request.descriptors)?;
    if let Some(notify) = &request.notify {
        notify.prepare()?;
    }
    let order = Order {
        id: &options.id,
        bundle: &request.bundle,
        rootfs: &state.rootfs.clone(),
        spec: &request.spec,
        cgroup,
        fifo,
        console,
        preserved_fds: request.descriptors,
        no_pivot: options.no_pivot,
        new_keyring: !options.no_new_keyring,
        filters: &request.filters,
        log,
    };
    let newborn = give_birth(&order, state, |state| container.save(state))?;
    if hold == Hold::ForStart {
        container.show_fifo()?;
    }
    let receiver = annotations::pidfd_receiver(&request.spec.annotations);
    if let Some(socket) = options.pidfd_socket.as_deref().or(receiver) {
        pidfd::send(socket, newborn.pid())?;
    }
    if let Some(path) = &options.pid_file {
        write_pid_file(path, newborn.pid())?;
    }
    Ok(newborn)
}

/// Descriptors that are to be passed on must be the caller's: in a hole one of
/// our own would be, which is marked to be closed by execve(2).
///
/// # Errors
/// One is not open, or is ours.
pub(super) fn check_preserved(count: u32) -> Result<()> {
    for fd in (3..).take(count as usize) {
        // SAFETY: takes numbers only.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
        ensure!(
            flags == 0,
            "--preserve-fds {count}: descriptor {fd} is not passed on by the caller"
        );
    }
    Ok(())
}

/// The process is dead already; take away what was made for it.
fn undo(container: Container, state: &State, cgroup: Option<&Manager>, spec: &Spec) -> Result<()> {
    if let Some(manager) = cgroup {
        manager.destroy()?;
    }
    if let Some(group) = &state.resctrl {
        group.remove()?;
    }
    container.remove()?;
    birth::run_hooks(
        "poststop",
        &spec.hooks.poststop,
        &state.for_hooks(Status::Stopped),
        &Surroundings::at(&state.bundle),
    )
}

/// Write the number whole, by a rename: whoever waits for the file must not
/// read half of it. Nor may it be led elsewhere by a link that was laid in
/// wait under the temporary name.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write_pid_file(path: &Path, pid: Pid) -> Result<()> {
    let name = path
        .file_name()
        .ok_or_else(|| anyhow!("--pid-file {}: not a file name", path.display()))?;
    let fresh = path.with_file_name(format!(".{}", name.to_string_lossy()));
    let write = || -> std::io::Result<()> {
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => fs::File::create_new(&fresh)?.write_all(pid.to_string().as_bytes())?,
        }
        fs::rename(&fresh, path)
    };
    write().with_context(|| format!("--pid-file {}", path.display()))
}
