//! Where errors and warnings go: `--log`, `--log-format`, `--debug`.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Error, Result};

use crate::cli::{Global, LogFormat};

/// The log of one command.
#[derive(Debug)]
pub(crate) struct Log {
    file: Option<File>,
    format: LogFormat,
    debug: bool,
}

impl Log {
    /// # Errors
    /// The file of `--log` cannot be opened for appending.
    pub(crate) fn open(options: &Global) -> Result<Log> {
        let file = match &options.log {
            Some(path) => Some(
                OpenOptions::new()
                    .append(true)
                    .create(true)
                    .open(path)
                    .with_context(|| format!("open --log {}", path.display()))?,
            ),
            None => None,
        };
        Ok(Log {
            file,
            format: options.log_format,
            debug: options.debug,
        })
    }

    /// Before the options are known.
    pub(crate) fn to_stderr() -> Log {
        Log {
            file: None,
            format: LogFormat::Text,
            debug: false,
        }
    }

    /// Report the error that ends the command.
    pub(crate) fn fail(&self, error: &Error) -> ExitCode {
        let text = format!("{error:#}");
        self.write("error", &text);
        if self.file.is_some() {
            self.print(&text);
        }
        ExitCode::FAILURE
    }

    /// Report what the command goes on after.
    pub(crate) fn warn(&self, text: &str) {
        self.write("warning", text);
    }

    /// Tell what is being done, with `--debug`.
    pub(crate) fn debug(&self, text: impl FnOnce() -> String) {
        if self.debug {
            self.write("debug", &text());
        }
    }

    fn write(&self, level: &str, text: &str) {
        let line = match self.format {
            LogFormat::Json => {
                serde_json::json!({"level": level, "msg": text, "time": timestamp()}).to_string()
            }
            LogFormat::Text if self.file.is_none() && io::stderr().is_terminal() => {
                format!("{}[0000] {text}", level[..4].to_uppercase())
            }
            LogFormat::Text => format!("time=\"{}\" level={level} msg={text:?}", timestamp()),
        };
        let written = self.file.as_ref().map(|mut file| writeln!(file, "{line}"));
        if !matches!(written, Some(Ok(()))) {
            self.print(&line);
        }
    }

    /// A closed stderr leaves nobody to tell.
    fn print(&self, line: &str) {
        writeln!(io::stderr(), "{line}").unwrap_or_default();
    }
}

/// Now, in RFC 3339 to the second, UTC.
pub(crate) fn timestamp() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("{}Z", civil(now.as_secs()))
}

/// Now, in RFC 3339 to the nanosecond, UTC.
pub(crate) fn precise_timestamp() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("{}.{:09}Z", civil(now.as_secs()), now.subsec_nanos())
}

/// `YYYY-MM-DDTHH:MM:SS` of seconds since 1970, by the proleptic Gregorian
/// calendar counted from 1 March, when leap days come last.
fn civil(seconds: u64) -> String {
    let (days, of_day) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    )
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn dates_are_right_around_leap_days() {
        assert_eq!(civil(0), "1970-01-01T00:00:00");
        assert_eq!(civil(951_782_400), "2000-02-29T00:00:00");
        assert_eq!(civil(1_709_251_199), "2024-02-29T23:59:59");
        assert_eq!(civil(4_107_542_400), "2100-03-01T00:00:00");
    }
}
