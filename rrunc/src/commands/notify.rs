//! systemd's descriptors and its socket for "I am ready", handed on to the
//! container (sd_listen_fds(3), sd_notify(3)), as runc does.
//!
//! The container cannot reach the host's socket, and its processes are not
//! those systemd expects to hear. So it gets a socket of its own, in a
//! directory that is mounted at `/run/notify`, and what it says there of being
//! ready is told again with the number that its process has on the host.

use std::env;
use std::fs::{self, DirBuilder, Permissions};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::unistd::Pid;

use crate::kernel::process::{self, Side, clone, exit_now};
use crate::spec::{Mount, Process, Spec};

/// Where the container finds its socket.
const INSIDE: &str = "/run/notify";
const SOCKET: &str = "notify.sock";
const VARIABLE: &str = "NOTIFY_SOCKET";

/// The descriptors that systemd passed to this process, after stdio.
pub(super) fn passed_descriptors() -> u32 {
    let number = |name| env::var(name).ok()?.parse::<u32>().ok();
    match (number("LISTEN_PID"), number("LISTEN_FDS")) {
        (Some(pid), Some(count)) if pid == std::process::id() => count,
        _ => 0,
    }
}

/// Tell the process of descriptors that it inherits.
pub(super) fn announce_descriptors(process: &mut Process, count: u32) {
    if count > 0 {
        process.env.push(format!("LISTEN_FDS={count}"));
        process.env.push("LISTEN_PID=1".to_owned());
        if let Ok(names) = env::var("LISTEN_FDNAMES") {
            process.env.push(format!("LISTEN_FDNAMES={names}"));
        }
    }
}

/// Both ends of one container's news.
#[derive(Debug)]
pub(super) struct Notify {
    /// systemd's, or the monitor's.
    host: PathBuf,
    /// The directory that is mounted into the container.
    directory: PathBuf,
}

impl Notify {
    /// `None` when nobody waits for news.
    pub(super) fn of_environment(container: &Path) -> Option<Notify> {
        let host = env::var_os(VARIABLE).filter(|path| !path.is_empty())?;
        Some(Notify {
            host: host.into(),
            directory: container.join("notify"),
        })
    }

    /// Let the container see its socket.
    pub(super) fn add_to(&self, spec: &mut Spec) {
        spec.mounts.push(Mount {
            destination: INSIDE.into(),
            kind: Some("bind".to_owned()),
            source: Some(self.directory.clone()),
            options: ["bind", "nosuid", "noexec", "nodev", "ro"]
                .map(str::to_owned)
                .to_vec(),
            ..Mount::default()
        });
        if let Some(process) = &mut spec.process {
            process.env.push(format!("{VARIABLE}={INSIDE}/{SOCKET}"));
        }
    }

    /// Make the directory, before it is mounted.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn prepare(&self) -> Result<()> {
        DirBuilder::new()
            .mode(0o755)
            .create(&self.directory)
            .with_context(|| format!("mkdir {}", self.directory.display()))
    }

    /// Bind the socket, before the program can want it.
    ///
    /// # Errors
    /// It cannot be made; a container that was created without one has none.
    pub(super) fn listen(self) -> Result<Option<Listening>> {
        if !self.directory.is_dir() {
            return Ok(None);
        }
        let path = self.directory.join(SOCKET);
        let named = || format!("bind {}", path.display());
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(named);
            }
            _ => {}
        }
        let socket = UnixDatagram::bind(&path).with_context(named)?;
        // The container's user may be any.
        fs::set_permissions(&path, Permissions::from_mode(0o777)).with_context(named)?;
        Ok(Some(Listening {
            socket,
            host: self.host,
        }))
    }
}

/// A socket on which the container is heard.
#[derive(Debug)]
pub(super) struct Listening {
    socket: UnixDatagram,
    host: PathBuf,
}

impl Listening {
    /// Wait until the container is ready, and say so; its end ends the wait.
    ///
    /// # Errors
    /// Nobody listens on the host's side.
    pub(super) fn pass_on(&self, pid: Pid) -> Result<()> {
        let process = match process::open(pid) {
            Err(Errno::ESRCH) => return Ok(()),
            other => other.context("open the container's process")?,
        };
        let mut packet = [0; 4096];
        loop {
            let mut watched = [
                PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
                PollFd::new(process.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut watched, PollTimeout::NONE) {
                Err(Errno::EINTR) => continue,
                other => other.context("poll")?,
            };
            if watched[0].any() != Some(true) {
                return Ok(());
            }
            let length = self
                .socket
                .recv(&mut packet)
                .context("hear the container")?;
            if let Some(ready) = ready_line(&packet[..length]) {
                return self.tell(&format!("{ready}\nMAINPID={pid}\n"));
            }
        }
    }

    /// The same by a process of its own, for a caller with other things to do;
    /// it ends with the container.
    ///
    /// # Errors
    /// It cannot be forked.
    pub(super) fn pass_on_meanwhile(self, pid: Pid) -> Result<()> {
        // SAFETY: rrunc has one thread.
        match unsafe { clone(CloneFlags::empty(), None) }.context("fork to hear the container")? {
            Side::Parent(_) => Ok(()),
            Side::Child => {
                let passed_on = self.pass_on(pid);
                if let Err(error) = &passed_on {
                    eprintln!("rrunc: {error:#}");
                }
                exit_now(passed_on.is_err().into())
            }
        }
    }

    fn tell(&self, news: &str) -> Result<()> {
        let named = || {
            format!(
                "tell {VARIABLE} {} that the container is ready",
                self.host.display()
            )
        };
        let socket = UnixDatagram::unbound().with_context(named)?;
        match self.host.to_str().and_then(|path| path.strip_prefix('@')) {
            Some(name) => {
                use std::os::linux::net::SocketAddrExt;
                use std::os::unix::net::SocketAddr;
                let address = SocketAddr::from_abstract_name(name).with_context(named)?;
                socket.send_to_addr(news.as_bytes(), &address)
            }
            None => socket.send_to(news.as_bytes(), &self.host),
        }
        .map(drop)
        .with_context(named)
    }
}

/// Of all that may be said only this is believed.
fn ready_line(packet: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(packet).ok()?;
    text.lines().find(|line| line.starts_with("READY="))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_being_ready_is_passed_on() {
        assert_eq!(
            ready_line(b"STATUS=x\nREADY=1\nMAINPID=1\n"),
            Some("READY=1")
        );
        assert_eq!(ready_line(b"MAINPID=1\n"), None);
    }

    #[test]
    fn news_reach_the_host() {
        let directory = tempfile::tempdir().unwrap();
        let host = UnixDatagram::bind(directory.path().join("host")).unwrap();
        let notify = Notify {
            host: directory.path().join("host"),
            directory: directory.path().join("notify"),
        };
        notify.prepare().unwrap();
        let listening = notify.listen().unwrap().unwrap();
        let inside = UnixDatagram::unbound().unwrap();
        let socket = directory.path().join("notify").join(SOCKET);
        inside.send_to(b"STATUS=starting", &socket).unwrap();
        inside.send_to(b"READY=1", &socket).unwrap();
        listening.pass_on(Pid::this()).unwrap();
        let mut packet = [0; 64];
        let length = host.recv(&mut packet).unwrap();
        assert_eq!(
            &packet[..length],
            format!("READY=1\nMAINPID={}\n", Pid::this()).as_bytes()
        );
    }
}
