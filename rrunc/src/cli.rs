//! The command line, as runc(8) has it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// OCI runtime: starts the process that a bundle describes
#[derive(Debug, Parser)]
#[command(name = "rrunc", version = VERSION, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\nspec: 1.2.1");

/// Parse the arguments; help and errors have been printed when this returns
/// an exit code. A wrong command line ends with 1, as runc's.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| {
        let code = if error.use_stderr() {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        };
        error.print().map_or(ExitCode::FAILURE, |()| code)
    })
}

/// Options in front of the command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Directory of the containers' state (should be on a tmpfs)
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// File to append the log to instead of stderr
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Form of the log
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// Also log what is being done
    #[arg(long)]
    pub(crate) debug: bool,
    /// Manage cgroups through systemd
    #[arg(long)]
    pub(crate) systemd_cgroup: bool,
    /// Ignore cgroup permission errors: true, false, or auto
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) rootless: Rootless,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rootless {
    Auto,
    True,
    False,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a container, its process waiting for start
    Create(Create),
    /// Delete a container and what it holds
    Delete(Delete),
    /// Run another process in a container
    Exec(Box<Exec>),
    /// Print what this runtime can do, as JSON
    Features,
    /// Send a signal to a container's init process
    Kill(Kill),
    /// List containers
    List(List),
    /// Create a container and start it
    Run(Run),
    /// Write a config.json to start from
    Spec(SpecOptions),
    /// Start the process of a created container
    Start(ContainerId),
    /// Print a container's state, as JSON
    State(ContainerId),
}

/// The one container a command is about.
#[derive(Debug, Args)]
pub(crate) struct ContainerId {
    #[arg(value_name = "CONTAINER-ID")]
    pub(crate) id: String,
}

/// What `create` and `run` share.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Directory of config.json and the root filesystem [default: .]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) bundle: Option<PathBuf>,
    /// Unix socket that receives the terminal
    #[arg(long, value_name = "SOCKET")]
    pub(crate) console_socket: Option<PathBuf>,
    /// File to write the process id to
    #[arg(long, value_name = "FILE")]
    pub(crate) pid_file: Option<PathBuf>,
    /// Do not use pivot_root (for a root filesystem on initramfs)
    #[arg(long)]
    pub(crate) no_pivot: bool,
    /// Keep the caller's session keyring
    #[arg(long)]
    pub(crate) no_new_keyring: bool,
    /// Pass on this many descriptors after stdio
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) preserve_fds: u32,
    #[arg(value_name = "CONTAINER-ID")]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) create: Create,
    /// Do not wait for the process
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Do not delete the container when its process ends
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Kill a running container first; it is no error when there is none
    #[arg(short, long)]
    pub(crate) force: bool,
    #[arg(value_name = "CONTAINER-ID", required = true)]
    pub(crate) ids: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// Unix socket that receives the terminal
    #[arg(long, value_name = "SOCKET")]
    pub(crate) console_socket: Option<PathBuf>,
    /// Working directory in the container
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,
    /// Environment variable to add
    #[arg(short, long, value_name = "NAME=VALUE")]
    pub(crate) env: Vec<String>,
    /// Allocate a terminal
    #[arg(short, long)]
    pub(crate) tty: bool,
    /// User, as numbers
    #[arg(short, long, value_name = "UID[:GID]")]
    pub(crate) user: Option<String>,
    /// Further groups, as numbers
    #[arg(short = 'g', long, value_name = "GID")]
    pub(crate) additional_gids: Vec<u32>,
    /// Read the process from this file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) process: Option<PathBuf>,
    /// Do not wait for the process
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// File to write the process id to
    #[arg(long, value_name = "FILE")]
    pub(crate) pid_file: Option<PathBuf>,
    /// SELinux label of the process
    #[arg(long, value_name = "LABEL")]
    pub(crate) process_label: Option<String>,
    /// AppArmor profile of the process
    #[arg(long, value_name = "PROFILE")]
    pub(crate) apparmor: Option<String>,
    /// Gain no privileges by execve
    #[arg(long)]
    pub(crate) no_new_privs: bool,
    /// Capability to add
    #[arg(short, long, value_name = "CAP")]
    pub(crate) cap: Vec<String>,
    /// Pass on this many descriptors after stdio
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) preserve_fds: u32,
    /// Run in a paused container, and so wait for it to be resumed
    #[arg(long)]
    pub(crate) ignore_paused: bool,
    #[arg(value_name = "CONTAINER-ID")]
    pub(crate) id: String,
    /// Program and arguments
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Kill {
    /// Send it to every process of the container
    #[arg(short, long)]
    pub(crate) all: bool,
    #[arg(value_name = "CONTAINER-ID")]
    pub(crate) id: String,
    /// Name or number
    #[arg(
        value_name = "SIGNAL",
        default_value = "SIGTERM",
        allow_hyphen_values = true
    )]
    pub(crate) signal: String,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Form of the list
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: ListFormat,
    /// Only the ids
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    Table,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct SpecOptions {
    /// Directory to write to [default: .]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) bundle: Option<PathBuf>,
    /// For a caller without privileges
    #[arg(long)]
    pub(crate) rootless: bool,
}
