//! The client against small servers that answer as registries do.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

mod access;
mod again;

use super::{Client, Method, Scope};
use crate::config::Credentials;
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
