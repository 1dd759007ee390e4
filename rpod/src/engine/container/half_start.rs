//! A start that was killed half-way: a monitor or a runtime may be at work that no file names yet.
//!
//! Both name the bundle on their command line, and a process has its command line before rpod's lock on the container is free
//! again. So whoever holds the lock and no longer finds such a process knows that nobody is making this container.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a killed process may take to be gone.
const AFTER_KILL: Duration = Duration::from_secs(30);

/// Ends the processes that work on the bundle `home`. Call it with the container's lock held.
pub(super) fn end_starters(home: &Path) -> Result<()> {
    let deadline = Instant::now() + AFTER_KILL;
    loop {
        // A monitor may fork the runtime between the look and the signal, so look until there is nobody.
        let found = working_on(home)?;
        if found.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!(
                "process {} still works on {} after SIGKILL",
                found[0],
                home.display()
            );
        }
        for pid in found {
            match kill(pid, Signal::SIGKILL) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno).with_context(|| format!("ending process {pid}")),
            }
        }
        sleep(Duration::from_millis(1));
    }
}

/// Processes with the bundle among their arguments. One that has ended and waits to be reaped has none.
fn working_on(home: &Path) -> Result<Vec<Pid>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context("listing /proc")? {
        let name = entry.context("listing /proc")?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may end while we look.
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let bundle = home.as_os_str().as_bytes();
        if line.split(|byte| *byte == 0).any(|word| word == bundle) {
            found.push(Pid::from_raw(pid));
        }
    }
    Ok(found)
}
