//! The command line, in conmon's own syntax (GLib's): `--name value`,
//! `--name=value`, `-n value`, letters in one cluster (`-itc value`), repeated
//! options, operands ignored (`--api-version 1` is a flag and an operand).
//!
//! A table and sixty lines stand here in place of an argument parser because
//! the monitor lives as long as its container: what it links it keeps in memory.

mod help;
mod parse;
mod table;

use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) use help::help;
pub(crate) use parse::parse;

/// Every option as it was given.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) api_version: bool,
    pub(crate) bundle: Option<PathBuf>,
    pub(crate) cid: Option<OsString>,
    pub(crate) conmon_pidfile: Option<PathBuf>,
    pub(crate) container_pidfile: Option<PathBuf>,
    pub(crate) cuuid: Option<OsString>,
    pub(crate) exec: bool,
    pub(crate) exec_attach: bool,
    pub(crate) exec_process_spec: Option<PathBuf>,
    pub(crate) exit_command: Option<PathBuf>,
    pub(crate) exit_command_args: Vec<OsString>,
    /// Seconds.
    pub(crate) exit_delay: Option<i32>,
    pub(crate) exit_dir: Option<PathBuf>,
    pub(crate) full_attach: bool,
    pub(crate) leave_stdin_open: bool,
    pub(crate) log_allowlist_dirs: Vec<PathBuf>,
    /// Bytes over the monitor's life.
    pub(crate) log_global_size_max: Option<i64>,
    pub(crate) log_labels: Vec<OsString>,
    pub(crate) log_level: Option<OsString>,
    pub(crate) log_max_files: Option<i32>,
    pub(crate) log_paths: Vec<OsString>,
    pub(crate) log_rotate: bool,
    /// Bytes in one file.
    pub(crate) log_size_max: Option<i64>,
    pub(crate) log_tag: Option<OsString>,
    pub(crate) name: Option<OsString>,
    pub(crate) no_container_partial_message: bool,
    pub(crate) no_new_keyring: bool,
    pub(crate) no_pivot: bool,
    pub(crate) no_sync_log: bool,
    pub(crate) persist_dir: Option<PathBuf>,
    pub(crate) replace_listen_pid: bool,
    pub(crate) restore: Option<PathBuf>,
    pub(crate) runtime: Option<PathBuf>,
    pub(crate) runtime_args: Vec<OsString>,
    pub(crate) runtime_opts: Vec<OsString>,
    pub(crate) sdnotify_socket: Option<PathBuf>,
    pub(crate) socket_dir_path: Option<PathBuf>,
    pub(crate) stdin: bool,
    pub(crate) sync: bool,
    pub(crate) syslog: bool,
    pub(crate) systemd_cgroup: bool,
    pub(crate) terminal: bool,
    /// Seconds.
    pub(crate) timeout: Option<i32>,
    help: bool,
    version: bool,
}

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Request {
    Run(Box<Options>),
    Help,
    Version,
}

/// A command line that cannot be understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("option parsing failed: Unknown option {0}")]
    Unknown(String),
    #[error("option parsing failed: Missing argument for {0}")]
    MissingValue(String),
    #[error("option parsing failed: {0} takes no value")]
    UnwantedValue(String),
    #[error("option parsing failed: Error parsing option {0}")]
    SecondValue(String),
    #[error("option parsing failed: Cannot parse integer value “{value}” for {name}")]
    NotANumber { name: String, value: String },
    #[error("option parsing failed: Integer value “{value}” for {name} out of range")]
    OutOfRange { name: String, value: String },
    #[error("log-max-files must be non-negative, got {0}")]
    NegativeMaxFiles(i32),
    #[error("log-max-files must be at least 1 when log-rotate is enabled, got 0")]
    NoFilesToRotate,
    #[error("Container ID not provided. Use --cid")]
    NoContainerId,
}
