//! A bundle that an attacker had a hand in, and two ways to run it: rrunc's, and the naive one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};
use tests::{Cmd, Context as _, Output, Result, Scratch, bundle, ensure, ours};

/// A scratch directory with the bundle `b`, and `outside`, which stands for the host and is nothing to the container.
#[derive(Debug)]
pub(crate) struct Jail {
    pub(crate) scratch: Scratch,
    rrunc: PathBuf,
}

pub(crate) const SECRET: &str = "the-hosts-secret";

impl Jail {
    /// # Errors
    /// The bundle cannot be made.
    pub(crate) fn new(args: &[&str], change: impl FnOnce(&mut Value)) -> Result<Jail> {
        let scratch = Scratch::new()?;
        fs::create_dir(scratch.path("b"))?;
        fs::create_dir(scratch.path("outside"))?;
        scratch.write("outside/secret", SECRET)?;
        bundle::make(&scratch.path("b"), args, |config| {
            config["root"]["readonly"] = json!(false);
            change(config);
        })?;
        let jail = Jail {
            scratch,
            rrunc: ours("rrunc")?,
        };
        Ok(jail)
    }

    pub(crate) fn rootfs(&self) -> PathBuf {
        self.scratch.path("b/rootfs")
    }

    pub(crate) fn outside(&self) -> PathBuf {
        self.scratch.path("outside")
    }

    /// Lets another copy of rrunc play its part.
    pub(crate) fn use_rrunc(&mut self, path: PathBuf) {
        self.rrunc = path;
    }

    /// Changes the configuration once more.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let path = self.scratch.path("b/config.json");
        let mut config = serde_json::from_slice(&fs::read(&path)?)?;
        change(&mut config);
        fs::write(&path, serde_json::to_vec(&config)?).context("config.json")
    }

    /// `rrunc` with the words of the line, in which `ID` is the container.
    pub(crate) fn rrunc(&self, line: &str) -> Cmd {
        self.add_words(Cmd::new(&self.rrunc), line)
    }

    /// The same, from a shell that runs `before` first: to leave descriptors open, say.
    pub(crate) fn rrunc_after(&self, before: &str, line: &str) -> Cmd {
        let shell = Cmd::new("sh").args(["-ec", &format!("{before}; exec \"$@\""), "sh"]);
        self.add_words(shell.arg(&self.rrunc).dir(self.scratch.path("")), line)
    }

    fn add_words(&self, cmd: Cmd, line: &str) -> Cmd {
        let line = line
            .replace("ID", &self.scratch.id("jail"))
            .replace("BUNDLE", &self.scratch.path("b").to_string_lossy());
        cmd.arg("--root")
            .arg(self.scratch.path("root"))
            .words(&line)
    }

    /// Starts the bundle in the background.
    pub(crate) fn start(&self) -> Result<()> {
        let run = "run --detach --bundle BUNDLE ID";
        // What it holds open must not be the test's.
        self.rrunc_after("exec </dev/null >log 2>&1 3<outside 9<outside", run)
            .ok()
            .with_context(|| fs::read_to_string(self.scratch.path("log")).unwrap_or_default())?;
        Ok(())
    }

    /// Runs the bundle to its end.
    pub(crate) fn run(&self) -> Result<Output> {
        self.rrunc("run --bundle BUNDLE ID").run()
    }

    /// Expects that nothing of the container is left, its directory least of all.
    pub(crate) fn is_gone(&self) -> Result<()> {
        self.rrunc("list -q").ok()?.is("")?;
        Ok(())
    }

    /// What a careless runtime would do, as a script that begins in the scratch directory, in mount, network, host name and
    /// process namespaces of its own. `rootfs` has /proc.
    pub(crate) fn naive(&self, script: &str) -> Result<Output> {
        let rootfs = self.rootfs();
        let script = format!(
            "cd {}; R={}; PATH=$PATH:/usr/sbin:/sbin:/bin; mount -t proc proc $R/proc; {script}",
            self.scratch.path("").display(),
            rootfs.display()
        );
        Cmd::new("unshare")
            .words("-m -n -u -p -f --mount-proc --propagation private sh -ec")
            .arg(script)
            .run()
    }

    /// A hook that is run in the container's mount namespace while the host's root is still there.
    pub(crate) fn hook(&self, script: &str) -> Value {
        json!({"createContainer": [{"path": "/bin/sh", "args": ["sh", "-ec", script], "env": ["PATH=/usr/bin:/bin"]}]})
    }
}

/// The container's other half, which puts one thing in the place of another as fast as it can.
pub(crate) struct Swapping {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Swapping {
    /// Exchanges two names until it is dropped.
    pub(crate) fn between(one: &Path, other: &Path) -> Result<Swapping> {
        let name = |path: &Path| std::ffi::CString::new(path.to_string_lossy().as_bytes());
        let (one, other) = (name(one)?, name(other)?);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let exchange = move || {
            // SAFETY: both are C strings that live through the call.
            unsafe {
                libc::renameat2(
                    libc::AT_FDCWD,
                    one.as_ptr(),
                    libc::AT_FDCWD,
                    other.as_ptr(),
                    libc::RENAME_EXCHANGE,
                )
            }
        };
        ensure!(
            exchange() == 0,
            "renameat2: {}",
            std::io::Error::last_os_error()
        );
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                exchange();
            }
        });
        Ok(Swapping {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Swapping {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
