//! What the monitor says of itself: to standard error while the caller still
//! listens there, and to syslog where `--syslog` asks for it.

use std::ffi::OsStr;
use std::fmt::Arguments;
use std::os::unix::net::UnixDatagram;
use std::sync::OnceLock;

const SYSLOG_SOCKET: &str = "/dev/log";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Debug)]
struct Reporter {
    level: Level,
    /// The container's id, cut as conmon cuts it.
    container: String,
    syslog: Option<UnixDatagram>,
}

static REPORTER: OnceLock<Reporter> = OnceLock::new();

impl Level {
    /// Reads `--log-level`'s value.
    pub(crate) fn parse(name: &OsStr) -> Option<Self> {
        Some(match name.to_str()?.to_ascii_lowercase().as_str() {
            "error" | "fatal" | "panic" => Self::Error,
            "warn" | "warning" => Self::Warn,
            "info" => Self::Info,
            "debug" => Self::Debug,
            "trace" => Self::Trace,
            _ => return None,
        })
    }
}

/// Sets how much is said and where. Only the first call counts.
pub(crate) fn set_up(level: Level, container: &OsStr, syslog: bool) {
    let syslog = syslog.then(|| {
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        socket.connect(SYSLOG_SOCKET).ok()?;
        Some(socket)
    });
    let container = container.to_string_lossy().chars().take(20).collect();
    REPORTER.get_or_init(|| Reporter {
        level,
        container,
        syslog: syslog.flatten(),
    });
}

pub(crate) fn error(message: Arguments<'_>) {
    say(Level::Error, message);
}

pub(crate) fn warn(message: Arguments<'_>) {
    say(Level::Warn, message);
}

pub(crate) fn info(message: Arguments<'_>) {
    say(Level::Info, message);
}

pub(crate) fn debug(message: Arguments<'_>) {
    say(Level::Debug, message);
}

pub(crate) fn trace(message: Arguments<'_>) {
    say(Level::Trace, message);
}

fn say(level: Level, message: Arguments<'_>) {
    let reporter = REPORTER.get();
    if level > reporter.map_or(Level::Warn, |reporter| reporter.level) {
        return;
    }
    let (letter, name) = match level {
        Level::Error => ('e', "error"),
        Level::Warn => ('w', "nwarn"),
        Level::Info => ('i', "ninfo"),
        Level::Debug => ('d', "ndebug"),
        Level::Trace => ('d', "ntrace"),
    };
    eprintln!("[conmon:{letter}]: {message}");
    if let Some(Reporter {
        container,
        syslog: Some(socket),
        ..
    }) = reporter
    {
        // facility "user", severity error or info
        let priority = if level == Level::Error { 11 } else { 14 };
        let pid = std::process::id();
        let line = format!("<{priority}>conmon[{pid}]: conmon {container} <{name}>: {message}");
        // A report that syslog does not take has nowhere else to go.
        let _ = socket.send(line.as_bytes());
    }
}
