//! A Docker daemon, as far as images are taken from it and given to it (Docker Engine API, "Image").

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use ureq::config::Config;
use ureq::http::uri::Authority;
use ureq::http::{Method, Request, Response};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, TcpConnector};
use ureq::{Agent, Body, SendBody};

use super::refused::told;
use super::tls;
use super::unix::UnixConnector;
use crate::bounds;
use crate::transport::{Access, Section};

const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
const BUFFER: usize = 128 * 1024;

#[derive(Debug)]
pub struct Daemon {
    agent: Agent,
    /// `https://build.example.com:2376`
    origin: String,
    /// As it was given.
    host: String,
}

/// What the daemon says of a request that it does not fulfil.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// A line of its report on a load.
#[derive(Deserialize)]
struct Progress {
    error: Option<String>,
}

impl Daemon {
    /// `--daemon-host`: `unix://PATH`, `tcp://HOST:PORT` with TLS, or `http://HOST:PORT`. Nothing is asked yet.
    pub fn at(access: &Access) -> Result<Self> {
        let host = access.daemon_host.as_deref().unwrap_or(DEFAULT_HOST);
        let (agent, origin) = match host.split_once("://") {
            Some(("unix", path)) if !path.is_empty() => {
                let connector = ().chain(UnixConnector::to(Path::new(path)));
                // The socket is the address; that of the URL is not looked at.
                (agent(connector), "http://127.0.0.1".to_owned())
            }
            Some((scheme @ ("tcp" | "https" | "http"), address))
                if address.parse::<Authority>().is_ok() =>
            {
                let verify = access.tls_verify.unwrap_or(true);
                let tls = tls::daemon_connector(access.cert_dir.as_deref(), verify)?;
                let scheme = if scheme == "http" { "http" } else { "https" };
                let origin = format!("{scheme}://{address}");
                (agent(().chain(TcpConnector::default()).chain(tls)), origin)
            }
            _ => bail!(
                "docker daemon host {host:?}: write unix://PATH, tcp://HOST:PORT (with TLS) or http://HOST:PORT"
            ),
        };
        Ok(Self {
            agent,
            origin,
            host: host.to_owned(),
        })
    }

    /// The archive that `docker save` would write.
    pub fn save(&self, image: &str) -> Result<impl Read + use<>> {
        let url = format!("{}/images/get?names={image}", self.origin);
        let what = "loading image from docker engine";
        let response = self.run(Request::get(&url).body(SendBody::none())?, &url);
        let body = self.accepted(response).context(what)?;
        Ok(body.into_with_config().limit(u64::MAX).reader())
    }

    /// What `docker load` would do.
    pub fn load(&self, mut archive: Section) -> Result<()> {
        let url = format!("{}/images/load?quiet=1", self.origin);
        let request = Request::post(&url)
            .header("Content-Type", "application/x-tar")
            .header("Content-Length", archive.len());
        let request = request.body(SendBody::from_reader(&mut archive))?;
        let what = "saving image to docker engine";
        let body = self.accepted(self.run(request, &url)).context(what)?;
        let limit = bounds::max_manifest();
        let report = body.into_with_config().limit(limit).read_to_vec();
        // Headers came before the daemon knew how it would end.
        for line in report.context(what)?.split(|byte| *byte == b'\n') {
            if let Ok(Progress { error: Some(error) }) = serde_json::from_slice(line) {
                return Err(anyhow!(error).context(what));
            }
        }
        Ok(())
    }

    fn run(&self, request: Request<SendBody<'_>>, url: &str) -> Result<Response<Body>> {
        let method = request.method().clone();
        let answer = self.agent.run(request);
        answer.map_err(|error| match error {
            ureq::Error::Io(cause) if method == Method::GET || is_absent(&cause) => anyhow!(
                "Cannot connect to the Docker daemon at {}. Is the docker daemon running? (--daemon-host names another): {cause}",
                self.host
            ),
            other => told(&method, url, None, other),
        })
    }

    fn accepted(&self, response: Result<Response<Body>>) -> Result<Body> {
        let response = response?;
        let status = response.status();
        let body = response.into_body();
        if status.is_success() {
            return Ok(body);
        }
        let limited = body.into_with_config().limit(bounds::max_manifest());
        let refusal = limited.read_to_vec().ok();
        match refusal.and_then(|body| serde_json::from_slice::<Refusal>(&body).ok()) {
            Some(Refusal { message }) => Err(anyhow!("Error response from daemon: {message}")),
            None => Err(anyhow!(
                "the Docker daemon at {} answered {status}",
                self.host
            )),
        }
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
    matches!(
        error.kind(),
        ConnectionRefused | NotFound | PermissionDenied
    )
}

fn agent(connector: impl Connector) -> Agent {
    let config = Config::builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .input_buffer_size(BUFFER)
        .output_buffer_size(BUFFER)
        .proxy(None)
        .build();
    Agent::with_parts(config, connector, DefaultResolver::default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixListener;
    use std::thread;

    /// A daemon that gives one answer; its socket, and what it was asked.
    fn daemon(answer: &'static str) -> (tempfile::TempDir, Daemon, thread::JoinHandle<String>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sock");
        let listener = UnixListener::bind(&path).unwrap();
        let asked = thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(client.try_clone().unwrap());
            let mut asked = String::new();
            while lines.read_line(&mut asked).unwrap() > 2 {}
            let length = asked.lines().find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            });
            let mut body = vec![0; length.unwrap_or(0)];
            lines.read_exact(&mut body).unwrap();
            client.write_all(answer.as_bytes()).unwrap();
            asked + &String::from_utf8(body).unwrap()
        });
        let access = Access {
            daemon_host: Some(format!("unix://{}", path.display())),
            ..Access::default()
        };
        (directory, Daemon::at(&access).unwrap(), asked)
    }

    fn archive() -> Section {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"tar").unwrap();
        Section::whole(file, 3)
    }

    #[test]
    fn an_image_is_saved() {
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntar\r\n0\r\n\r\n";
        let (_directory, daemon, asked) = daemon(answer);
        let mut got = String::new();
        let mut body = daemon.save("busybox:1").unwrap();
        body.read_to_string(&mut got).unwrap();
        assert_eq!(got, "tar");
        let asked = asked.join().unwrap();
        assert!(
            asked.starts_with("GET /images/get?names=busybox:1 HTTP/1.1\r\n"),
            "{asked}"
        );
    }

    #[test]
    fn its_refusals_are_told() {
        let answer =
            "HTTP/1.1 404 Not Found\r\nContent-Length: 21\r\n\r\n{\"message\":\"no such\"}";
        let (_directory, daemon, _asked) = daemon(answer);
        let error = daemon.save("x:1").err().unwrap();
        assert_eq!(
            format!("{error:#}"),
            "loading image from docker engine: Error response from daemon: no such"
        );
    }

    #[test]
    fn a_load_that_fails_late_fails() {
        let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"stream\":\"x\"}\n{\"errorDetail\":{},\"error\":\"no space\"}\n";
        let (_directory, daemon, asked) = daemon(answer);
        let error = daemon.load(archive()).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "saving image to docker engine: no space"
        );
        let asked = asked.join().unwrap();
        assert!(asked.starts_with("POST /images/load?quiet=1 "), "{asked}");
        assert!(asked.ends_with("\r\n\r\ntar"), "{asked}");
    }

    #[test]
    fn what_is_no_daemon_is_told() {
        let at = |host: &str| {
            let daemon_host = Some(host.to_owned());
            Daemon::at(&Access {
                daemon_host,
                ..Access::default()
            })
        };
        for host in [
            "/run/docker.sock",
            "unix://",
            "tcp://",
            "http://",
            "https://a b",
            "ftp://a",
        ] {
            let refused = at(host).unwrap_err().to_string();
            assert!(refused.contains("unix://PATH"), "{host}: {refused}");
        }
        let absent = at("unix:///nowhere/docker.sock").unwrap();
        for error in [
            absent.save("x:1").err().unwrap(),
            absent.load(archive()).unwrap_err(),
        ] {
            let error = format!("{error:#}");
            assert!(
                error.contains("unix:///nowhere/docker.sock. Is the docker daemon running?"),
                "{error}"
            );
        }
    }
}
