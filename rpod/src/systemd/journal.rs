//! What a container said to the journal, read by journalctl(1) and told in the form of a log file's lines.

use std::io::{BufRead as _, BufReader};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Deserialize;
use serde_json::Value;

/// The priority at which a monitor writes what comes from standard error.
const STDERR: &str = "3";

/// journald keeps what it is told.
pub fn is_kept() -> bool {
    ["/run/log/journal", "/var/log/journal"]
        .iter()
        .any(|directory| Path::new(directory).is_dir())
}

/// The entries of one container, oldest first.
#[derive(Debug)]
pub struct Journal {
    id: String,
    reading: Reading,
    /// The place of the last entry that was read.
    cursor: Option<String>,
}

#[derive(Debug)]
enum Reading {
    /// What is there; then nothing, until it is followed.
    Whole(Journalctl),
    Done,
    Following(Journalctl),
}

#[derive(Debug)]
struct Journalctl {
    child: Child,
    output: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "__CURSOR")]
    cursor: String,
    /// Microseconds.
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    time: String,
    /// Text, or a list of bytes where it is none.
    #[serde(rename = "MESSAGE")]
    message: Value,
    #[serde(rename = "PRIORITY", default)]
    priority: String,
    #[serde(rename = "CONTAINER_PARTIAL_MESSAGE")]
    partial: Option<String>,
}

impl Journal {
    pub fn open(id: &str) -> Result<Journal> {
        Ok(Journal {
            id: id.to_owned(),
            reading: Reading::Whole(Journalctl::start(id, &[])?),
            cursor: None,
        })
    }

    /// The next entry as a line of a log, if there is one now.
    pub fn next_line(&mut self) -> Result<Option<String>> {
        loop {
            let text = match &mut self.reading {
                Reading::Whole(journalctl) => journalctl.read()?,
                Reading::Following(journalctl) if journalctl.has_more()? => journalctl.read()?,
                Reading::Following(_) => return Ok(None),
                Reading::Done => {
                    self.follow()?;
                    continue;
                }
            };
            let Some(text) = text else {
                self.end()?;
                return Ok(None);
            };
            let entry: Entry =
                serde_json::from_str(&text).with_context(|| format!("journalctl said {text:?}"))?;
            let line = line(&entry);
            self.cursor = Some(entry.cursor);
            if let Some(line) = line {
                return Ok(Some(line));
            }
        }
    }

    /// From the last entry on, as entries come.
    fn follow(&mut self) -> Result<()> {
        let from = match &self.cursor {
            Some(cursor) => format!("--after-cursor={cursor}"),
            None => "--lines=all".to_owned(),
        };
        self.reading = Reading::Following(Journalctl::start(
            &self.id,
            &["--follow", "--no-tail", &from],
        )?);
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        if let Reading::Whole(mut journalctl) = std::mem::replace(&mut self.reading, Reading::Done)
        {
            let status = journalctl.child.wait().context("waiting for journalctl")?;
            if !status.success() {
                bail!("journalctl failed: {status}");
            }
        }
        Ok(())
    }
}

impl Journalctl {
    fn start(id: &str, more: &[&str]) -> Result<Journalctl> {
        let mut child = Command::new("journalctl")
            .args(["--quiet", "--all", "--output=json"])
            .args(more)
            .arg(format!("CONTAINER_ID_FULL={id}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting journalctl, which reads the journal")?;
        let output = child.stdout.take().context("journalctl's output")?;
        Ok(Journalctl {
            child,
            output: BufReader::new(output),
        })
    }

    /// A whole line; nothing at the end.
    fn read(&mut self) -> Result<Option<String>> {
        let mut line = String::new();
        let length = self
            .output
            .read_line(&mut line)
            .context("reading from journalctl")?;
        Ok((length > 0).then_some(line))
    }

    fn has_more(&self) -> Result<bool> {
        if !self.output.buffer().is_empty() {
            return Ok(true);
        }
        let mut watched = [PollFd::new(
            self.output.get_ref().as_fd(),
            PollFlags::POLLIN,
        )];
        let ready = poll(&mut watched, PollTimeout::ZERO).context("poll")?;
        Ok(ready > 0)
    }
}

impl Drop for Journalctl {
    fn drop(&mut self) {
        // One that has ended already is only reaped.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// `TIME stdout|stderr F|P text`; nothing for an entry without a time.
fn line(entry: &Entry) -> Option<String> {
    let time = jiff::Timestamp::from_microsecond(entry.time.parse().ok()?).ok()?;
    let time = time
        .to_zoned_datetime(crate::output::local_zone())
        .strftime("%Y-%m-%dT%H:%M:%S%.9f%:z");
    let stream = if entry.priority == STDERR {
        "stderr"
    } else {
        "stdout"
    };
    let tag = if entry.partial.as_deref() == Some("true") {
        "P"
    } else {
        "F"
    };
    let text = text(&entry.message);
    // A monitor sends the line with its end.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Some(format!("{time} {stream} {tag} {text}\n"))
}

/// A field of an entry: journalctl writes what is not printable as an array of bytes.
pub fn text(field: &Value) -> String {
    match field {
        Value::String(text) => text.clone(),
        Value::Array(bytes) => {
            let bytes: Vec<u8> = bytes
                .iter()
                .filter_map(|byte| u8::try_from(byte.as_u64()?).ok())
                .collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_entry_is_a_line() {
        let entry = |text: &str| line(&serde_json::from_str(text).unwrap()).unwrap();
        let said = entry(
            r#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1000000","MESSAGE":"two words","PRIORITY":"6"}"#,
        );
        assert!(said.ends_with(" stdout F two words\n"), "{said}");
        let bytes = entry(
            r#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1","MESSAGE":[97,255],"PRIORITY":"3","CONTAINER_PARTIAL_MESSAGE":"true"}"#,
        );
        assert!(bytes.ends_with(" stderr P a\u{fffd}\n"), "{bytes}");
    }
}
