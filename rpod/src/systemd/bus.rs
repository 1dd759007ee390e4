//! systemd's manager as somebody to call: over its own socket, to which there is no daemon in between, or over the message bus.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::message::{self, Answer, HEADER, Method, Value};
use crate::engine::rootless;

const SYSTEMD: &str = "org.freedesktop.systemd1";
const BUS: &str = "org.freedesktop.DBus";
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer that is an error.
#[derive(Debug, thiserror::Error)]
#[error("systemd: {text} ({name})")]
struct Refusal {
    name: String,
    text: String,
}

pub(super) fn is(error: &anyhow::Error, kind: &str) -> bool {
    let refusal = error.downcast_ref::<Refusal>();
    refusal.is_some_and(|refusal| refusal.name.rsplit('.').next() == Some(kind))
}

/// Calls a method of the manager.
pub(super) fn call(member: &str, arguments: &[Value]) -> Result<()> {
    let [private, public] = sockets()?;
    let mut bus = match Bus::open(&private) {
        Ok(bus) => bus,
        Err(_) => {
            let mut bus = Bus::open(&public).with_context(|| {
                format!(
                    "connecting to systemd at {} or {}: is it running? else use --cgroup-manager cgroupfs",
                    private.display(),
                    public.display()
                )
            })?;
            let hello = Method {
                destination: BUS,
                path: "/org/freedesktop/DBus",
                interface: BUS,
                member: "Hello",
            };
            bus.call(hello, &[])?;
            bus
        }
    };
    let method = Method {
        destination: SYSTEMD,
        path: "/org/freedesktop/systemd1",
        interface: "org.freedesktop.systemd1.Manager",
        member,
    };
    bus.call(method, arguments)
}

/// systemd's own socket, and the bus.
pub(super) fn sockets() -> Result<[PathBuf; 2]> {
    if !rootless() {
        return Ok([
            "/run/systemd/private".into(),
            "/run/dbus/system_bus_socket".into(),
        ]);
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .context("XDG_RUNTIME_DIR is not set: without it the user's systemd cannot be found")?;
    let runtime = Path::new(&runtime);
    let address = std::env::var("DBUS_SESSION_BUS_ADDRESS").unwrap_or_default();
    let bus = match address.strip_prefix("unix:path=") {
        Some(path) => path.split([',', ';']).next().unwrap_or_default().into(),
        None => runtime.join("bus"),
    };
    Ok([runtime.join("systemd/private"), bus])
}

struct Bus {
    stream: UnixStream,
    serial: u32,
}

impl Bus {
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
                    line if line.starts_with(b"OK ") => return Ok(Bus { stream, serial: 0 }),
                    other => bail!("not let in: {}", String::from_utf8_lossy(other).trim_end()),
                }
            }
        }
    }

    fn call(&mut self, method: Method<'_>, arguments: &[Value]) -> Result<()> {
        self.serial += 1;
        self.stream
            .write_all(&message::call(self.serial, method, arguments))
            .context("writing to systemd")?;
        loop {
            let mut header = [0; HEADER];
            self.stream
                .read_exact(&mut header)
                .context("reading from systemd")?;
            let mut bytes = header.to_vec();
            bytes.resize(HEADER + message::rest(&header)?, 0);
            self.stream
                .read_exact(&mut bytes[HEADER..])
                .context("reading from systemd")?;
            let answer = Answer::parse(&bytes)?;
            if answer.to == Some(self.serial) {
                return match answer.error {
                    Some(name) => Err(Refusal {
                        name,
                        text: answer.text,
                    }
                    .into()),
                    None => Ok(()),
                };
            }
        }
    }
}
