//! podman-system-connection-add(1)

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::system::connection::{self, Destination};
use crate::rootless::Needs;

#[derive(Args, Debug)]
pub struct Add {
    /// Set the connection as default
    #[arg(short, long)]
    default: bool,
    /// Path of the SSH identity file
    #[arg(long, value_name = "PATH")]
    identity: Option<PathBuf>,
    /// SSH port of the destination
    #[arg(short, long, default_value = "22")]
    port: u16,
    /// Path of the service's socket on the destination
    #[arg(long, value_name = "PATH")]
    socket_path: Option<String>,
    /// PEM file with the certificate authority of the server
    #[arg(long, value_name = "PATH")]
    tls_ca: Option<PathBuf>,
    /// PEM file with the client's certificate
    #[arg(long, value_name = "PATH", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// PEM file with the private key of --tls-cert
    #[arg(long, value_name = "PATH", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The connection's name
    name: String,
    /// [USER@]HOST[:PORT], ssh://…, unix://PATH or tcp://HOST:PORT
    destination: String,
}

impl Verb for Add {
    const NAME: &'static str = "add";
    const ABOUT: &'static str = "Record destination for the podman service";
    const NEEDS: Needs = Needs::Nothing;

    fn call(self, _: &Globals) -> Result<u8> {
        let file = |path: &Option<PathBuf>| path.as_deref().map(whole).unwrap_or_default();
        let destination = Destination {
            uri: self.uri()?,
            identity: file(&self.identity),
            tls_ca: file(&self.tls_ca),
            tls_cert: file(&self.tls_cert),
            tls_key: file(&self.tls_key),
            ..Destination::default()
        };
        connection::add(&self.name, destination, self.default)?;
        Ok(0)
    }
}

impl Add {
    fn uri(&self) -> Result<String> {
        let text = &self.destination;
        let tcp = text.strip_prefix("tcp://");
        if tcp.is_none() && (self.tls_ca.is_some() || self.tls_cert.is_some()) {
            bail!("--tls-ca, --tls-cert and --tls-key are for tcp:// destinations");
        }
        if let Some(path) = text.strip_prefix("unix://") {
            if self.identity.is_some() {
                bail!("--identity option not supported for unix scheme");
            }
            let path = self.socket_path.as_deref().unwrap_or(path);
            let path = Path::new("/").join(path.trim_start_matches('/'));
            return Ok(format!("unix://{}", path.display()));
        }
        if let Some(rest) = tcp {
            return self.tcp(rest).map(|()| text.clone());
        }
        match text.split_once("://") {
            Some(("ssh", rest)) => Ok(self.ssh(rest)),
            Some((scheme, _)) => {
                bail!("{scheme:?} is not a supported scheme: one of ssh, unix, tcp")
            }
            None => Ok(self.ssh(text)),
        }
    }

    /// Behind the port a proxy may ask for a path.
    fn tcp(&self, rest: &str) -> Result<()> {
        for (option, given) in [
            ("--identity", self.identity.is_some()),
            ("--socket-path", self.socket_path.is_some()),
        ] {
            if given {
                bail!("{option} option not supported for tcp scheme");
            }
        }
        let place = rest.split('/').next().unwrap_or_default();
        let port = place.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(_)) => Ok(()),
            _ => bail!("tcp scheme requires a port in the destination: tcp://HOST:PORT"),
        }
    }

    fn ssh(&self, rest: &str) -> String {
        let (place, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (user, host) = match place.rsplit_once('@') {
            Some((user, host)) => (user.to_owned(), host),
            None => (
                std::env::var("USER").unwrap_or_else(|_| "root".to_owned()),
                place,
            ),
        };
        let has_port = host
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let port = if has_port {
            String::new()
        } else {
            format!(":{}", self.port)
        };
        let socket = match (&self.socket_path, path) {
            (Some(socket), _) => socket.clone(),
            (None, "" | "/") if user == "root" => "/run/podman/podman.sock".to_owned(),
            (None, "" | "/") => "/run/user/1000/podman/podman.sock".to_owned(),
            (None, path) => path.to_owned(),
        };
        format!("ssh://{user}@{host}{port}{socket}")
    }
}

/// Whole, where it is there; else as it was written, since it may be there when it is used.
fn whole(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    path.display().to_string()
}
