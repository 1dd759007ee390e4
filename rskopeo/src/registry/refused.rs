//! Answers that are not the expected one, and requests that had none.

use std::io::{self, ErrorKind};

use anyhow::anyhow;
use serde::Deserialize;
use ureq::Body;
use ureq::http::{Method, Response, StatusCode};

use crate::fatal::NotFound;

/// The body of an error, at most.
const MAX_BODY: u64 = 64 * 1024;

#[derive(Default, Deserialize)]
struct Answer {
    #[serde(default)]
    errors: Vec<Entry>,
}

/// An error of the distribution-spec ("Error Codes").
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// What the specification has registries say of a code, where that is not the code itself.
const USUAL: [(&str, &str); 5] = [
    ("UNAUTHORIZED", "authentication required"),
    ("DENIED", "requested access to the resource is denied"),
    ("NAME_UNKNOWN", "repository name not known to registry"),
    ("BLOB_UNKNOWN", "blob unknown to registry"),
    ("UNSUPPORTED", "The operation is unsupported."),
];

impl Entry {
    /// Code and message; a usual message says all that the code does.
    fn told(&self) -> String {
        let code = self.code.to_ascii_lowercase().replace('_', " ");
        let message = self.message.as_str();
        match message {
            "" => code,
            _ if message == code || USUAL.contains(&(&self.code, message)) => message.to_owned(),
            _ => format!("{code}: {message}"),
        }
    }
}

/// Turns an answer that is not the expected one into an error with the registry's own words.
pub fn refused(what: &str, response: Response<Body>) -> anyhow::Error {
    let status = response.status();
    let body = response
        .into_body()
        .into_with_config()
        .limit(MAX_BODY)
        .read_to_vec();
    let answer: Answer = body
        .ok()
        .and_then(|body| serde_json::from_slice(&body).ok())
        .unwrap_or_default();
    let told = match (answer.errors.first(), status) {
        (Some(entry), _) => format!("{what}: {}", entry.told()),
        (None, StatusCode::UNAUTHORIZED) => {
            format!("{what}: authentication required: log in, or give --creds")
        }
        (None, StatusCode::TOO_MANY_REQUESTS) => {
            format!(
                "{what}: toomanyrequests: the registry asks to be left alone for a while ({status})"
            )
        }
        (None, _) => format!("{what}: received unexpected HTTP status: {status}"),
    };
    let unknown = |entry: &Entry| entry.code == "MANIFEST_UNKNOWN";
    if answer.errors.first().is_some_and(unknown) {
        return NotFound(told).into();
    }
    let invalid = |entry: &Entry| match entry.code.as_str() {
        "MANIFEST_INVALID" | "TAG_INVALID" => true,
        // What one registry says to a manifest of OCI that does not name its own media type.
        "UNSUPPORTED" => entry.message.contains("Invalid JSON syntax"),
        _ => false,
    };
    if answer.errors.first().is_some_and(invalid) {
        return ManifestInvalid(told).into();
    }
    let denied = |entry: &Entry| {
        entry.code == "DENIED" || entry.message == "404 page not found" // No such address there.
    };
    if answer.errors.first().is_some_and(denied) {
        return Denied(told).into();
    }
    match status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        true => Unavailable(told).into(),
        false => anyhow!(told),
    }
}

/// The registry does not take this manifest, and may take another one of the image.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ManifestInvalid(String);

/// The registry does not let this be asked, or cannot be asked it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Denied(String);

/// The registry cannot answer now, and may later.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(String);

/// Whether it was plain HTTP that a TLS greeting was answered with.
pub fn is_plain_http(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Io(error) if error.to_string().contains("InvalidContentType"))
}

/// Whether no connection came about.
pub fn is_unreachable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable
    )
}

const NO_HOST: &str = "no such host";

/// A failed request in Go's words. An error of the body's own reader, such as a wrong digest, stays what it is.
pub fn told(method: &Method, url: &str, proxy: Option<&str>, error: ureq::Error) -> anyhow::Error {
    let verb = match *method {
        Method::GET => "Get",
        Method::HEAD => "Head",
        Method::PUT => "Put",
        Method::POST => "Post",
        Method::PATCH => "Patch",
        Method::DELETE => "Delete",
        _ => method.as_str(),
    };
    let cause = match error {
        error if is_plain_http(&error) => {
            anyhow!("http: server gave HTTP response to HTTPS client: try --tls-verify=false")
        }
        error if error.to_string().contains("UnknownIssuer") => anyhow!(
            "tls: failed to verify certificate: x509: certificate signed by unknown authority: give its authority by --cert-dir, or try --tls-verify=false"
        ),
        ureq::Error::HostNotFound => anyhow::Error::from(error).context(NO_HOST),
        // The system's resolver says so in words alone.
        ureq::Error::Io(error) if error.to_string().contains("Name or service not known") => {
            anyhow::Error::from(error).context(NO_HOST)
        }
        ureq::Error::Io(error) if is_unreachable(&error) => {
            anyhow::Error::from(error).context("connect")
        }
        ureq::Error::Io(error) => error.into(),
        other => other.into(),
    };
    let asking = format!("{verb} {url:?}");
    match proxy {
        Some(proxy) => cause.context(format!("{asking} through the proxy {proxy}")),
        None => cause.context(asking),
    }
}
