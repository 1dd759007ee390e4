//! criu(8), the program that saves processes to files and brings them back.
//!
//! It knows nothing of bundles: what lies outside of the container (sources of
//! bind mounts, joined namespaces, the caller's pipes) has to be named to it,
//! at the dump by where the container sees it, at the restore by what is to be
//! there then.

mod external;

use std::env;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::fd::RawFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::cli::CriuOptions;

pub(crate) use external::{Externals, Moment};

/// The file in the image directory that tells what stdio was, as runc's.
pub(crate) const DESCRIPTORS: &str = "descriptors.json";

/// One run of the program.
#[derive(Debug)]
pub(crate) struct Criu {
    command: Command,
    action: &'static str,
    log: PathBuf,
}

impl Criu {
    /// Prepare a run with what both directions share.
    ///
    /// # Errors
    /// The program is not installed, or a directory cannot be made.
    pub(crate) fn new(action: &'static str, options: &CriuOptions) -> Result<Criu> {
        let program = find()?;
        let images = images_of(options);
        let work = options.work_path.as_deref().unwrap_or(images);
        for directory in [images, work] {
            make(directory)?;
        }
        let log = format!("{action}.log");
        let mut command = Command::new(program);
        command.arg(action).args(["-v4", "--log-file", &log]);
        command.arg("--images-dir").arg(images);
        command.arg("--work-dir").arg(work);
        let mut criu = Criu {
            command,
            action,
            log: work.join(log),
        };
        // A bind mount follows the host's mounts, where nothing says otherwise.
        criu.argument("--enable-external-masters");
        criu.flag("--tcp-established", options.tcp_established);
        criu.flag("--ext-unix-sk", options.ext_unix_sk);
        criu.flag("--shell-job", options.shell_job);
        criu.flag("--file-locks", options.file_locks);
        criu.flag("--auto-dedup", options.auto_dedup);
        let mode = options.manage_cgroups_mode.as_deref().unwrap_or("soft");
        ensure!(
            matches!(mode, "soft" | "full" | "strict" | "ignore"),
            "Invalid manage cgroups mode: {mode:?} is none of soft, full, strict, ignore"
        );
        criu.argument(format!("--manage-cgroups={mode}"));
        for kind in &options.empty_ns {
            ensure!(
                kind == "network",
                "--empty-ns {kind}: criu can make an empty network namespace only: network"
            );
            criu.arguments(["--empty-ns", "net"]);
        }
        Ok(criu)
    }

    pub(crate) fn argument(&mut self, argument: impl AsRef<std::ffi::OsStr>) {
        self.command.arg(argument);
    }

    pub(crate) fn arguments(&mut self, arguments: [&str; 2]) {
        self.command.args(arguments);
    }

    pub(crate) fn path(&mut self, option: &str, path: &Path) {
        self.command.arg(option).arg(path);
    }

    pub(crate) fn flag(&mut self, option: &str, wanted: bool) {
        if wanted {
            self.command.arg(option);
        }
    }

    /// What lies outside of the container.
    pub(crate) fn externals(&mut self, externals: &Externals) {
        for argument in externals.arguments() {
            self.command.arg(argument);
        }
    }

    /// A descriptor of ours in the place of what was outside.
    pub(crate) fn inherit(&mut self, fd: RawFd, key: &str) {
        self.command.arg("--inherit-fd");
        self.command.arg(format!("fd[{fd}]:{key}"));
    }

    /// Run it to its end.
    ///
    /// # Errors
    /// It fails: the error has what its log says of that.
    pub(crate) fn run(mut self, stdio: fn() -> Stdio) -> Result<()> {
        self.command.stdin(stdio()).stdout(stdio()).stderr(stdio());
        let status = self.command.status().context("run criu")?;
        if status.success() {
            return Ok(());
        }
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let errors: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("Error"))
            .map(|line| {
                line.split_once("Error")
                    .map_or(line, |(_, text)| text.trim())
            })
            .collect();
        bail!(
            "criu {} failed ({status}): {}; see {}",
            self.action,
            errors[errors.len().saturating_sub(3)..].join("; "),
            self.log.display()
        )
    }
}

/// `--image-path`, and its default.
pub(crate) fn images_of(options: &CriuOptions) -> &Path {
    options
        .image_path
        .as_deref()
        .unwrap_or(Path::new("checkpoint"))
}

fn find() -> Result<PathBuf> {
    let search = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&search)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|directory| directory.join("criu"))
        .find(|path| path.is_file());
    found.context(
        "criu is not installed: install it (Debian: package criu) to checkpoint and restore containers",
    )
}

fn make(directory: &Path) -> Result<()> {
    match DirBuilder::new()
        .mode(0o700)
        .recursive(true)
        .create(directory)
    {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("mkdir {}", directory.display()))
        }
        _ => Ok(()),
    }
}
