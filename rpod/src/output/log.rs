//! What is told on standard error beside what was asked for, in the form of podman's log: podman(1), "--log-level".

use std::process::Command;
use std::sync::OnceLock;

/// From what is told last to what is told first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Panic,
    Fatal,
    Error,
    Warning,
    Info,
    Debug,
    Trace,
}

static LEVEL: OnceLock<Level> = OnceLock::new();

impl Level {
    pub fn parse(word: &str) -> Option<Level> {
        Some(match word.to_lowercase().as_str() {
            "panic" => Level::Panic,
            "fatal" => Level::Fatal,
            "error" => Level::Error,
            "warn" | "warning" => Level::Warning,
            "info" => Level::Info,
            "debug" => Level::Debug,
            "trace" => Level::Trace,
            _ => return None,
        })
    }

    /// As podman writes it.
    pub fn word(self) -> &'static str {
        match self {
            Level::Panic => "panic",
            Level::Fatal => "fatal",
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }

    /// What is of this level and what matters more is told from now on. Only the first call counts.
    pub fn set(self) {
        let _ = LEVEL.set(self);
    }

    fn is_told(self) -> bool {
        self <= *LEVEL.get().unwrap_or(&Level::Warning)
    }
}

/// What a person should know although all went on.
pub fn warn(message: &str) {
    tell(Level::Warning, || message.to_owned());
}

/// What went wrong, although the command goes on.
pub fn error(message: &str) {
    tell(Level::Error, || message.to_owned());
}

/// How things stand, for whoever wants to follow what happens.
pub fn info(message: impl FnOnce() -> String) {
    tell(Level::Info, message);
}

/// What somebody wants to know who looks for a fault. The message is made only where it is told.
pub fn debug(message: impl FnOnce() -> String) {
    tell(Level::Debug, message);
}

/// That a program is about to be started, and how.
pub fn starting(command: &Command) {
    debug(|| format!("starting {command:?}"));
}

fn tell(level: Level, message: impl FnOnce() -> String) {
    if level.is_told() {
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
        eprintln!("time=\"{now}\" level={} msg={:?}", level.word(), message());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn levels_have_an_order() {
        let words = ["panic", "fatal", "error", "warn", "INFO", "Debug", "trace"];
        let levels = words.map(|word| Level::parse(word).unwrap());
        assert!(levels.is_sorted());
        assert_eq!(Level::parse("warning"), Level::parse("warn"));
        assert_eq!(Level::parse("loud"), None);
    }
}
