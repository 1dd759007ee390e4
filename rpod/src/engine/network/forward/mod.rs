//! Published ports of ordinary users' bridge networks: the kernel forwards none for them, so a process does.
//!
//! rpod starts itself once more for each container that publishes ports. That process listens on the host, goes to the container's
//! network namespace, and connects from there to the container's own address. Who calls is not seen inside: the caller's address
//! is the container's own, as with podman's rootlessport.
//!
//! ```text
//! rpod ── stdin: what to listen on ──▶ rpod (as NAME)   listens, enters the namespace
//!      ◀── stdout: nothing, or why not ──               serves until it is killed
//! NETNS.forward                                         its pid and start time
//! ```

mod serve;
mod tcp;
mod udp;

use std::ffi::OsString;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::IpAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::port::Mapping;
use crate::pidfd;
use crate::process::start_ticks;
use crate::store::record::{self, Durability};

pub use serve::main;

/// The name under which rpod is started to do this.
pub const NAME: &str = "rpod-port-forwarder";

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    netns: PathBuf,
    ports: Vec<Mapping>,
    /// The container's addresses, one of each family.
    to: Vec<IpAddr>,
}

/// Starts forwarding to a container, whose network is there.
pub fn start(netns: &Path, ports: &[Mapping], to: &[IpAddr]) -> Result<()> {
    if ports.is_empty() {
        return Ok(());
    }
    let own = std::env::current_exe().context("finding rpod's own executable")?;
    let mut child = Command::new(&own)
        .arg0(NAME)
        // Told apart from others by its arguments.
        .arg(netns)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("starting a port forwarder")?;
    let pid = i32::try_from(child.id())?;
    let ticks = start_ticks(pid).unwrap_or_default();
    record::replace(
        &file(netns),
        format!("{pid}\n{ticks}\n").as_bytes(),
        Durability::Process,
    )?;
    let order = Order {
        netns: netns.to_owned(),
        ports: ports.to_vec(),
        to: to.to_vec(),
    };
    let told = child
        .stdin
        .take()
        .context("the port forwarder has no standard input")?
        .write_all(&serde_json::to_vec(&order)?);
    let mut said = String::new();
    child
        .stdout
        .take()
        .context("the port forwarder has no standard output")?
        .read_to_string(&mut said)
        .context("hearing of the port forwarder")?;
    if said != serve::READY {
        child.wait().context("waiting for the port forwarder")?;
        bail!(
            "{}",
            if said.is_empty() {
                "the port forwarder ended without a word"
            } else {
                said.trim()
            }
        );
    }
    told.context("telling the port forwarder what to do")
}

/// Ends it: when this returns its ports are free. One that has ended, or never was, is no error.
pub fn stop(netns: &Path) -> Result<()> {
    let path = file(netns);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    let mut words = text.split_ascii_whitespace();
    let mut next = || words.next();
    let read = (|| Some((next()?.parse().ok()?, next()?.parse::<u64>().ok()?)))();
    if let Some((pid, ticks)) = read
        && let Some(forwarder) = pidfd::open(pid)?
        && start_ticks(pid) == Some(ticks)
    {
        pidfd::end(&forwarder).context("ending the port forwarder")?;
    }
    fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))
}

fn file(netns: &Path) -> PathBuf {
    let mut name = OsString::from(netns);
    name.push(".forward");
    name.into()
}
