//! A start that was killed half-way: a monitor or a runtime may be at work that no file names yet.
//!
//! Both name the bundle on their command line, and a process has its command line before rpod's lock on the container is free
//! again. So whoever holds the lock and no longer finds such a process knows that nobody is making this container.
//!
//! The monitor is killed. The runtime is given time to finish: killed in the middle, runc leaves an init that nobody knows of.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::record::Container;
use crate::engine::{Context, runtime};

/// How long a runtime may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a killed process may take to be gone.
const AFTER_KILL: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(3);

/// Ends who works on the container and what the runtime has made of it. Call it with the container's lock held.
pub(super) fn undo(ctx: &Context, container: &Container) -> Result<()> {
    let home = container.home(ctx);
    let began = Instant::now();
    loop {
        let (monitors, runtimes) = working_on(&home)?;
        for pid in &monitors {
            end(*pid)?;
        }
        if began.elapsed() > PATIENCE {
            for pid in &runtimes {
                end(*pid)?;
            }
        }
        // What was found may be the container itself: a runtime's child before it becomes the program.
        runtime::call(ctx, container, &["delete", "--force", &container.id])?;
        let Some(pid) = monitors.first().or(runtimes.first()) else {
            return Ok(());
        };
        if began.elapsed() > PATIENCE + AFTER_KILL {
            bail!(
                "process {pid} still works on {} after SIGKILL",
                home.display()
            );
        }
        sleep(PAUSE);
    }
}

/// Monitors (`-b BUNDLE`) and runtimes (`--bundle BUNDLE`). A process that has ended and waits to be reaped has no arguments.
fn working_on(home: &Path) -> Result<(Vec<Pid>, Vec<Pid>)> {
    let (mut monitors, mut runtimes) = (Vec::new(), Vec::new());
    for entry in fs::read_dir("/proc").context("listing /proc")? {
        let name = entry.context("listing /proc")?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may end while we look.
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        let bundle = home.as_os_str().as_bytes();
        if let Some(pair) = words.windows(2).find(|pair| pair[1] == bundle) {
            let list = if pair[0] == b"-b" {
                &mut monitors
            } else {
                &mut runtimes
            };
            list.push(Pid::from_raw(pid));
        }
    }
    Ok((monitors, runtimes))
}

fn end(pid: Pid) -> Result<()> {
    match kill(pid, Signal::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(errno).with_context(|| format!("ending process {pid}")),
    }
}
