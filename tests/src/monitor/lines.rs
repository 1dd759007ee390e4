//! The reading end of a pipe that carries a line of JSON an answer.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context as _, Result, bail, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::Value;

use super::LIMIT;

/// The reading end of a pipe that carries a line of JSON an answer.
#[derive(Debug)]
pub struct Lines {
    pipe: File,
    buffer: Vec<u8>,
    /// What was read as answers, for messages.
    seen: Vec<String>,
}

impl Lines {
    pub fn new(pipe: OwnedFd) -> Lines {
        Lines {
            pipe: pipe.into(),
            buffer: Vec::new(),
            seen: Vec::new(),
        }
    }

    pub fn answer(&mut self) -> Result<Value> {
        let line = self
            .line()?
            .context("the pipe was closed without an answer")?;
        serde_json::from_str(&line).with_context(|| format!("not JSON: {line}"))
    }

    /// The next line without its end; None where the pipe is closed.
    pub fn line(&mut self) -> Result<Option<String>> {
        loop {
            if let Some(at) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=at).collect();
                let line = String::from_utf8(line)?.trim_end().to_owned();
                self.seen.push(line.clone());
                return Ok(Some(line));
            }
            if !self.fill()? {
                ensure!(self.buffer.is_empty(), "a torn line on the pipe");
                return Ok(None);
            }
        }
    }

    /// All lines up to the end of the pipe.
    pub fn rest(&mut self) -> Result<Vec<String>> {
        while self.fill()? {}
        let text = String::from_utf8_lossy(&self.buffer).into_owned();
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn fill(&mut self) -> Result<bool> {
        let mut fds = [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, PollTimeout::try_from(LIMIT)?)? == 0 {
            bail!("no answer within {LIMIT:?}, after {:?}", self.seen);
        }
        let mut chunk = [0; 4096];
        match self.pipe.read(&mut chunk) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}
