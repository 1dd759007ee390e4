//! Daemons of other engines, with their own sockets and state.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{Cmd, Scratch, peer};

/// Ended with the test.
pub struct Daemon {
    child: Child,
    pub scratch: Scratch,
}

impl Daemon {
    pub fn start(scratch: Scratch, command: Cmd, socket: &Path) -> Result<Daemon> {
        let log = File::create(scratch.path("log"))?;
        let child = command
            .into_command()
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting the daemon")?;
        let mut daemon = Daemon { child, scratch };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !socket.exists() {
            let ended = daemon.child.try_wait()?.is_some();
            ensure!(
                !ended && Instant::now() < deadline,
                "the daemon does not answer:\n{}",
                fs::read_to_string(daemon.scratch.path("log"))?
            );
            sleep(Duration::from_millis(20));
        }
        Ok(daemon)
    }

    /// dockerd without a network of its own, at `docker.sock` in its scratch directory; `more` are options.
    pub fn docker(scratch: Scratch, more: &[String]) -> Result<Daemon> {
        let socket = scratch.path("docker.sock");
        let command = Cmd::new(peer("dockerd")?)
            .args(["--bridge", "none", "--iptables=false", "--ip6tables=false"])
            .args(["--storage-driver", "vfs", "--cgroup-parent"])
            .arg(format!("/{}", scratch.id("docker")))
            .arg("--host")
            .arg(format!("unix://{}", socket.display()))
            .arg("--data-root")
            .arg(scratch.path("data"))
            .arg("--exec-root")
            .arg(scratch.path("exec"))
            .arg("--pidfile")
            .arg(scratch.path("docker.pid"))
            .args(more);
        Daemon::start(scratch, command, &socket)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        if let Err(error) = kill(pid, Signal::SIGTERM) {
            eprintln!("ending the daemon: {error}");
        }
        self.child.wait().ok();
    }
}
