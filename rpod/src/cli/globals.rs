//! Options that stand before the command: podman(1), "GLOBAL OPTIONS".

use std::path::PathBuf;

use anyhow::Result;
use clap::{ArgMatches, Args, Command, FromArgMatches, ValueEnum};

/// How cgroups are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CgroupManager {
    Cgroupfs,
    Systemd,
}

impl CgroupManager {
    pub fn as_str(self) -> &'static str {
        match self {
            CgroupManager::Cgroupfs => "cgroupfs",
            CgroupManager::Systemd => "systemd",
        }
    }
}

#[derive(Args, Clone, Debug, Default)]
pub struct Globals {
    /// Cgroup manager to use
    #[arg(long, value_enum, value_name = "MANAGER")]
    pub cgroup_manager: Option<CgroupManager>,
    /// Path of the conmon binary
    #[arg(long, value_name = "PATH")]
    pub conmon: Option<PathBuf>,
    /// Path of the file that names what every container gets copies of, in the place of mounts.conf
    #[arg(long, value_name = "PATH", hide = true)]
    pub default_mounts_file: Option<PathBuf>,
    /// Events backend to use
    #[arg(long, value_name = "BACKEND", value_parser = ["file", "journald", "none"])]
    pub events_backend: Option<String>,
    /// Log messages at and above this level
    #[arg(long, value_name = "LEVEL", default_value = "warn", value_parser = ["trace", "debug", "info", "warn", "warning", "error", "fatal", "panic"])]
    pub log_level: String,
    /// Read another file of containers.conf(5): a path, or its name in a directory containers.conf.modules
    #[arg(long, value_name = "FILE")]
    pub module: Vec<PathBuf>,
    /// Path of the directory in which containers, images and pods are kept
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Path of the directory that holds what does not outlive the machine's run
    #[arg(long, value_name = "DIR")]
    pub runroot: Option<PathBuf>,
    /// Name or path of the OCI runtime
    #[arg(long, value_name = "PATH")]
    pub runtime: Option<String>,
    /// Add a global flag of the OCI runtime, without its leading dashes
    #[arg(long, value_name = "FLAG")]
    pub runtime_flag: Vec<String>,
}

impl Globals {
    pub(super) fn augment(command: Command) -> Command {
        Globals::augment_args(command)
    }

    pub(super) fn from_matches(matches: &ArgMatches) -> Result<Globals> {
        Ok(Globals::from_arg_matches(matches)?)
    }
}
