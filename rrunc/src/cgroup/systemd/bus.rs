//! A connection to a systemd manager: over its own socket, or over the message bus.
//!
//! systemd listens on a socket of its own, to which there is no daemon in between; where that cannot be reached, from inside some
//! sandboxes, the bus is tried. Calls are answered in order, and one thread waits for them.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::message::{self, HEADER, Message, Method, Value};

const SYSTEMD: &str = "org.freedesktop.systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const OBJECT: &str = "/org/freedesktop/systemd1";
const BUS: &str = "org.freedesktop.DBus";
/// To stop a unit can take as long as its processes take to end.
const PATIENCE: Duration = Duration::from_secs(100);

/// Whose manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    System,
    /// The ordinary user's who calls.
    User,
}

#[derive(Debug)]
pub(super) struct Bus {
    stream: UnixStream,
    serial: u32,
    /// Signals that came while an answer was waited for.
    signals: Vec<Message>,
}

/// An answer that is an error.
#[derive(Debug, thiserror::Error)]
#[error("{text} ({name})")]
pub(super) struct Refusal {
    pub(super) name: String,
    text: String,
}

impl Refusal {
    /// The last part of the error's name.
    pub(super) fn is(&self, kind: &str) -> bool {
        self.name.rsplit('.').next() == Some(kind)
    }
}

impl Bus {
    /// # Errors
    /// Nobody answers.
    pub(super) fn connect(owner: Owner) -> Result<Bus> {
        let (private, public) = sockets(owner)?;
        if let Ok(bus) = Bus::open(&private) {
            return Ok(bus);
        }
        let mut bus = Bus::open(&public).with_context(|| {
            format!(
                "connect to systemd at {} or {} (is it running? else leave out --systemd-cgroup)",
                private.display(),
                public.display()
            )
        })?;
        bus.introduce().context("say hello to the message bus")?;
        Ok(bus)
    }

    fn open(path: &Path) -> Result<Bus> {
        let mut stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // The other side knows who we are from the socket. All that can be said beforehand is.
        stream.write_all(b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n")?;
        let mut line = Vec::new();
        loop {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            line.push(byte[0]);
            if line.ends_with(b"\r\n") {
                match line.as_slice() {
                    b"DATA\r\n" => line.clear(),
                    line if line.starts_with(b"OK ") => break,
                    other => bail!("not let in: {}", String::from_utf8_lossy(other).trim_end()),
                }
            }
        }
        Ok(Bus {
            stream,
            serial: 0,
            signals: Vec::new(),
        })
    }

    /// What the bus asks for beyond what systemd's own socket does.
    fn introduce(&mut self) -> Result<()> {
        let bus = |member| Method {
            destination: BUS,
            path: "/org/freedesktop/DBus",
            interface: BUS,
            member,
        };
        self.call(bus("Hello"), &[])?;
        let wanted =
            format!("type='signal',sender='{SYSTEMD}',interface='{MANAGER}',member='JobRemoved'");
        self.call(bus("AddMatch"), &[Value::Text(wanted)])?;
        self.manager("Subscribe", &[]).map(drop)
    }

    /// Calls a method of the manager.
    pub(super) fn manager(&mut self, member: &str, arguments: &[Value]) -> Result<Message> {
        self.call(
            Method {
                destination: SYSTEMD,
                path: OBJECT,
                interface: MANAGER,
                member,
            },
            arguments,
        )
        .with_context(|| format!("systemd: {member}"))
    }

    /// A property of the manager that is a text.
    pub(super) fn property(&mut self, name: &str) -> Result<String> {
        let method = Method {
            destination: SYSTEMD,
            path: OBJECT,
            interface: "org.freedesktop.DBus.Properties",
            member: "Get",
        };
        let answer = self.call(method, &[Value::text(MANAGER), Value::text(name)])?;
        answer
            .texts
            .into_iter()
            .next()
            .ok_or_else(|| anyhow!("systemd's property {name} is not a text"))
    }

    /// Calls a method that starts a job, and waits for the job's end.
    ///
    /// # Errors
    /// The call is refused, or the job fails.
    pub(super) fn job(&mut self, member: &str, arguments: &[Value]) -> Result<()> {
        let answer = self.manager(member, arguments)?;
        let job = answer
            .texts
            .first()
            .ok_or_else(|| anyhow!("systemd: {member} answered without a job"))?;
        loop {
            while let Some(signal) = self.signals.pop() {
                // id, job, unit, result
                if let ("JobRemoved", [removed, _, result]) =
                    (signal.member.as_str(), signal.texts.as_slice())
                    && removed == job
                {
                    return match result.as_str() {
                        "done" | "skipped" => Ok(()),
                        other => Err(anyhow!(
                            "systemd: {member}: the job ended as {other:?} (see journalctl)"
                        )),
                    };
                }
            }
            let message = self.receive()?;
            self.signals.push(message);
        }
    }

    fn call(&mut self, method: Method<'_>, arguments: &[Value]) -> Result<Message> {
        self.serial += 1;
        self.stream
            .write_all(&message::call(self.serial, method, arguments))
            .context("write to systemd")?;
        loop {
            let message = self.receive()?;
            match (message.reply_to, message.error) {
                (Some(serial), Some(name)) if serial == self.serial => {
                    let text = message.texts.into_iter().next().unwrap_or_default();
                    return Err(Refusal { name, text }.into());
                }
                (Some(serial), error) if serial == self.serial => {
                    return Ok(Message { error, ..message });
                }
                (Some(_), _) => {}
                (None, error) => self.signals.push(Message { error, ..message }),
            }
        }
    }

    fn receive(&mut self) -> Result<Message> {
        let mut header = [0; HEADER];
        let read = |stream: &mut UnixStream, bytes: &mut [u8]| match stream.read_exact(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(anyhow!(
                "systemd did not answer within {} s",
                PATIENCE.as_secs()
            )),
            other => other.context("read from systemd"),
        };
        read(&mut self.stream, &mut header)?;
        let mut message = header.to_vec();
        message.resize(HEADER + message::rest(&header)?, 0);
        read(&mut self.stream, &mut message[HEADER..])?;
        Message::parse(&message)
    }
}

/// Whether systemd listens at all. Where it does not, it has no scopes.
pub(super) fn is_there(owner: Owner) -> bool {
    sockets(owner).is_ok_and(|(private, public)| private.exists() || public.exists())
}

/// systemd's own socket, and the message bus.
fn sockets(owner: Owner) -> Result<(PathBuf, PathBuf)> {
    Ok(match owner {
        Owner::System => (
            "/run/systemd/private".into(),
            "/run/dbus/system_bus_socket".into(),
        ),
        Owner::User => {
            let runtime = std::env::var_os("XDG_RUNTIME_DIR").ok_or_else(|| {
                anyhow!("XDG_RUNTIME_DIR is not set: without it the user's systemd cannot be found")
            })?;
            let runtime = Path::new(&runtime);
            (runtime.join("systemd/private"), session_bus(runtime))
        }
    })
}

/// `DBUS_SESSION_BUS_ADDRESS` where it is a socket's path, else the usual place.
fn session_bus(runtime: &Path) -> PathBuf {
    let address = std::env::var("DBUS_SESSION_BUS_ADDRESS").unwrap_or_default();
    match address.strip_prefix("unix:path=") {
        Some(path) => path.split([',', ';']).next().unwrap_or_default().into(),
        None => runtime.join("bus"),
    }
}
