//! The command line, as runc(8) has it.

mod checkpoint;
mod exec;
mod help;
mod make;
mod update;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use checkpoint::{Checkpoint, CriuOptions, Restore};
pub(crate) use exec::Exec;
pub(crate) use make::{Create, Run};
pub(crate) use update::{Limits, Update};
pub(crate) use watch::{Events, List, ListFormat, Ps};

/// Open Container Initiative runtime
#[derive(Debug, Parser)]
#[command(name = "rrunc", version = VERSION, subcommand_required = true, arg_required_else_help = true, disable_version_flag = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const VERSION: &str = concat!("version ", env!("CARGO_PKG_VERSION"), "\nspec: 1.3.0");

/// Parse the arguments; help and errors have been printed when this returns
/// an exit code. A wrong command line ends with 1, as runc's.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse().map_err(|error| {
        let code = if error.use_stderr() {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        };
        if error.kind() == ErrorKind::InvalidSubcommand
            && let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand)
        {
            eprintln!("No help topic for '{name}'");
        }
        let printed = match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                help::print(code == ExitCode::FAILURE)
            }
            _ => error.print(),
        };
        printed.map_or(ExitCode::FAILURE, |()| code)
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
    #[arg(long, overrides_with_all = ["systemd_cgroup", "cgroup_manager"])]
    systemd_cgroup: bool,
    /// Who makes cgroups: this runtime (cgroupfs), systemd, or nobody (disabled)
    #[arg(long, value_name = "MANAGER", overrides_with_all = ["systemd_cgroup", "cgroup_manager"])]
    cgroup_manager: Option<CgroupManager>,
    /// Print version
    #[arg(short, long, visible_short_alias = 'V', action = clap::ArgAction::Version)]
    version: Option<bool>,
    /// Ignore cgroup permission errors: true, false, or auto
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) rootless: Rootless,
}

impl Global {
    /// As runc is told it (`--systemd-cgroup`) or as crun is (`--cgroup-manager`); the last one counts.
    pub(crate) fn cgroup_manager(&self) -> CgroupManager {
        match (self.systemd_cgroup, self.cgroup_manager) {
            (true, _) => CgroupManager::Systemd,
            (false, given) => given.unwrap_or(CgroupManager::Cgroupfs),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CgroupManager {
    Cgroupfs,
    Systemd,
    /// The container stays in its caller's groups.
    Disabled,
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
    /// Save a running container to files, through criu
    Checkpoint(Box<Checkpoint>),
    /// Create a container, its process waiting for start
    Create(Create),
    /// Delete a container and what it holds
    Delete(Delete),
    /// Print out-of-memory events and statistics, as JSON
    Events(Events),
    /// Run another process in a container
    Exec(Box<Exec>),
    /// Print what this runtime can do, as JSON
    Features,
    /// Send a signal to a container's init process
    Kill(Kill),
    /// List containers
    List(List),
    /// Stop all processes of a container where they are
    Pause(ContainerId),
    /// List the processes of a container
    Ps(Ps),
    /// Bring a container back from what checkpoint saved, through criu
    Restore(Box<Restore>),
    /// Let the processes of a paused container go on
    Resume(ContainerId),
    /// Create a container and start it
    Run(Run),
    /// Write a config.json to start from
    Spec(SpecOptions),
    /// Start the process of a created container
    Start(ContainerId),
    /// Print a container's state, as JSON
    State(ContainerId),
    /// Change a container's resource limits
    Update(Box<Update>),
}

/// The one container a command is about.
#[derive(Debug, Args)]
pub(crate) struct ContainerId {
    /// Name of the container
    #[arg(value_name = "CONTAINER-ID")]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Kill a running container first; it is no error when there is none
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Name of the container
    #[arg(value_name = "CONTAINER-ID", required = true)]
    pub(crate) ids: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Kill {
    /// Send it to every process of the container
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Name of the container
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
pub(crate) struct SpecOptions {
    /// Directory to write to [default: .]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) bundle: Option<PathBuf>,
    /// For a caller without privileges
    #[arg(long)]
    pub(crate) rootless: bool,
}

/// What the man pages and completions are written from.
#[cfg(any(test, feature = "manual"))]
pub(crate) fn manual() -> manual::Manual {
    manual::Manual {
        command: <Cli as clap::CommandFactory>::command(),
        section: 8,
        words: concat!(env!("CARGO_MANIFEST_DIR"), "/man"),
        completions: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn everything_is_documented() {
        super::manual().check();
    }
}
