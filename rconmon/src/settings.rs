//! Options after checking: what the monitor works from.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::{AccessFlags, access};

use crate::args::Options;
use crate::log::{self, Plan};
use crate::report::{self, Level};

/// conmon's default for `--socket-dir-path`.
const DEFAULT_SOCKET_DIR: &str = "/var/run/crio";

/// A command line that makes sense.
pub(crate) struct Settings {
    pub(crate) options: Options,
    pub(crate) cid: OsString,
    pub(crate) runtime: PathBuf,
    /// Where attach socket and fifos go; none for exec under the old API.
    pub(crate) bundle: Option<PathBuf>,
    pub(crate) container_pidfile: PathBuf,
    pub(crate) log: Plan,
}

impl Settings {
    /// Checks the options in conmon's order, with its wording.
    pub(crate) fn check(mut options: Options) -> Result<Self> {
        let cid = options.cid.take().unwrap_or_default();
        set_up_reports(&options, &cid)?;
        ensure!(
            options.restore.is_none() || !options.exec,
            "Cannot use 'exec' and 'restore' at the same time"
        );
        ensure!(
            options.exec || !options.exec_attach,
            "Attach can only be specified with exec"
        );
        ensure!(
            options.api_version || !options.exec_attach,
            "Attach can only be specified for a non-legacy exec session"
        );
        ensure!(
            options.cuuid.is_some() || (options.exec && !options.api_version),
            "Container UUID not provided. Use --cuuid"
        );
        let runtime = runtime(&mut options)?;
        ensure!(
            !options.exec || options.exec_process_spec.is_some(),
            "Exec process spec path not provided. Use --exec-process-spec"
        );
        ensure!(
            options.exit_delay.unwrap_or(0) >= 0,
            "Delay before invoking exit command must be greater than or equal to 0"
        );
        let here = std::env::current_dir().context("Failed to get working directory")?;
        let bundle = match options.bundle.take() {
            None if !options.exec => Some(here.clone()),
            given => given,
        };
        let container_pidfile = options.container_pidfile.take().unwrap_or_else(|| {
            let mut name = OsString::from("pidfile-");
            name.push(&cid);
            here.join(name)
        });
        let log = log::Plan::check(&options, &cid)?;
        Ok(Self {
            options,
            cid,
            runtime,
            bundle,
            container_pidfile,
            log,
        })
    }

    /// The key of every message on the sync pipe.
    pub(crate) fn sync_key(&self) -> &'static str {
        match (self.options.api_version, self.options.exec) {
            (true, _) => "data",
            (false, true) => "exit_code",
            (false, false) => "pid",
        }
    }

    /// Where the container's exit code and oom mark are kept for later.
    pub(crate) fn persist_dir(&self) -> Option<&Path> {
        self.options.persist_dir.as_deref()
    }

    /// Directory of attach sockets: `--socket-dir-path` or conmon's own.
    pub(crate) fn socket_dir(&self) -> &Path {
        self.options
            .socket_dir_path
            .as_deref()
            .unwrap_or(Path::new(DEFAULT_SOCKET_DIR))
    }
}

fn set_up_reports(options: &Options, cid: &OsStr) -> Result<()> {
    let level = match options.log_level.as_deref() {
        None => Level::Warn,
        Some(name) => match Level::parse(name) {
            Some(level) => level,
            None => bail!("No such log level {}", name.display()),
        },
    };
    report::set_up(level, cid, options.syslog);
    Ok(())
}

fn runtime(options: &mut Options) -> Result<PathBuf> {
    let Some(runtime) = options.runtime.take() else {
        bail!("Runtime path not provided. Use --runtime");
    };
    access(&runtime, AccessFlags::X_OK)
        .with_context(|| format!("Runtime path {} is not valid", runtime.display()))?;
    Ok(runtime)
}
