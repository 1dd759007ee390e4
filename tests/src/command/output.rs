//! What an ended command said, and what it was to say.

use std::fmt::Display;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use anyhow::{Context, Result, ensure};

/// What an ended command said.
#[derive(Debug)]
pub struct Output {
    pub line: String,
    /// The exit code, or 128 + the number of the signal that ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// stdout without the newline at its end.
    pub fn text(&self) -> &str {
        self.stdout.trim_end()
    }

    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("stdout is not JSON\n{self}"))
    }

    /// Expects this on stdout.
    pub fn says(&self, expected: impl Display) -> Result<&Output> {
        let expected = expected.to_string();
        ensure!(
            self.stdout.contains(&expected),
            "stdout does not say {expected:?}\n{self}"
        );
        Ok(self)
    }

    /// Expects this not to be on stdout.
    pub fn hides(&self, unwanted: impl Display) -> Result<&Output> {
        let unwanted = unwanted.to_string();
        ensure!(
            !self.stdout.contains(&unwanted),
            "stdout says {unwanted:?}\n{self}"
        );
        Ok(self)
    }

    /// Expects this on stderr.
    pub fn complains(&self, expected: impl Display) -> Result<&Output> {
        let expected = expected.to_string();
        ensure!(
            self.stderr.contains(&expected),
            "stderr does not say {expected:?}\n{self}"
        );
        Ok(self)
    }

    /// Expects stdout to be exactly this, but for the newline at the end.
    pub fn is(&self, expected: impl Display) -> Result<&Output> {
        let expected = expected.to_string();
        ensure!(
            self.text() == expected,
            "stdout is not {expected:?}\n{self}"
        );
        Ok(self)
    }
}

impl Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "$ {}   # exit code {}", self.line, self.code)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            for line in text.lines() {
                writeln!(f, "  {name}: {line}")?;
            }
        }
        Ok(())
    }
}

/// 128 + signal for a killed process, as a shell counts.
pub fn code_of(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
