//! sd_notify(3) from the container to the host: a socket in the bundle, and
//! only such lines passed on as cannot harm.

use std::io;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

use anyhow::{Context, Result};
use nix::sys::socket::SockType;

use crate::report;
use crate::socket::bind_in;

/// Bytes of the longest notification.
const MESSAGE: usize = 32 * 1024;

const LINES: [&[u8]; 5] = [
    b"READY=1",
    b"RELOADING=1",
    b"STOPPING=1",
    b"WATCHDOG=1",
    b"WATCHDOG=trigger",
];
const PREFIXES: [&[u8]; 4] = [b"STATUS=", b"ERRNO=", b"BUSERROR=", b"MONOTONIC_USEC="];

pub(crate) struct Relay {
    pub(crate) container: UnixDatagram,
    host: UnixDatagram,
    address: SocketAddr,
}

impl Relay {
    /// Listens on `BUNDLE/notify/notify.sock`.
    pub(crate) fn open(bundle: &Path, host: &Path) -> Result<Self> {
        let container: OwnedFd = bind_in(
            &bundle.join("notify"),
            "notify.sock",
            SockType::Datagram,
            0o777,
        )?;
        let address = match host.as_os_str().as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            _ => SocketAddr::from_pathname(host),
        };
        let address = address.with_context(|| format!("bad notify socket {}", host.display()))?;
        let socket = UnixDatagram::unbound().context("Failed to create notify socket")?;
        socket
            .set_nonblocking(true)
            .context("Failed to create notify socket")?;
        Ok(Self {
            container: container.into(),
            host: socket,
            address,
        })
    }

    pub(crate) fn serve(&mut self) {
        let mut message = vec![0; MESSAGE];
        let Ok(length) = self.container.recv(&mut message) else {
            return;
        };
        let allowed = filter(&message[..length]);
        if allowed.is_empty() {
            return;
        }
        match self.host.send_to_addr(&allowed, &self.address) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                report::warn(format_args!(
                    "cannot write to the host notify socket: {error}"
                ));
            }
            _ => {}
        }
    }
}

/// The lines that may pass, joined by newlines.
fn filter(message: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = message
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .filter(|line| {
            LINES.contains(line) || PREFIXES.iter().any(|prefix| line.starts_with(prefix))
        })
        .collect();
    lines.join(&b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_lines_pass() {
        let message = b"READY=1\nMAINPID=1\nSTATUS=up\r\nFDSTORE=1\nREADY=12";
        assert_eq!(filter(message), b"READY=1\nSTATUS=up");
        assert!(filter(b"MAINPID=1").is_empty());
    }
}
