//! The command line, in conmon's own syntax (GLib's): `--name value`,
//! `--name=value`, `-n value`, `-nvalue`, flags in one cluster (`-it`), repeated
//! options, operands ignored (`--api-version 1` is a flag and an operand).
//!
//! A table and sixty lines stand here in place of an argument parser because
//! the monitor lives as long as its container: what it links it keeps in memory.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

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
    pub(crate) exit_delay: i64,
    pub(crate) exit_dir: Option<PathBuf>,
    pub(crate) full_attach: bool,
    pub(crate) leave_stdin_open: bool,
    pub(crate) log_allowlist_dirs: Vec<PathBuf>,
    /// Bytes over the monitor's life.
    pub(crate) log_global_size_max: Option<i64>,
    pub(crate) log_labels: Vec<OsString>,
    pub(crate) log_level: Option<OsString>,
    pub(crate) log_max_files: Option<i64>,
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
    pub(crate) timeout: i64,
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
    #[error("option parsing failed: Cannot parse integer value '{value}' for {name}")]
    NotANumber { name: String, value: String },
    #[error("log-max-files must be non-negative, got {0}")]
    NegativeMaxFiles(i64),
    #[error("option parsing failed: Integer value '{0}' for --log-max-files out of range")]
    TooManyFiles(i64),
    #[error("log-max-files must be at least 1 when log-rotate is enabled, got 0")]
    NoFilesToRotate,
    #[error("Container ID not provided. Use --cid")]
    NoContainerId,
}

/// Where an option's value goes.
enum Slot {
    Flag(fn(&mut Options) -> &mut bool),
    Text(fn(&mut Options) -> &mut Option<OsString>),
    Path(fn(&mut Options) -> &mut Option<PathBuf>),
    List(fn(&mut Options) -> &mut Vec<OsString>),
    Paths(fn(&mut Options) -> &mut Vec<PathBuf>),
    Number(fn(&mut Options) -> &mut i64),
    Limit(fn(&mut Options) -> &mut Option<i64>),
}

struct Entry {
    long: &'static str,
    short: Option<u8>,
    slot: Slot,
    /// Empty for deprecated spellings, which the help does not list.
    help: &'static str,
}

const fn option(long: &'static str, short: Option<u8>, slot: Slot, help: &'static str) -> Entry {
    Entry {
        long,
        short,
        slot,
        help,
    }
}

use Slot::{Flag, Limit, List, Number, Path, Paths, Text};

static TABLE: &[Entry] = &[
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
        Number(|o| &mut o.exit_delay),
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
        Limit(|o| &mut o.log_global_size_max),
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
        Limit(|o| &mut o.log_max_files),
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
        Limit(|o| &mut o.log_size_max),
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
        Number(|o| &mut o.timeout),
        "Seconds after which the container is killed",
    ),
    option(
        "version",
        None,
        Flag(|o| &mut o.version),
        "Print the version and exit",
    ),
];

/// Parses the arguments after the program's name.
pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Request, Error> {
    let mut options = Options::default();
    let mut args = args;
    while let Some(arg) = args.next() {
        match arg.as_bytes() {
            b"--" => break,
            [b'-', b'-', long @ ..] => parse_long(&mut options, long, &mut args)?,
            [b'-', first, rest @ ..] => parse_short(&mut options, *first, rest, &mut args)?,
            _ => {}
        }
    }
    if options.help {
        return Ok(Request::Help);
    }
    if options.version {
        return Ok(Request::Version);
    }
    check(&options)?;
    Ok(Request::Run(Box::new(options)))
}

/// What conmon checks before anything else.
fn check(options: &Options) -> Result<(), Error> {
    match options.log_max_files {
        Some(count) if count < 0 => return Err(Error::NegativeMaxFiles(count)),
        Some(count) if count > i64::from(i32::MAX) => return Err(Error::TooManyFiles(count)),
        Some(0) if options.log_rotate => return Err(Error::NoFilesToRotate),
        _ => {}
    }
    if options.cid.is_none() {
        return Err(Error::NoContainerId);
    }
    Ok(())
}

fn parse_long(
    options: &mut Options,
    arg: &[u8],
    args: &mut impl Iterator<Item = OsString>,
) -> Result<(), Error> {
    let mut parts = arg.splitn(2, |byte| *byte == b'=');
    let name = parts.next().unwrap_or_default();
    let inline = parts
        .next()
        .map(|value| OsStr::from_bytes(value).to_owned());
    let shown = format!("--{}", String::from_utf8_lossy(name));
    let Some(entry) = TABLE.iter().find(|entry| entry.long.as_bytes() == name) else {
        return Err(Error::Unknown(shown));
    };
    if let Flag(field) = &entry.slot {
        if inline.is_some() {
            return Err(Error::UnwantedValue(shown));
        }
        *field(options) = true;
        return Ok(());
    }
    let value = inline
        .or_else(|| args.next())
        .ok_or_else(|| Error::MissingValue(shown.clone()))?;
    entry.store(options, shown, value)
}

fn parse_short(
    options: &mut Options,
    first: u8,
    rest: &[u8],
    args: &mut impl Iterator<Item = OsString>,
) -> Result<(), Error> {
    let mut letter = first;
    let mut rest = rest;
    loop {
        let shown = format!("-{}", char::from(letter));
        let Some(entry) = TABLE.iter().find(|entry| entry.short == Some(letter)) else {
            return Err(Error::Unknown(shown));
        };
        if let Flag(field) = &entry.slot {
            *field(options) = true;
            let [next, tail @ ..] = rest else {
                return Ok(());
            };
            (letter, rest) = (*next, tail);
            continue;
        }
        let value = match rest {
            [] => args
                .next()
                .ok_or_else(|| Error::MissingValue(shown.clone()))?,
            [b'=', value @ ..] | value => OsStr::from_bytes(value).to_owned(),
        };
        return entry.store(options, shown, value);
    }
}

impl Entry {
    fn store(&self, options: &mut Options, name: String, value: OsString) -> Result<(), Error> {
        match &self.slot {
            Flag(field) => *field(options) = true,
            Text(field) => *field(options) = Some(value),
            Path(field) => *field(options) = Some(value.into()),
            List(field) => field(options).push(value),
            Paths(field) => field(options).push(value.into()),
            Number(field) => *field(options) = number(name, value)?,
            Limit(field) => *field(options) = Some(number(name, value)?),
        }
        Ok(())
    }
}

fn number(name: String, value: OsString) -> Result<i64, Error> {
    let value = String::from_utf8_lossy(&value.into_vec()).into_owned();
    value
        .trim()
        .parse()
        .map_err(|_| Error::NotANumber { name, value })
}

/// The text of `--help`.
pub(crate) fn help() -> String {
    let mut text = String::from("Usage:\n  conmon [OPTION…] - conmon utility\n\nOptions:\n");
    for entry in TABLE.iter().filter(|entry| !entry.help.is_empty()) {
        let short = entry
            .short
            .map_or_else(String::new, |letter| format!("-{}, ", char::from(letter)));
        let value = if matches!(entry.slot, Flag(_)) {
            ""
        } else {
            "=VALUE"
        };
        let spelling = format!("{short}--{}{value}", entry.long);
        text.push_str(&format!("  {spelling:<34} {}\n", entry.help));
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn options(line: &str) -> Options {
        let words = line.split_whitespace().map(OsString::from);
        match parse(words).unwrap() {
            Request::Run(options) => *options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_spelling_of_a_value() {
        for line in ["-c id", "-cid", "-c=id", "--cid id", "--cid=id"] {
            assert_eq!(
                options(line).cid.as_deref(),
                Some(OsStr::new("id")),
                "{line}"
            );
        }
    }

    #[test]
    fn flags_cluster_and_operands_are_ignored() {
        let options = options("--api-version 1 -itc id -T 5");
        assert!(options.api_version && options.stdin && options.terminal);
        assert_eq!(options.timeout, 5);
    }

    #[test]
    fn lists_keep_their_order() {
        let options = options("-c x --exit-command-arg --root --exit-command-arg=/a -l a -l b");
        assert_eq!(options.exit_command_args, ["--root", "/a"]);
        assert_eq!(options.log_paths, ["a", "b"]);
    }

    #[test]
    fn mistakes_are_named() {
        let error = |line: &str| {
            let words = line.split_whitespace().map(OsString::from);
            parse(words).unwrap_err().to_string()
        };
        assert!(error("--nope").ends_with("Unknown option --nope"));
        assert!(error("-c").ends_with("Missing argument for -c"));
        assert!(error("-c x --timeout ten").contains("'ten' for --timeout"));
        assert!(error("-t").contains("Use --cid"));
        assert!(error("-c x --log-rotate --log-max-files 0").contains("at least 1"));
    }
}
