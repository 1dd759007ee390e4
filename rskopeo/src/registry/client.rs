//! Requests to one repository of one registry.

use std::io::Read;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use serde::Deserialize;
use ureq::config::Config;
use ureq::http::{Request, Response, StatusCode};
use ureq::{Agent, Body, SendBody};

use super::{challenge, tls, token};
use crate::config::Credentials;
use crate::transport::Access;

pub use ureq::http::Method;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// A peer that sends nothing for so long is taken for dead.
const STALLED: Duration = Duration::from_secs(180);
const MAX_REDIRECTS: usize = 10;
const BUFFER: usize = 128 * 1024;

/// What a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// To be let in, no more.
    Login,
    Pull,
    PullAndPush,
}

/// A connection to a repository; shared by threads.
pub struct Client {
    agent: Agent,
    /// `https://registry.example.com:5000`
    origin: String,
    /// `library/alpine`
    path: String,
    scope: Scope,
    credentials: Option<Credentials>,
    /// The value for `Authorization`, once a challenge told which.
    authorization: Mutex<Option<String>>,
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
        let config = Config::builder()
            .http_status_as_error(false)
            // Redirects are followed here, where it is known which host may see the credentials.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_per_read(Some(STALLED))
            .input_buffer_size(BUFFER)
            .output_buffer_size(BUFFER)
            .user_agent(concat!("rskopeo/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls::config(host, access.cert_dir.as_deref(), !insecure)?)
            .build();
        let agent: Agent = config.into();
        let scheme = if insecure {
            find_scheme(&agent, host)?
        } else {
            "https"
        };
        let authorization = access
            .registry_token
            .as_ref()
            .map(|token| format!("Bearer {token}"));
        Ok(Self {
            agent,
            origin: format!("{scheme}://{host}"),
            path: path.to_owned(),
            scope,
            credentials,
            authorization: Mutex::new(authorization),
        })
    }

    /// Asks whether the registry lets this client in at all.
    pub fn ping(&self) -> Result<Response<Body>> {
        self.send(&Method::GET, &format!("{}/v2/", self.origin), &[])
    }

    /// `registry.example.com:5000/library/alpine`, for messages.
    pub fn repository(&self) -> String {
        let host = self.origin.split("://").nth(1).unwrap_or_default();
        format!("{host}/{}", self.path)
    }

    /// `<origin>/v2/<repository>/<tail>`
    pub fn url(&self, tail: &str) -> String {
        format!("{}/v2/{}/{tail}", self.origin, self.path)
    }

    /// Sends a request without a body, answers a challenge, follows redirects.
    pub fn send(
        &self,
        method: &Method,
        url: &str,
        headers: &[(&str, &str)],
    ) -> Result<Response<Body>> {
        let shown = self.authorization_for(url);
        let response = self.once(method, url, headers)?;
        if response.status() != StatusCode::UNAUTHORIZED || !self.is_own(url) {
            return Ok(response);
        }
        if !self.answer_challenge(&response, shown)? {
            return Ok(response);
        }
        self.once(method, url, headers)
    }

    /// Sends a body that can be sent only once; an earlier request has shown the registry who is there.
    pub fn send_body(
        &self,
        method: Method,
        url: &str,
        length: Option<u64>,
        body: &mut dyn Read,
    ) -> Result<Response<Body>> {
        let url = self.absolute(url);
        let mut request = Request::builder()
            .method(&method)
            .uri(&url)
            .header("Content-Type", "application/octet-stream");
        if let Some(length) = length {
            request = request.header("Content-Length", length);
        }
        if let Some(authorization) = self.authorization_for(&url) {
            request = request.header("Authorization", authorization);
        }
        let mut body = body;
        let request = request.body(SendBody::from_reader(&mut body))?;
        self.agent
            .run(request)
            .map_err(|error| told(&method, &url, error))
    }

    /// Sends bytes, answering a challenge as [`send`](Self::send) does.
    pub fn send_bytes(
        &self,
        method: &Method,
        url: &str,
        content_type: &str,
        bytes: &[u8],
    ) -> Result<Response<Body>> {
        let url = self.absolute(url);
        let attempt = || {
            let mut request = Request::builder()
                .method(method)
                .uri(&url)
                .header("Content-Type", content_type);
            if let Some(authorization) = self.authorization_for(&url) {
                request = request.header("Authorization", authorization);
            }
            self.agent
                .run(request.body(bytes)?)
                .map_err(|error| told(method, &url, error))
        };
        let shown = self.authorization_for(&url);
        let response = attempt()?;
        if response.status() == StatusCode::UNAUTHORIZED
            && self.answer_challenge(&response, shown)?
        {
            return attempt();
        }
        Ok(response)
    }

    fn once(&self, method: &Method, url: &str, headers: &[(&str, &str)]) -> Result<Response<Body>> {
        let mut url = self.absolute(url);
        for _ in 0..MAX_REDIRECTS {
            let mut request = Request::builder().method(method).uri(&url);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            if let Some(authorization) = self.authorization_for(&url) {
                request = request.header("Authorization", authorization);
            }
            let response = self
                .agent
                .run(request.body(())?)
                .map_err(|error| told(method, &url, error))?;
            let location = response
                .headers()
                .get("Location")
                .and_then(|value| value.to_str().ok());
            match location {
                Some(location) if response.status().is_redirection() => {
                    url = self.redirected(&url, location)?
                }
                _ => return Ok(response),
            }
        }
        bail!("{method} {url:?}: stopped after {MAX_REDIRECTS} redirects")
    }

    fn redirected(&self, from: &str, location: &str) -> Result<String> {
        let origin_end = from.find("://").map_or(0, |at| at + 3);
        let origin = from[origin_end..]
            .find('/')
            .map_or(from, |slash| &from[..origin_end + slash]);
        let to = if location.starts_with('/') {
            format!("{origin}{location}")
        } else {
            location.to_owned()
        };
        if from.starts_with("https://") && !to.starts_with("https://") {
            bail!("refusing the redirect from {from} to {to}: it leaves HTTPS");
        }
        Ok(to)
    }

    fn absolute(&self, url: &str) -> String {
        if url.starts_with('/') {
            format!("{}{url}", self.origin)
        } else {
            url.to_owned()
        }
    }

    /// Credentials go to the registry itself only, never to where it redirects.
    fn authorization_for(&self, url: &str) -> Option<String> {
        let authorization = self
            .authorization
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if self.is_own(url) {
            authorization.clone()
        } else {
            None
        }
    }

    fn is_own(&self, url: &str) -> bool {
        url.starts_with('/')
            || url
                .strip_prefix(&self.origin)
                .is_some_and(|rest| rest.starts_with('/'))
    }

    /// Obtains what a 401 asks for, unless another thread just did. `shown` is what the refused request had.
    /// False if there is nothing else to answer with.
    fn answer_challenge(&self, response: &Response<Body>, shown: Option<String>) -> Result<bool> {
        let mut current = self
            .authorization
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if *current != shown {
            return Ok(true);
        }
        let headers = response.headers().get_all("WWW-Authenticate");
        let challenges: Vec<_> = headers
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(challenge::parse)
            .collect();
        let find = |scheme: &str| {
            challenges
                .iter()
                .find(|challenge| challenge.scheme == scheme)
        };
        let authorization = if let Some(bearer) = find("bearer") {
            let scope = match self.scope {
                Scope::Login => None,
                Scope::Pull => Some(format!("repository:{}:pull", self.path)),
                Scope::PullAndPush => Some(format!("repository:{}:pull,push", self.path)),
            };
            let secure = self.origin.starts_with("https://");
            token::fetch(
                &self.agent,
                bearer,
                scope.as_deref(),
                self.credentials.as_ref(),
                secure,
            )?
        } else if let (Some(_), Some(Credentials::Password { user, password })) =
            (find("basic"), &self.credentials)
        {
            token::basic(user, password)
        } else {
            return Ok(false);
        };
        let fresh = Some(authorization);
        let refused = fresh == shown;
        *current = fresh;
        Ok(!refused)
    }
}

/// Plain HTTP is tried only when nobody speaks TLS there.
fn find_scheme(agent: &Agent, host: &str) -> Result<&'static str> {
    let ping = |scheme: &str| {
        let url = format!("{scheme}://{host}/v2/");
        let answer = agent.get(&url).call();
        answer.map_err(|error| told(&Method::GET, &url, error))
    };
    let Err(secure) = ping("https") else {
        return Ok("https");
    };
    match ping("http") {
        Ok(_) => Ok("http"),
        Err(plain) => bail!("pinging container registry {host}: {secure:#}; {plain:#}"),
    }
}

/// A failed request in Go's words. An error of the body's own reader, such as a wrong digest, stays what it is.
fn told(method: &Method, url: &str, error: ureq::Error) -> anyhow::Error {
    let verb = match *method {
        Method::GET => "Get",
        Method::HEAD => "Head",
        Method::PUT => "Put",
        Method::POST => "Post",
        Method::PATCH => "Patch",
        _ => method.as_str(),
    };
    let cause = match error {
        ureq::Error::Io(error) if error.to_string().contains("InvalidContentType") => {
            anyhow!("http: server gave HTTP response to HTTPS client: try --tls-verify=false")
        }
        ureq::Error::Io(error) => error.into(),
        other => other.into(),
    };
    cause.context(format!("{verb} {url:?}"))
}

/// Turns an answer that is not the expected one into an error with the registry's own words.
pub fn refused(what: &str, response: Response<Body>) -> anyhow::Error {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        errors: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let status = response.status();
    let body = response
        .into_body()
        .into_with_config()
        .limit(64 * 1024)
        .read_to_vec()
        .unwrap_or_default();
    let answer: Answer = serde_json::from_slice(&body).unwrap_or(Answer { errors: Vec::new() });
    match answer.errors.first() {
        Some(Entry { code, message }) => {
            anyhow!(
                "{what}: {}: {message}",
                code.to_ascii_lowercase().replace('_', " ")
            )
        }
        None if status == StatusCode::UNAUTHORIZED => {
            anyhow!("{what}: unauthorized: log in, or give --creds")
        }
        None => anyhow!("{what}: received unexpected HTTP status: {status}"),
    }
}
