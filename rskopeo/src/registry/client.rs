//! Requests to one repository of one registry.

use std::collections::HashSet;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Result, bail};
use ureq::http::{Request, Response, StatusCode};
use ureq::{Body, SendBody};

use super::agents::Agents;
use super::authorization::{Authorization, Scope};
use super::known::Known;
use super::proxy::Proxies;
use super::refused::told;
use super::scheme::find_scheme;
use super::{location, retry, tls};
use crate::config::Credentials;
use crate::digest::Digest;
use crate::fatal;
use crate::transport::Access;

pub use ureq::http::Method;

const MAX_REDIRECTS: usize = 10;

/// A connection to a repository; shared by threads.
#[derive(Debug)]
pub struct Client {
    agents: Agents,
    /// `https://registry.example.com:5000`
    origin: String,
    /// `library/alpine`
    path: String,
    authorization: Authorization,
    /// The registry has answered before.
    reached: AtomicBool,
    /// Blobs that the repository was found to have, or was given.
    held: Mutex<HashSet<Digest>>,
    /// Of the registry; read when it is first asked.
    known: OnceLock<Known>,
}

/// One request, as often as it has to be sent.
struct Asking<'a> {
    method: &'a Method,
    url: String,
    headers: &'a [(&'a str, &'a str)],
    body: Option<&'a [u8]>,
    /// A scope that it needs besides the client's own.
    scope: &'a str,
}

impl Client {
    /// `host` is where the repository `path` is served. With `insecure`, certificates are not checked and plain HTTP will do.
    pub fn connect(
        host: &str,
        path: &str,
        scope: Scope,
        insecure: bool,
        credentials: Option<Credentials>,
        access: &Access,
    ) -> Result<Self> {
        let host = if host == "docker.io" {
            "registry-1.docker.io"
        } else {
            host
        };
        let tls = tls::connector(host, access.cert_dir.as_deref(), !insecure)?;
        let agents = Agents::new(&tls, &user_agent(access), Proxies::from_environment())?;
        let scheme = if insecure {
            find_scheme(&agents, host)?
        } else {
            "https"
        };
        let token = access.registry_token.as_deref();
        Ok(Self {
            agents,
            origin: format!("{scheme}://{host}"),
            path: path.to_owned(),
            authorization: Authorization::new(path, scope, credentials, token),
            reached: AtomicBool::new(insecure),
            held: Mutex::default(),
            known: OnceLock::new(),
        })
    }

    /// For a document anywhere on the web, where nobody knows who asks.
    pub fn of_web(url: &str, access: &Access) -> Result<Self> {
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) => (scheme, rest),
            _ => bail!("{url:?} is no http:// or https:// address"),
        };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let tls = tls::connector(host, access.cert_dir.as_deref(), true)?;
        Ok(Self {
            agents: Agents::new(&tls, &user_agent(access), Proxies::from_environment())?,
            origin: format!("{scheme}://{host}"),
            path: String::new(),
            authorization: Authorization::new("", Scope::Pull, None, None),
            reached: AtomicBool::new(false),
            held: Mutex::default(),
            known: OnceLock::new(),
        })
    }

    /// Whether the repository is known to have a blob; it is asked of no blob twice.
    pub fn holds(&self, blob: &Digest) -> bool {
        self.held().contains(blob)
    }

    /// The repository has it, for this run and for later ones.
    pub fn keep_in_mind(&self, blob: &Digest) {
        if self.held().insert(blob.clone()) {
            self.known().note(blob, &self.path);
        }
    }

    /// Other repositories of the registry that may have it.
    pub fn elsewhere(&self, blob: &Digest) -> Vec<String> {
        self.known().elsewhere(blob, &self.path)
    }

    fn known(&self) -> &Known {
        self.known.get_or_init(|| Known::of(self.host()))
    }

    fn held(&self) -> MutexGuard<'_, HashSet<Digest>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks whether the registry lets this client in at all.
    pub fn ping(&self) -> Result<Response<Body>> {
        self.send(&Method::GET, &self.at("/v2/"), &[])
    }

    /// `registry.example.com:5000/library/alpine`, for messages.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.host(), self.path)
    }

    fn host(&self) -> &str {
        self.origin.split("://").nth(1).unwrap_or_default()
    }

    /// `<origin>/v2/<repository>/<tail>`
    pub fn url(&self, tail: &str) -> String {
        format!("{}/v2/{}/{tail}", self.origin, self.path)
    }

    /// `<origin><path>`
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Sends a request without a body, answers a challenge, follows redirects, tries again what may go better.
    pub fn send(
        &self,
        method: &Method,
        url: &str,
        headers: &[(&str, &str)],
    ) -> Result<Response<Body>> {
        self.settle(&Asking {
            method,
            url: self.absolute(url)?,
            headers,
            body: None,
            scope: "",
        })
    }

    /// [`send`](Self::send) with the bytes of a body.
    pub fn send_bytes(
        &self,
        method: &Method,
        url: &str,
        content_type: &str,
        bytes: &[u8],
    ) -> Result<Response<Body>> {
        self.send_bytes_for(method, url, content_type, bytes, "")
    }

    /// [`send_bytes`](Self::send_bytes) of what needs `scope` besides the client's own.
    pub fn send_bytes_for(
        &self,
        method: &Method,
        url: &str,
        content_type: &str,
        bytes: &[u8],
        scope: &str,
    ) -> Result<Response<Body>> {
        self.settle(&Asking {
            method,
            url: self.absolute(url)?,
            headers: &[("Content-Type", content_type)],
            body: Some(bytes),
            scope,
        })
    }

    /// Sends a body that can be sent only once; an earlier request has shown the registry who is there.
    pub fn send_body(
        &self,
        method: Method,
        url: &str,
        length: Option<u64>,
        body: &mut dyn Read,
    ) -> Result<Response<Body>> {
        let url = self.absolute(url)?;
        let mut request = Request::builder()
            .method(&method)
            .uri(&url)
            .header("Content-Type", "application/octet-stream");
        if let Some(length) = length {
            request = request.header("Content-Length", length);
        }
        if let Some(authorization) = self.authorization_for(&url, "") {
            request = request.header("Authorization", authorization);
        }
        let mut body = body;
        let request = request.body(SendBody::from_reader(&mut body))?;
        let sent = self.agents.for_url(&url).run(request);
        sent.map_err(|error| told(&method, &url, self.agents.proxy_for(&url), error))
    }

    fn settle(&self, asking: &Asking<'_>) -> Result<Response<Body>> {
        let reached = self.reached.load(Ordering::Relaxed);
        let answer = retry::until_settled(reached, || self.authorized(asking))?;
        self.reached.store(true, Ordering::Relaxed);
        Ok(answer)
    }

    /// A 401 is answered once.
    fn authorized(&self, asking: &Asking<'_>) -> Result<Response<Body>> {
        let shown = self.authorization_for(&asking.url, asking.scope);
        let (response, answered_by) = self.follow(asking)?;
        if response.status() != StatusCode::UNAUTHORIZED || !self.is_own(&answered_by) {
            return Ok(response);
        }
        let secure = self.origin.starts_with("https://");
        let answered = self.authorization.answer(
            &self.agents,
            &response,
            shown.as_deref(),
            asking.scope,
            secure,
        )?;
        if !answered {
            return Ok(response);
        }
        Ok(self.follow(asking)?.0)
    }

    /// Follows redirects; tells which URL answered.
    fn follow(&self, asking: &Asking<'_>) -> Result<(Response<Body>, String)> {
        let method = asking.method;
        let mut url = asking.url.clone();
        for _ in 0..MAX_REDIRECTS {
            let response = self.once(asking, &url)?;
            let location = response.headers().get("Location");
            match location.and_then(|value| value.to_str().ok()) {
                Some(location) if may_follow(asking, response.status()) => {
                    url = location::resolve(&url, location)?;
                }
                _ => return Ok((response, url)),
            }
        }
        bail!("{method} {url:?}: stopped after {MAX_REDIRECTS} redirects")
    }

    fn once(&self, asking: &Asking<'_>, url: &str) -> Result<Response<Body>> {
        let method = asking.method;
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in asking.headers {
            request = request.header(*name, *value);
        }
        if let Some(authorization) = self.authorization_for(url, asking.scope) {
            request = request.header("Authorization", authorization);
        }
        let agent = self.agents.for_url(url);
        let answer = match asking.body {
            Some(bytes) => agent.run(request.body(bytes)?),
            None => agent.run(request.body(())?),
        };
        let answer = answer.map_err(|error| told(method, url, self.agents.proxy_for(url), error));
        fatal::debug(|| match &answer {
            Ok(response) => format!("{method} {url}: {}", response.status()),
            Err(error) => format!("{method} {url}: {error:#}"),
        });
        answer
    }

    /// A URL of the registry's, which may be told without its origin.
    fn absolute(&self, url: &str) -> Result<String> {
        location::resolve(&format!("{}/v2/", self.origin), url)
    }

    /// Credentials go to the registry itself only, never to where it redirects.
    fn authorization_for(&self, url: &str, scope: &str) -> Option<String> {
        match self.is_own(url) {
            true => self.authorization.current(scope),
            false => None,
        }
    }

    fn is_own(&self, url: &str) -> bool {
        url.strip_prefix(&self.origin)
            .is_some_and(|rest| rest.starts_with('/'))
    }
}

/// A body is sent on only where the redirect says that it is wanted there.
fn may_follow(asking: &Asking<'_>, status: StatusCode) -> bool {
    match asking.body {
        None => [301, 302, 303, 307, 308].contains(&status.as_u16()),
        Some(_) => [307, 308].contains(&status.as_u16()),
    }
}

fn user_agent(access: &Access) -> String {
    const OWN: &str = concat!("rskopeo/", env!("CARGO_PKG_VERSION"));
    match &access.user_agent_prefix {
        Some(prefix) => format!("{prefix} {OWN}"),
        None => OWN.to_owned(),
    }
}
