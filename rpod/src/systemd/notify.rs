//! sd_notify(3): what the unit that started rpod is told, and by whom. podman-run(1), "--sdnotify".
//!
//! ```text
//! container  rpod: MAINPID=monitor   then the container itself: READY=1, which the monitor passes on
//! conmon     rpod: MAINPID=monitor READY=1
//! healthy    rpod: MAINPID=monitor   then, when the first health check has passed: READY=1
//! ignore     nothing
//! ```

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

const VARIABLE: &str = "NOTIFY_SOCKET";
/// Where a container finds its socket, in the directory that conmon makes its own in.
pub const INSIDE: &str = "/run/notify";
const SOCKET: &str = "notify.sock";

/// Who says that the unit is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Readiness {
    #[default]
    Container,
    Conmon,
    Healthy,
    Ignore,
}

impl Readiness {
    pub fn as_str(self) -> &'static str {
        match self {
            Readiness::Container => "container",
            Readiness::Conmon => "conmon",
            Readiness::Healthy => "healthy",
            Readiness::Ignore => "ignore",
        }
    }
}

impl std::str::FromStr for Readiness {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Readiness> {
        Ok(match text {
            "" | "container" => Readiness::Container,
            "conmon" => Readiness::Conmon,
            "healthy" => Readiness::Healthy,
            "ignore" => Readiness::Ignore,
            _ => anyhow::bail!(
                "invalid config provided: invalid argument: invalid sdnotify value {text:?}: must be conmon, container, healthy or ignore"
            ),
        })
    }
}

/// The socket of the unit that waits for news, if one does.
pub fn socket() -> Option<PathBuf> {
    std::env::var_os(VARIABLE)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

/// The variable that tells the container of its socket.
pub fn inside() -> String {
    format!("{VARIABLE}={INSIDE}/{SOCKET}")
}

/// Tells the unit; nobody waiting is fine.
pub fn tell(news: &str) -> Result<()> {
    match socket() {
        Some(path) => send(&path, news),
        None => Ok(()),
    }
}

fn send(path: &Path, news: &str) -> Result<()> {
    let named = || format!("telling {VARIABLE} {} {news:?}", path.display());
    let socket = UnixDatagram::unbound().with_context(named)?;
    match path.to_str().and_then(|path| path.strip_prefix('@')) {
        Some(name) => {
            let address = SocketAddr::from_abstract_name(name).with_context(named)?;
            socket.send_to_addr(news.as_bytes(), &address)
        }
        None => socket.send_to(news.as_bytes(), path),
    }
    .map(drop)
    .with_context(named)
}

/// Asks the unit for more time, again and again until it is dropped: pulling an image may take longer than a start may.
#[derive(Debug)]
pub struct MoreTime {
    stop: Option<std::sync::mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl MoreTime {
    pub fn ask() -> MoreTime {
        const EACH: Duration = Duration::from_secs(30);
        const AGAIN: Duration = Duration::from_secs(25);
        if socket().is_none() {
            return MoreTime {
                stop: None,
                thread: None,
            };
        }
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let news = format!("EXTEND_TIMEOUT_USEC={}", EACH.as_micros());
            loop {
                if let Err(error) = tell(&news) {
                    eprintln!("rpod: {error:#}");
                    return;
                }
                if stopped.recv_timeout(AGAIN) != Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        MoreTime {
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for MoreTime {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It only sends; it cannot have anything to say that was not said.
            thread.join().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn news_reach_a_path_and_an_abstract_socket() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixDatagram::bind(&path).unwrap();
        send(&path, "READY=1").unwrap();
        let mut buffer = [0; 64];
        assert_eq!(listener.recv(&mut buffer).unwrap(), 7);
        let name = format!("rpod-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        send(Path::new(&format!("@{name}")), "MAINPID=1").unwrap();
        assert_eq!(listener.recv(&mut buffer).unwrap(), 9);
        assert!(send(Path::new("/nowhere/at/all"), "x").is_err());
    }

    #[test]
    fn words_for_readiness() {
        for word in ["container", "conmon", "healthy", "ignore"] {
            assert_eq!(word.parse::<Readiness>().unwrap().as_str(), word);
        }
        assert!("systemd".parse::<Readiness>().is_err());
    }
}
