//! Every option: its spellings, where its value goes, and its line in the help.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Options;

/// Where an option's value goes.
pub(super) enum Slot {
    Flag(fn(&mut Options) -> &mut bool),
    Text(fn(&mut Options) -> &mut Option<OsString>),
    Path(fn(&mut Options) -> &mut Option<PathBuf>),
    List(fn(&mut Options) -> &mut Vec<OsString>),
    Paths(fn(&mut Options) -> &mut Vec<PathBuf>),
    Count(fn(&mut Options) -> &mut Option<i32>),
    Size(fn(&mut Options) -> &mut Option<i64>),
}

pub(super) struct Entry {
    pub(super) long: &'static str,
    pub(super) short: Option<u8>,
    pub(super) slot: Slot,
    /// Empty for deprecated spellings, which the help does not list.
    pub(super) help: &'static str,
}

const fn option(long: &'static str, short: Option<u8>, slot: Slot, help: &'static str) -> Entry {
    Entry {
        long,
        short,
        slot,
        help,
    }
}

use Slot::{Count, Flag, List, Path, Paths, Size, Text};

pub(super) static TABLE: &[Entry] = &[
    option(
        "help",
        Some(b'h'),
        Flag(|o| &mut o.help),
        "Show help options",
    ),
    option(
        "api-version",
        None,
        Flag(|o| &mut o.api_version),
        "Use the current API on the sync pipe",
    ),
    option(
        "bundle",
        Some(b'b'),
        Path(|o| &mut o.bundle),
        "Directory of the OCI bundle",
    ),
    option("cid", Some(b'c'), Text(|o| &mut o.cid), "Container's ID"),
    option(
        "conmon-pidfile",
        Some(b'P'),
        Path(|o| &mut o.conmon_pidfile),
        "File for the monitor's PID",
    ),
    option(
        "container-pidfile",
        Some(b'p'),
        Path(|o| &mut o.container_pidfile),
        "File for the container's PID",
    ),
    option("pidfile", None, Path(|o| &mut o.container_pidfile), ""),
    option(
        "cuuid",
        Some(b'u'),
        Text(|o| &mut o.cuuid),
        "Container's UUID",
    ),
    option(
        "exec",
        Some(b'e'),
        Flag(|o| &mut o.exec),
        "Run a command in a running container",
    ),
    option(
        "exec-attach",
        None,
        Flag(|o| &mut o.exec_attach),
        "Wait for a client before the command starts",
    ),
    option(
        "exec-process-spec",
        None,
        Path(|o| &mut o.exec_process_spec),
        "File with the command's process spec",
    ),
    option(
        "exit-command",
        None,
        Path(|o| &mut o.exit_command),
        "Program to run once the container has ended",
    ),
    option(
        "exit-command-arg",
        None,
        List(|o| &mut o.exit_command_args),
        "Argument of the exit command (repeatable)",
    ),
    option(
        "exit-delay",
        None,
        Count(|o| &mut o.exit_delay),
        "Seconds to wait before the exit command",
    ),
    option(
        "exit-dir",
        None,
        Path(|o| &mut o.exit_dir),
        "Directory for exit files",
    ),
    option(
        "full-attach",
        None,
        Flag(|o| &mut o.full_attach),
        "Put the attach socket into the bundle, whatever its path's length",
    ),
    option(
        "leave-stdin-open",
        None,
        Flag(|o| &mut o.leave_stdin_open),
        "Keep stdin open when a client leaves",
    ),
    option(
        "log-allowlist-dir",
        None,
        Paths(|o| &mut o.log_allowlist_dirs),
        "Directory where logs may be (repeatable)",
    ),
    option(
        "log-global-size-max",
        None,
        Size(|o| &mut o.log_global_size_max),
        "Most bytes to log in all",
    ),
    option(
        "log-label",
        None,
        List(|o| &mut o.log_labels),
        "LABEL=VALUE for journal entries (repeatable)",
    ),
    option(
        "log-level",
        None,
        Text(|o| &mut o.log_level),
        "What the monitor says of itself: error, warn, info, debug, trace",
    ),
    option(
        "log-max-files",
        None,
        Count(|o| &mut o.log_max_files),
        "Rotated logs to keep (default: 1)",
    ),
    option(
        "log-path",
        Some(b'l'),
        List(|o| &mut o.log_paths),
        "Log driver, as DRIVER:PATH (repeatable)",
    ),
    option(
        "log-rotate",
        None,
        Flag(|o| &mut o.log_rotate),
        "Rotate a full log instead of truncating it",
    ),
    option(
        "log-size-max",
        None,
        Size(|o| &mut o.log_size_max),
        "Most bytes in one log file",
    ),
    option(
        "log-tag",
        None,
        Text(|o| &mut o.log_tag),
        "Tag for journal entries",
    ),
    option(
        "name",
        Some(b'n'),
        Text(|o| &mut o.name),
        "Container's name",
    ),
    option(
        "no-container-partial-message",
        None,
        Flag(|o| &mut o.no_container_partial_message),
        "Do not mark parts of lines in the journal",
    ),
    option(
        "no-new-keyring",
        None,
        Flag(|o| &mut o.no_new_keyring),
        "Do not create a session keyring for the container",
    ),
    option(
        "no-pivot",
        None,
        Flag(|o| &mut o.no_pivot),
        "Do not use pivot_root",
    ),
    option(
        "no-sync-log",
        None,
        Flag(|o| &mut o.no_sync_log),
        "Do not sync the log at the end",
    ),
    option(
        "persist-dir",
        Some(b'0'),
        Path(|o| &mut o.persist_dir),
        "Directory that outlives the container, for its exit and oom files",
    ),
    option(
        "replace-listen-pid",
        None,
        Flag(|o| &mut o.replace_listen_pid),
        "Set LISTEN_PID to the runtime's PID",
    ),
    option(
        "restore",
        None,
        Path(|o| &mut o.restore),
        "Restore a container from this checkpoint",
    ),
    option("restore-arg", None, List(|o| &mut o.runtime_opts), ""),
    option(
        "runtime",
        Some(b'r'),
        Path(|o| &mut o.runtime),
        "Path of the OCI runtime",
    ),
    option(
        "runtime-arg",
        None,
        List(|o| &mut o.runtime_args),
        "Argument before the runtime's command (repeatable)",
    ),
    option(
        "runtime-opt",
        None,
        List(|o| &mut o.runtime_opts),
        "Argument after the runtime's command (repeatable)",
    ),
    option(
        "sdnotify-socket",
        None,
        Path(|o| &mut o.sdnotify_socket),
        "Host's notify socket, to pass readiness on to",
    ),
    option(
        "socket-dir-path",
        None,
        Path(|o| &mut o.socket_dir_path),
        "Directory of attach sockets",
    ),
    option(
        "stdin",
        Some(b'i'),
        Flag(|o| &mut o.stdin),
        "Open the container's stdin",
    ),
    option(
        "sync",
        None,
        Flag(|o| &mut o.sync),
        "Stay the caller's child",
    ),
    option(
        "syslog",
        None,
        Flag(|o| &mut o.syslog),
        "Report to syslog as well",
    ),
    option(
        "systemd-cgroup",
        Some(b's'),
        Flag(|o| &mut o.systemd_cgroup),
        "Let systemd manage cgroups",
    ),
    option(
        "terminal",
        Some(b't'),
        Flag(|o| &mut o.terminal),
        "Give the container a terminal",
    ),
    option(
        "timeout",
        Some(b'T'),
        Count(|o| &mut o.timeout),
        "Seconds after which the container is killed",
    ),
    option(
        "version",
        None,
        Flag(|o| &mut o.version),
        "Print the version and exit",
    ),
];

impl Entry {
    /// What `store` gets.
    pub(super) fn takes_value(&self) -> bool {
        !matches!(self.slot, Flag(_))
    }
}
