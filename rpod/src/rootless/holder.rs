//! The process that holds the namespaces: found by its file, made when there is none, joined.
//!
//! A pid alone proves nothing. The file also has the process's start time, and a pidfd taken before that is looked at keeps the pid
//! from being given to another between the look and the joining.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

use super::identity::{Identity, identity};
use super::namespace::Ids;
use crate::config::{Config, find_part};
use crate::monitor;
use crate::pidfd;
use crate::process::{has_argument, start_ticks};
use crate::store::directory::remove_if_there;
use crate::store::record::{self, Durability};
use crate::systemd::{self, manager};

mod birth;

/// Joins the holder's namespaces; makes a holder if there is none.
pub(super) fn join(runtime: &Path, runroot: Option<&Path>) -> Result<()> {
    let place = Place::of(runtime);
    if place.join()? {
        return Ok(());
    }
    let _lock = place.lock()?;
    // Whoever held the lock may have made it.
    if place.join()? {
        return Ok(());
    }
    let identity = identity().context("the host's root joins no user namespace")?;
    let origin = match living_monitor(runroot.unwrap_or(&place.directory), identity)? {
        Some(monitor) => Origin::Of(monitor),
        None => Origin::New,
    };
    let pid = make(&origin, identity)?;
    let ticks = start_ticks(pid.as_raw()).context("the holder of the user namespace has ended")?;
    place.write(pid, ticks)?;
    outlive_login(pid);
    if !place.join()? {
        bail!("the holder of the user namespace, process {pid}, has ended as soon as it was made");
    }
    Ok(())
}

/// Where the user's systemd can be asked the holder gets a scope of its own: it does not end with the login, or the unit, that needed it
/// first, and keeps none of them open.
fn outlive_login(pid: Pid) {
    if !(systemd::unified_cgroups() && manager::is_there()) {
        return;
    }
    let unit = format!("rpod-pause-{pid}.scope");
    let description = "holds the namespaces of rpod's user";
    let moved = manager::scope(
        &unit,
        description,
        "user.slice",
        pid.as_raw().cast_unsigned(),
    );
    if let Err(error) = moved {
        eprintln!(
            "rpod: warning: the holder of the user namespace ends with this login: {error:#}"
        );
    }
}

/// Ends the holder, if there is one.
pub(super) fn end(runtime: &Path) -> Result<()> {
    let place = Place::of(runtime);
    let _lock = place.lock()?;
    if let Some((pid, ticks)) = place.read()?
        && let Some(holder) = pidfd::open(pid)?
        && start_ticks(pid) == Some(ticks)
    {
        pidfd::end(&holder).with_context(|| format!("ending process {pid}"))?;
    }
    remove_if_there(&place.file())
}

/// Where the holder's file is: one for each user, wherever they keep their containers.
struct Place {
    directory: PathBuf,
}

impl Place {
    fn of(runtime: &Path) -> Place {
        Place {
            directory: runtime.join("rpod"),
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.join("pause.pid")
    }

    /// Pid and start time, in ticks after boot.
    fn read(&self) -> Result<Option<(i32, u64)>> {
        let path = self.file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        let mut words = text.split_ascii_whitespace();
        let mut next = || words.next();
        // What is no such file is as good as none: it is made anew.
        let read = || Some((next()?.parse().ok()?, next()?.parse().ok()?));
        Ok({ read }())
    }

    fn write(&self, pid: Pid, ticks: u64) -> Result<()> {
        let text = format!("{pid}\n{ticks}\n");
        record::replace(&self.file(), text.as_bytes(), Durability::Process)
    }

    fn lock(&self) -> Result<File> {
        let failed = || format!("locking {}", self.directory.join("pause.lock").display());
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
            .with_context(failed)?;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(self.directory.join("pause.lock"))
            .with_context(failed)?;
        file.lock().with_context(failed)?;
        Ok(file)
    }

    /// True if there was a holder to join.
    fn join(&self) -> Result<bool> {
        let Some((pid, ticks)) = self.read()? else {
            return Ok(false);
        };
        let Some(holder) = pidfd::open(pid)? else {
            return Ok(false);
        };
        if start_ticks(pid) != Some(ticks) {
            return Ok(false);
        }
        match setns(&holder, CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS) {
            Ok(()) => Ok(true),
            Err(Errno::ESRCH) => Ok(false),
            Err(errno) => Err(errno).with_context(|| {
                format!(
                    "joining the user namespace of process {pid}, which {} names: end that process and remove the file to start anew",
                    self.file().display()
                )
            }),
        }
    }
}

/// What a new holder holds.
enum Origin {
    New,
    /// The namespaces of a process that has outlived the last holder.
    Of(OwnedFd),
}

/// A monitor of a container that runs: it lives in the namespaces that the last holder held.
fn living_monitor(runroot: &Path, identity: Identity) -> Result<Option<OwnedFd>> {
    let own = fs::read_link("/proc/self/ns/user").context("reading /proc/self/ns/user")?;
    let Ok(entries) = fs::read_dir(runroot.join("containers")) else {
        return Ok(None);
    };
    for entry in entries.flatten() {
        let Some(pid) = monitor::pid(&entry.path()) else {
            continue;
        };
        let Some(monitor) = pidfd::open(pid)? else {
            continue;
        };
        let about = PathBuf::from(format!("/proc/{pid}"));
        let is_monitor = has_argument(pid, &entry.file_name());
        let is_own = fs::metadata(&about).is_ok_and(|about| about.uid() == identity.uid);
        let elsewhere = fs::read_link(about.join("ns/user")).is_ok_and(|other| other != own);
        if is_monitor && is_own && elsewhere {
            return Ok(Some(monitor));
        }
    }
    Ok(None)
}

/// Makes a holder. Its maps are written when this returns.
fn make(origin: &Origin, identity: Identity) -> Result<Pid> {
    let ids = Ids::of(identity)?;
    if matches!((origin, &ids), (Origin::New, Ids::Single)) {
        eprintln!(
            "rpod: no ranges for this user in /etc/subuid and /etc/subgid: using a mapping of a single ID into the namespace; images with files of other users may break (usermod --add-subuids 100000-165535 --add-subgids 100000-165535 gives ranges, then `rpod system migrate`)"
        );
    }
    let config = Config::load(&[])?;
    let configured = config.containers_conf.containers.init_path;
    let program = find_part(configured.as_slice(), &["rpause", "catatonit"])?;
    let (mut ours, theirs) = UnixStream::pair().context("making a pipe to the holder")?;
    // SAFETY: rpod has one thread here, so the child may do whatever its parent could.
    match unsafe { fork() }.context("forking the holder of the user namespace")? {
        ForkResult::Child => {
            drop(ours);
            birth::become_holder(origin, &program, theirs)
        }
        ForkResult::Parent { child } => {
            drop(theirs);
            let born = attend(&mut ours, child, origin, &ids, identity);
            if born.is_err() {
                // It may have ended by itself.
                let _ = kill(child, Signal::SIGKILL);
                waitpid(child, None).context("waiting for the holder")?;
            }
            born.map(|()| child)
        }
    }
}

/// The parent's part: the maps. The pipe ends when the child has become the program; anything said before is an error.
fn attend(
    pipe: &mut UnixStream,
    child: Pid,
    origin: &Origin,
    ids: &Ids,
    identity: Identity,
) -> Result<()> {
    if matches!(origin, Origin::New) {
        let mut first = [0];
        pipe.read_exact(&mut first)
            .context("hearing of the holder")?;
        if first != *birth::MAP_ME {
            let mut said = first.to_vec();
            pipe.read_to_end(&mut said)
                .context("hearing of the holder")?;
            return Err(anyhow!(String::from_utf8_lossy(&said).into_owned()));
        }
        ids.write(child, identity)?;
        pipe.write_all(birth::MAPPED)
            .context("telling the holder to go on")?;
    }
    let mut said = String::new();
    pipe.read_to_string(&mut said)
        .context("hearing of the holder")?;
    if said.is_empty() {
        Ok(())
    } else {
        Err(anyhow!(said))
    }
}
