//! Events in systemd's journal, with podman's fields: podman-events(1), "JOURNALD IDENTIFIERS".
//!
//! They are written by journald's own datagrams (systemd.io, "Native Journal Protocol") and read by journalctl(1).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, IoSlice, Write as _};
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use serde_json::Value;

use super::{Event, Kind};
use crate::systemd::journal::text as journal_text;

const SOCKET: &str = "/run/systemd/journal/socket";

const INFO: &str = "6";
/// Health checks run in units whose lesser messages are dropped.
const NOTICE: &str = "5";

pub(super) fn send(event: &Event) -> Result<()> {
    let message = message(event);
    let socket = UnixDatagram::unbound().context("making a socket for journald")?;
    socket
        .connect(SOCKET)
        .with_context(|| format!("connecting to {SOCKET}: is journald running?"))?;
    match socket.send(&message) {
        Ok(_) => Ok(()),
        Err(error) if error.raw_os_error() == Some(Errno::EMSGSIZE as i32) => {
            send_file(&socket, &message)
        }
        Err(error) => Err(error).context("writing to journald"),
    }
}

/// What is too long for a datagram goes as a file.
fn send_file(socket: &UnixDatagram, message: &[u8]) -> Result<()> {
    let context = "writing to journald by a file";
    let fd = memfd_create("event", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)
        .context(context)?;
    let mut file = File::from(fd);
    file.write_all(message).context(context)?;
    let seals = nix::fcntl::SealFlag::all();
    nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_ADD_SEALS(seals)).context(context)?;
    let fds: [RawFd; 1] = [file.as_raw_fd()];
    sendmsg::<()>(
        socket.as_raw_fd(),
        &[IoSlice::new(&[])],
        &[ControlMessage::ScmRights(&fds)],
        MsgFlags::empty(),
        None,
    )
    .context(context)?;
    Ok(())
}

fn message(event: &Event) -> Vec<u8> {
    let mut out = Vec::new();
    let mut add = |name: &str, value: &str| {
        out.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            out.push(b'\n');
            out.extend_from_slice(&(value.len() as u64).to_le_bytes());
        } else {
            out.push(b'=');
        }
        out.extend_from_slice(value.as_bytes());
        out.push(b'\n');
    };
    let health = event.status == "health_status";
    add("MESSAGE", &event.line(false));
    add("PRIORITY", if health { NOTICE } else { INFO });
    add("SYSLOG_IDENTIFIER", "podman");
    add("PODMAN_EVENT", &event.status);
    add("PODMAN_TYPE", event.kind.as_str());
    add("PODMAN_TIME", &super::go_rfc3339::text(event.time));
    let is_container = matches!(event.kind, Kind::Container | Kind::Pod);
    for (name, value, always) in [
        ("PODMAN_NAME", &event.name, event.kind != Kind::Network),
        ("PODMAN_ID", &event.id, event.kind != Kind::Volume),
        ("PODMAN_IMAGE", &event.image, is_container),
        ("PODMAN_NETWORK_NAME", &event.network, false),
        ("PODMAN_POD_ID", &event.pod_id, false),
        ("PODMAN_HEALTH_STATUS", &event.health_status, false),
        ("PODMAN_HEALTH_LOG", &event.health_log, false),
        ("PODMAN_CONTAINER_INSPECT_DATA", &event.inspect_data, false),
        ("ERROR", &event.error, false),
    ] {
        if always || !value.is_empty() {
            add(name, value);
        }
    }
    if let Some(code) = event.exit_code {
        add("PODMAN_EXIT_CODE", &code.to_string());
    }
    if let Some(killed) = event.oom_killed {
        add("PODMAN_OOM_KILLED", &killed.to_string());
    }
    if health {
        let streak = event.health_failing_streak.to_string();
        add("PODMAN_HEALTH_FAILING_STREAK", &streak);
    }
    if let Some(attributes) = event.attributes.as_ref().filter(|map| !map.is_empty())
        && let Ok(labels) = serde_json::to_string(attributes)
    {
        add("PODMAN_LABELS", &labels);
    }
    out
}

/// journalctl at work, as long as this lives.
#[derive(Debug)]
pub(super) struct Journal {
    child: Child,
    pub(super) lines: BufReader<ChildStdout>,
}

impl Journal {
    /// All of this user's events, or, following, those that come from now on too.
    pub(super) fn open(
        since: Option<Timestamp>,
        from_start: bool,
        stream: bool,
    ) -> Result<Journal> {
        let mut command = Command::new("journalctl");
        command.args(["--quiet", "--all", "--output=json"]).args([
            "SYSLOG_IDENTIFIER=podman",
            &format!("_UID={}", nix::unistd::getuid()),
        ]);
        if let Some(since) = since {
            command.arg(format!("--since=@{}", since.as_second()));
        }
        match (stream, from_start) {
            (true, true) => command.args(["--follow", "--no-tail"]),
            (true, false) => command.args(["--follow", "--lines=0"]),
            (false, _) => &mut command,
        };
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting journalctl, which reads the events in the journal: install systemd, or set events_logger=\"file\" in containers.conf")?;
        let Some(stdout) = child.stdout.take() else {
            bail!("journalctl has no output");
        };
        Ok(Journal {
            child,
            lines: BufReader::new(stdout),
        })
    }

    /// The next event; nothing at the end. What is no event is passed over.
    pub(super) fn next(&mut self) -> Result<Option<Event>> {
        loop {
            let mut line = String::new();
            if self
                .lines
                .read_line(&mut line)
                .context("reading what journalctl says")?
                == 0
            {
                return Ok(None);
            }
            if let Some(event) = serde_json::from_str(&line).ok().as_ref().and_then(event) {
                return Ok(Some(event));
            }
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn event(entry: &Value) -> Option<Event> {
    let text = |name: &str| journal_text(&entry[name]);
    let kind = serde_json::from_value(Value::String(text("PODMAN_TYPE"))).ok()?;
    let labels: Option<BTreeMap<String, String>> =
        serde_json::from_str(&text("PODMAN_LABELS")).ok();
    Some(Event {
        exit_code: text("PODMAN_EXIT_CODE").parse().ok(),
        oom_killed: text("PODMAN_OOM_KILLED").parse().ok(),
        id: text("PODMAN_ID"),
        image: text("PODMAN_IMAGE"),
        name: text("PODMAN_NAME"),
        network: text("PODMAN_NETWORK_NAME"),
        status: text("PODMAN_EVENT"),
        time: text("PODMAN_TIME").parse().ok()?,
        kind,
        health_status: text("PODMAN_HEALTH_STATUS"),
        health_log: text("PODMAN_HEALTH_LOG"),
        health_failing_streak: text("PODMAN_HEALTH_FAILING_STREAK").parse().unwrap_or(0),
        error: text("ERROR"),
        inspect_data: text("PODMAN_CONTAINER_INSPECT_DATA"),
        pod_id: text("PODMAN_POD_ID"),
        attributes: labels,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_of_several_lines_is_led_by_its_length() {
        let mut event = Event::now(Kind::Image, "pull-error");
        event.error = "a\nb".to_owned();
        let text = String::from_utf8_lossy(&message(&event)).into_owned();
        assert!(
            text.contains("ERROR\n\u{3}\0\0\0\0\0\0\0a\nb\n"),
            "{text:?}"
        );
        assert!(text.contains("PODMAN_TYPE=image\n") && text.contains("PRIORITY=6\n"));
    }

    #[test]
    fn an_entry_is_an_event_again() {
        let entry = json!({"PODMAN_TYPE": "container", "PODMAN_EVENT": "died", "PODMAN_TIME": "2026-01-02T03:04:05Z",
            "PODMAN_NAME": [99, 49], "PODMAN_EXIT_CODE": "3", "PODMAN_LABELS": "{\"a\":\"b\"}"});
        let event = event(&entry).unwrap();
        assert_eq!((event.name.as_str(), event.exit_code), ("c1", Some(3)));
        assert_eq!(event.attributes.unwrap()["a"], "b");
        assert!(super::event(&json!({"MESSAGE": "x"})).is_none());
    }
}
