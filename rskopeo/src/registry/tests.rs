//! The client against small servers that answer as registries do.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::{Client, Download, Method, Scope, refused};
use crate::config::Credentials;
use crate::digest::Digest;
use crate::transport::Access;

/// What a server was asked.
#[derive(Clone, Debug, Default)]
struct Asked {
    /// `GET /v2/`
    line: String,
    /// Names in lower case.
    headers: HashMap<String, String>,
    body: String,
}

impl Asked {
    fn authorization(&self) -> Option<&str> {
        self.headers.get("authorization").map(String::as_str)
    }
}

struct Answer {
    status: u16,
    headers: Vec<String>,
    body: String,
    /// So many bytes of the body are sent, and no more comes.
    cut: Option<usize>,
    /// How long the connection then stays open.
    stall: Duration,
}

fn answer(status: u16, headers: &[String], body: &str) -> Answer {
    Answer {
        status,
        headers: headers.to_vec(),
        body: body.to_owned(),
        cut: None,
        stall: Duration::ZERO,
    }
}

/// A server that lives as long as the test program; gives its address and what it was asked so far.
fn serve(
    handler: impl Fn(&str, &Asked) -> Answer + Send + 'static,
) -> (String, Arc<Mutex<Vec<Asked>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (log, name) = (Arc::clone(&asked), host.clone());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            // A TLS greeting is not text: the connection is closed.
            if let Some(request) = read_request(&stream) {
                let answer = handler(&name, &request);
                log.lock().unwrap().push(request);
                thread::spawn(move || write_answer(&stream, &answer));
            }
        }
    });
    (host, asked)
}

fn read_request(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut asked = Asked::default();
    reader.read_line(&mut asked.line).ok()?;
    asked.line = asked.line.strip_suffix(" HTTP/1.1\r\n")?.to_owned();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        asked
            .headers
            .insert(name.to_ascii_lowercase(), value.to_owned());
    }
    if let Some(length) = asked.headers.get("content-length") {
        let mut body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        asked.body = String::from_utf8(body).ok()?;
    }
    Some(asked)
}

fn write_answer(mut stream: &TcpStream, answer: &Answer) {
    let Answer {
        status,
        headers,
        body,
        cut,
        stall,
    } = answer;
    let headers: String = headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{}",
        &body[..cut.unwrap_or(length)]
    )
    .unwrap();
    thread::sleep(*stall);
}

fn client(host: &str, credentials: Option<Credentials>) -> Client {
    let access = Access::default();
    Client::connect(host, "a/b", Scope::Pull, true, credentials, &access).unwrap()
}

fn password(user: &str, password: &str) -> Option<Credentials> {
    Some(Credentials::Password {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

/// A registry that wants the token `right`, which its own `/token` gives for `right_credentials`.
fn token_registry(right_credentials: fn(&Asked) -> bool) -> (String, Arc<Mutex<Vec<Asked>>>) {
    serve(move |host, asked| {
        if asked.line.contains(" /token") {
            return match right_credentials(asked) {
                true => answer(200, &[], r#"{"token":"right"}"#),
                false => answer(401, &[], "{}"),
            };
        }
        if asked.authorization() == Some("Bearer right") {
            return answer(200, &[], "content");
        }
        let realm =
            format!(r#"WWW-Authenticate: Bearer realm="http://{host}/token",service="s p""#);
        answer(401, &[realm], "{}")
    })
}

fn content(client: &Client, tail: &str) -> anyhow::Result<(u16, String)> {
    let response = client.send(&Method::GET, &client.url(tail), &[])?;
    let status = response.status().as_u16();
    Ok((status, response.into_body().read_to_string()?))
}

#[test]
fn a_token_is_fetched_once_and_serves_all() {
    let (host, asked) = token_registry(|asked| asked.authorization() == Some("Basic dTpw"));
    let client = client(&host, password("u", "p"));
    for tail in ["manifests/x", "blobs/y"] {
        assert_eq!(content(&client, tail).unwrap(), (200, "content".to_owned()));
    }
    let asked = asked.lock().unwrap();
    let tokens: Vec<&str> = asked
        .iter()
        .filter(|asked| asked.line.contains(" /token"))
        .map(|asked| asked.line.as_str())
        .collect();
    assert_eq!(tokens.len(), 1);
    for part in ["service=s", "scope=repository", "pull", "account=u"] {
        assert!(tokens[0].contains(part), "{tokens:?}");
    }
}

#[test]
fn an_identity_token_is_exchanged() {
    let (host, _) = token_registry(|asked| {
        asked.line.starts_with("POST ")
            && asked.authorization().is_none()
            && asked.body.contains("grant_type=refresh_token")
            && asked.body.contains("refresh_token=secret")
    });
    let client = client(&host, Some(Credentials::IdentityToken("secret".to_owned())));
    assert_eq!(content(&client, "tags/list").unwrap().0, 200);
}

#[test]
fn refused_credentials_are_told() {
    let (host, _) = token_registry(|_| false);
    let refused = |credentials| {
        let error = content(&client(&host, credentials), "manifests/x").unwrap_err();
        format!("{error:#}")
    };
    assert!(refused(password("u", "x")).contains("invalid username/password"));
    assert!(refused(None).contains("log in"));
}

#[test]
fn a_redirect_takes_no_credentials_along() {
    let (store, seen) = serve(|_, _| answer(200, &[], "blob"));
    let (host, _) = serve(move |_, asked| match asked.authorization() {
        Some("Basic dTpw") => answer(307, &[format!("Location: http://{store}/elsewhere")], ""),
        _ => answer(
            401,
            &[r#"WWW-Authenticate: Basic realm="r""#.to_owned()],
            "",
        ),
    });
    let client = client(&host, password("u", "p"));
    assert_eq!(
        content(&client, "blobs/x").unwrap(),
        (200, "blob".to_owned())
    );
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].line, "GET /elsewhere");
    assert_eq!(seen[0].authorization(), None);
}

#[test]
fn redirects_end() {
    let (host, asked) = serve(|_, asked| {
        let path = asked.line.split(' ').nth(1).unwrap_or_default();
        answer(302, &[format!("Location: {path}x")], "")
    });
    let error = content(&client(&host, None), "blobs/x").unwrap_err();
    assert!(error.to_string().contains("stopped after 10 redirects"));
    assert!(asked.lock().unwrap().len() < 15);
}

#[test]
fn plain_http_is_named() {
    let (host, _) = serve(|_, _| answer(200, &[], ""));
    let access = Access::default();
    let client = Client::connect(&host, "a", Scope::Pull, false, None, &access).unwrap();
    let error = client.ping().unwrap_err();
    assert!(format!("{error:#}").starts_with(&format!("Get \"https://{host}/v2/\": ")));
}

/// Answers the first `n` requests that are not a ping with `first`, the later ones with `content`.
fn after(n: usize, first: fn() -> Answer) -> (String, Arc<Mutex<Vec<Asked>>>) {
    let left = Mutex::new(n);
    serve(move |_, asked| {
        let mut left = left.lock().unwrap();
        if asked.line == "GET /v2/" || *left == 0 {
            return answer(200, &[], "content");
        }
        *left -= 1;
        first()
    })
}

#[test]
fn a_busy_registry_is_asked_again() {
    for first in [
        || answer(429, &["Retry-After: 0".to_owned()], ""),
        || {
            answer(
                429,
                &["Retry-After: Wed, 21 Oct 2015 07:28:00 GMT".to_owned()],
                "",
            )
        },
        || answer(429, &[], ""),
        || answer(503, &[], ""),
        || answer(500, &["Retry-After: soon".to_owned()], ""),
    ] {
        let (host, _) = after(2, first);
        let got = content(&client(&host, None), "manifests/x").unwrap();
        assert_eq!(got, (200, "content".to_owned()));
    }
}

#[test]
fn patience_ends() {
    let (host, asked) = serve(|_, asked| match asked.line.as_str() {
        "GET /v2/" => answer(200, &[], ""),
        _ => answer(
            429,
            &[],
            r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#,
        ),
    });
    let client = client(&host, None);
    let response = client
        .send(&Method::GET, &client.url("tags/list"), &[])
        .unwrap();
    let told = refused("fetching tags list", response).to_string();
    assert_eq!(told, "fetching tags list: toomanyrequests: slow down");
    let tries = asked
        .lock()
        .unwrap()
        .iter()
        .filter(|asked| asked.line != "GET /v2/")
        .count();
    assert_eq!(tries, 5);
}

#[test]
fn refusals_are_not_asked_again() {
    for status in [400, 403, 404, 501] {
        let first: fn() -> Answer = match status {
            400 => || answer(400, &[], ""),
            403 => || answer(403, &[], ""),
            404 => || answer(404, &[], ""),
            _ => || answer(501, &[], ""),
        };
        let (host, _) = after(1, first);
        assert_eq!(content(&client(&host, None), "blobs/x").unwrap().0, status);
    }
}

/// A registry with a blob of 1000 bytes, of which each connection gives 300.
fn cutting(answer_to: fn(&str, usize) -> Answer) -> (String, String) {
    let blob: String = ('a'..='z').cycle().take(1000).collect();
    let served = blob.clone();
    let (host, _) = serve(move |_, asked| {
        let from = asked.headers.get("range").and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse()
                .ok()
        });
        match asked.line.contains("/blobs/") {
            true => answer_to(&served, from.unwrap_or(0)),
            false => answer(200, &[], ""),
        }
    });
    (host, blob)
}

fn download(host: &str) -> std::io::Result<String> {
    let mut text = String::new();
    let client = Arc::new(client(host, None));
    let mut download = Download::begin(&client, &Digest::sha256(b"x"), 0).unwrap();
    download.read_to_string(&mut text)?;
    Ok(text)
}

fn from(blob: &str, at: usize) -> Answer {
    let range = format!("Content-Range: bytes {at}-999/1000");
    let status = if at == 0 { 200 } else { 206 };
    let rest = &blob[at..];
    Answer {
        cut: Some(rest.len().min(300)),
        ..answer(status, &[range], rest)
    }
}

#[test]
fn a_cut_download_is_taken_up_again() {
    let (host, blob) = cutting(from);
    assert_eq!(download(&host).unwrap(), blob);
}

#[test]
fn a_stalled_download_is_taken_up_again() {
    let (host, blob) = cutting(|blob, at| Answer {
        stall: Duration::from_secs(if at == 300 { 2 } else { 0 }),
        ..from(blob, at)
    });
    assert_eq!(download(&host).unwrap(), blob);
}

#[test]
fn a_download_that_gives_nothing_ends() {
    let (host, _) = cutting(|blob, at| match at {
        0 => from(blob, 0),
        at => Answer {
            cut: Some(0),
            ..from(blob, at)
        },
    });
    let told = download(&host).unwrap_err().to_string();
    assert!(told.contains("after 300 bytes"), "{told}");
    assert!(told.contains(&host), "{told}");
}

#[test]
fn a_server_without_ranges_sends_all_again() {
    let (host, blob) = cutting(|blob, at| Answer {
        cut: Some(if at == 0 { 300 } else { 1000 }),
        ..answer(200, &[], blob)
    });
    assert_eq!(download(&host).unwrap(), blob);
    let (host, _) = cutting(|blob, at| match at {
        0 => from(blob, 0),
        at => answer(
            206,
            &["Content-Range: bytes 7-999/1000".to_owned()],
            &blob[at..],
        ),
    });
    let told = download(&host).unwrap_err().to_string();
    assert!(told.contains("does not go on at byte 300"), "{told}");
}

#[test]
fn a_missing_scope_is_asked_for() {
    let (host, asked) = serve(|host, asked| {
        if asked.line.contains(" /token") {
            let token = match asked.line.contains("extra") {
                true => r#"{"access_token":"wide","expires_in":300}"#,
                false => r#"{"token":"narrow"}"#,
            };
            return answer(200, &[], token);
        }
        let more = match asked.authorization() {
            Some("Bearer wide") => return answer(200, &[], "content"),
            Some(_) => r#",error="insufficient_scope",scope="repository:extra:pull""#,
            None => "",
        };
        let realm = format!(r#"WWW-Authenticate: Bearer realm="http://{host}/token"{more}"#);
        answer(401, &[realm], "{}")
    });
    let client = client(&host, None);
    // The first challenge is answered, the second one by the next request.
    content(&client, "manifests/x").unwrap();
    assert_eq!(content(&client, "manifests/x").unwrap().0, 200);
    let asked = asked.lock().unwrap();
    let tokens = asked.iter().filter(|asked| asked.line.contains(" /token"));
    assert_eq!(tokens.count(), 2);
}

#[test]
fn a_registry_token_is_all_that_is_shown() {
    let (host, asked) = token_registry(|_| true);
    let access = Access {
        registry_token: Some("mine".to_owned()),
        ..Access::default()
    };
    let client = Client::connect(&host, "a/b", Scope::Pull, true, None, &access).unwrap();
    assert_eq!(content(&client, "manifests/x").unwrap().0, 401);
    let asked = asked.lock().unwrap();
    assert!(asked.iter().all(|asked| !asked.line.contains("/token")));
    assert_eq!(asked.last().unwrap().authorization(), Some("Bearer mine"));
}

#[test]
fn an_upload_follows_its_redirect_without_credentials() {
    let (store, seen) = serve(|_, _| answer(201, &[], ""));
    let (host, _) = serve(move |_, asked| match asked.authorization() {
        Some("Basic dTpw") => answer(307, &[format!("Location: http://{store}/up")], ""),
        _ => answer(401, &["WWW-Authenticate: Basic realm=r".to_owned()], ""),
    });
    let client = client(&host, password("u", "p"));
    let sent = client.send_bytes(&Method::PUT, &client.url("manifests/x"), "a/b", b"bytes");
    assert_eq!(sent.unwrap().status(), 201);
    let seen = seen.lock().unwrap();
    assert_eq!(
        (seen[0].line.as_str(), seen[0].body.as_str()),
        ("PUT /up", "bytes")
    );
    assert_eq!(seen[0].authorization(), None);
}
