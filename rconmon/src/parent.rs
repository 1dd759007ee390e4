//! The pipes to the caller: `_OCI_STARTPIPE`, `_OCI_SYNCPIPE`, `_OCI_ATTACHPIPE`.
//!
//! The caller writes a byte on the start pipe once the monitor is in its cgroup
//! (and, for an attached exec, a second one once its client is there). The
//! monitor answers on the sync pipe with one JSON line a step: the container's
//! pid, or a negative number and the runtime's own words.
#![expect(
    unsafe_code,
    reason = "descriptors that the environment names are adopted"
)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};

/// One of the pipes, closed in every program that the monitor starts.
pub(crate) struct Pipe(File);

impl Pipe {
    /// The descriptor that environment variable `name` holds, if it is set.
    pub(crate) fn from_env(name: &str) -> Result<Option<Self>> {
        let Some(value) = std::env::var_os(name) else {
            return Ok(None);
        };
        let Some(fd) = value
            .to_str()
            .and_then(|text| text.trim().parse::<RawFd>().ok())
        else {
            bail!(
                "unable to parse {name}: {} is not a descriptor number",
                value.display()
            );
        };
        if fd < 3 {
            bail!("unable to use {name}: descriptor {fd} is not above standard error");
        }
        // SAFETY: the caller of this program opened it for this program alone,
        // and each variable is read once.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        if let Err(errno) = fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)) {
            // There is no such descriptor: nothing that could be closed.
            std::mem::forget(fd);
            return Err(errno).with_context(|| format!("unable to make {name} CLOEXEC"));
        }
        Ok(Some(Self(fd.into())))
    }

    /// Blocks until the caller has written something, or closed its end.
    pub(crate) fn wait(&mut self) -> Result<()> {
        let mut buffer = [0; 4096];
        loop {
            match self.0.read(&mut buffer) {
                Err(error) if error.raw_os_error() == Some(Errno::EINTR as i32) => {}
                Err(error) => return Err(error).context("start-pipe read failed"),
                Ok(_) => return Ok(()),
            }
        }
    }

    pub(crate) fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Sends JSON lines to a caller that may have gone.
pub(crate) struct Answers {
    pipe: Option<Pipe>,
    key: &'static str,
}

impl Answers {
    pub(crate) fn new(pipe: Option<Pipe>, key: &'static str) -> Self {
        Self { pipe, key }
    }

    /// `{"KEY": number}`, with `"message"` if there is one. A caller that has
    /// closed the pipe is not told any more.
    pub(crate) fn send(&mut self, number: i32, message: Option<&str>) -> Result<()> {
        let Some(pipe) = &mut self.pipe else {
            return Ok(());
        };
        let line = line(self.key, number, message);
        match pipe.0.write_all(line.as_bytes()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.pipe = None;
                Ok(())
            }
            result => result.context("cannot write to the sync pipe"),
        }
    }

    /// The descriptor that must stay open while others are closed.
    pub(crate) fn raw(&self) -> Option<RawFd> {
        self.pipe.as_ref().map(Pipe::raw)
    }
}

fn line(key: &str, number: i32, message: Option<&str>) -> String {
    match message.filter(|message| !message.is_empty()) {
        Some(message) => {
            let message = serde_json::Value::from(message);
            format!("{{\"{key}\": {number}, \"message\": {message}}}\n")
        }
        None => format!("{{\"{key}\": {number}}}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_conmons_shape() {
        assert_eq!(line("data", 42, None), "{\"data\": 42}\n");
        assert_eq!(line("pid", -1, Some("")), "{\"pid\": -1}\n");
        assert_eq!(
            line("data", -1, Some("a \"b\"\n")),
            "{\"data\": -1, \"message\": \"a \\\"b\\\"\\n\"}\n"
        );
    }
}
