//! A host of its own, as far as its network goes: bridges, addresses, firewall rules and ports that no other test sees. And ports
//! of the host that all share.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use nix::sched::{CloneFlags, unshare};

use crate::command::Cmd;
use crate::programs::peer;
use crate::scratch::Scratch;
use crate::trial::skip;

/// A network namespace, held by a process that does nothing else.
#[derive(Debug)]
pub struct Host(Child);

impl Host {
    /// With loopback up. A test without root, netavark or iptables is skipped.
    pub fn new(scratch: &Scratch) -> Result<Host> {
        if !nix::unistd::geteuid().is_root() {
            return skip("bridges need root");
        }
        for program in ["netavark", "aardvark-dns", "iptables"] {
            peer(program)?;
        }
        let mut command = Command::new(peer("busybox")?);
        // The scratch directory in its arguments: what a killed test leaves is found by it.
        command.args(["sh", "-c", "while :; do sleep 60; done", "sh"]);
        command
            .arg(scratch.path("host"))
            .process_group(0)
            .stdin(Stdio::null());
        // SAFETY: between fork and exec only one system call is made.
        unsafe { command.pre_exec(|| Ok(unshare(CloneFlags::CLONE_NEWNET)?)) };
        let child = command.spawn().context("making a network namespace")?;
        let host = Host(child);
        let up = Cmd::new(peer("busybox")?).words("ip link set lo up");
        host.run(up).ok()?;
        Ok(host)
    }

    /// The command on this host.
    pub fn run(&self, cmd: Cmd) -> Cmd {
        let pid = self.0.id().to_string();
        cmd.through("nsenter", &["--target", &pid, "--net", "--"])
    }

    /// What a server says to whoever connects to a TCP port.
    pub fn read(&self, address: &str, port: u16) -> Cmd {
        let script = format!("exec 3<>/dev/tcp/{address}/{port} && cat <&3");
        self.run(Cmd::new("bash").args(["-c", &script]))
    }

    /// What a server answers to one UDP packet.
    pub fn ask(&self, address: &str, port: u16) -> Cmd {
        let script =
            format!("exec 3<>/dev/udp/{address}/{port}; echo ask >&3; timeout 5 head -n 1 <&3");
        self.run(Cmd::new("bash").args(["-c", &script]))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Its shell may have a child that sleeps; both are its process group.
        let group = nix::unistd::Pid::from_raw(self.0.id().cast_signed());
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

/// A port that nobody listens on now.
/// None that the kernel gives to whoever connects somewhere meanwhile, and none that another test has been given.
pub fn free_port() -> Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let own = std::process::id() * 16;
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(20_000 + (own + step) % 12_000)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
}
