//! A registry that misbehaves: it stands before a real one and passes on what is asked, but for what a test lets go wrong.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// What goes wrong with one answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The connection breaks after so many bytes of the body.
    Cut(usize),
    /// So many bytes at a time, with a pause after each.
    Slow(usize, Duration),
    /// One bit of the body is another one.
    Corrupt,
    /// This answer in the place of the registry's: status, header lines, body.
    Answer(u16, Vec<String>, String),
}

/// What was asked: `GET`, `/v2/…`, and the header lines.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: Vec<String>,
}

impl Asked {
    pub fn is(&self, method: &str, part: &str) -> bool {
        self.method == method && self.path.contains(part)
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (given, value) = line.split_once(':')?;
            given.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// It ends with the test program.
#[derive(Debug, Clone)]
pub struct Unruly {
    /// `127.0.0.1:PORT`
    pub address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Unruly {
    /// Stands before the registry at `behind`. `fault` tells what goes wrong with the nth request of all.
    pub fn before(
        behind: &str,
        fault: impl Fn(&Asked, usize) -> Option<Fault> + Send + Sync + 'static,
    ) -> Result<Unruly> {
        let listener = TcpListener::bind("127.0.0.1:0").context("listening")?;
        let unruly = Unruly {
            address: listener.local_addr()?.to_string(),
            asked: Arc::default(),
        };
        let (behind, asked, fault) = (behind.to_owned(), unruly.asked.clone(), Arc::new(fault));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (behind, asked, fault) = (behind.clone(), asked.clone(), fault.clone());
                thread::spawn(move || {
                    let said = serve(&client, &behind, |request| {
                        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
                        asked.push(request.clone());
                        fault(request, asked.len())
                    });
                    // The client may go away whenever it likes.
                    said.ok();
                });
            }
        });
        Ok(unruly)
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn serve(
    mut client: &TcpStream,
    behind: &str,
    fault: impl Fn(&Asked) -> Option<Fault>,
) -> Result<()> {
    let mut reader = BufReader::new(client);
    // A TLS greeting is no line of text, and ends the connection.
    let (line, headers) = head(&mut reader)?;
    let mut words = line.split(' ');
    let asked = Asked {
        method: words.next().unwrap_or_default().to_owned(),
        path: words.next().context("no path")?.to_owned(),
        headers,
    };
    if asked.header("Expect").is_some() {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let body = body(&mut reader, &asked)?;
    let (fault, answer) = match fault(&asked) {
        Some(Fault::Answer(status, headers, text)) => {
            let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
            let length = text.len();
            let answer =
                format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}\r\n{text}");
            (None, answer.into_bytes())
        }
        fault => (fault, ask(behind, &asked, &body)?),
    };
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let (head, body) = answer.split_at(end.context("no end of the headers")? + 4);
    let mut head = head.to_vec();
    let close: &[u8] = b"Connection: close\r\n\r\n";
    head.truncate(head.len() - 2);
    client.write_all(&[&head, close].concat())?;
    if asked.method == "HEAD" {
        return Ok(());
    }
    send(client, body, fault)
}

fn send(mut client: &TcpStream, body: &[u8], fault: Option<Fault>) -> Result<()> {
    match fault {
        Some(Fault::Cut(after)) => client.write_all(&body[..after.min(body.len())])?,
        Some(Fault::Slow(step, pause)) => {
            for part in body.chunks(step) {
                client.write_all(part)?;
                thread::sleep(pause);
            }
        }
        Some(Fault::Corrupt) => {
            let mut body = body.to_vec();
            let middle = body.len() / 2;
            if let Some(byte) = body.get_mut(middle) {
                *byte ^= 1;
            }
            client.write_all(&body)?;
        }
        Some(Fault::Answer(..)) | None => client.write_all(body)?,
    }
    Ok(())
}

/// The first line, and the header lines.
fn head(reader: &mut impl BufRead) -> Result<(String, Vec<String>)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let first = lines.first().context("no request")?.clone();
    Ok((first, lines.split_off(1)))
}

fn body(reader: &mut impl BufRead, asked: &Asked) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    if asked.header("Transfer-Encoding").is_some() {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = u64::from_str_radix(size.trim(), 16)?;
            reader.by_ref().take(size).read_to_end(&mut body)?;
            reader.read_line(&mut String::new())?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    let length = asked.header("Content-Length").map_or(Ok(0), str::parse)?;
    reader.take(length).read_to_end(&mut body)?;
    Ok(body)
}

/// Passes the request on; gives the whole answer.
fn ask(behind: &str, asked: &Asked, body: &[u8]) -> Result<Vec<u8>> {
    let mut registry = TcpStream::connect(behind)?;
    let kept = asked.headers.iter().filter(|line| {
        let name = line
            .split(':')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        ![
            "connection",
            "transfer-encoding",
            "content-length",
            "expect",
        ]
        .contains(&name.as_str())
    });
    let headers: String = kept.map(|line| format!("{line}\r\n")).collect();
    write!(
        registry,
        "{} {} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n",
        asked.method,
        asked.path,
        body.len()
    )?;
    registry.write_all(body)?;
    let mut answer = Vec::new();
    registry.read_to_end(&mut answer)?;
    // The real registry closes too; the header would stand there twice.
    let text = b"Connection: close\r\n";
    if let Some(at) = answer.windows(text.len()).position(|window| window == text) {
        answer.drain(at..at + text.len());
    }
    Ok(answer)
}

/// A proxy that connects whatever is asked for, by HTTP's whole URLs and `CONNECT` or SOCKS 5, to `behind`; gives its address and what was asked
/// for so far.
pub fn proxy(behind: &str) -> Result<(String, Arc<Mutex<Vec<String>>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").context("listening")?;
    let address = listener.local_addr()?.to_string();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let (behind, log) = (behind.to_owned(), asked.clone());
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (behind, log) = (behind.clone(), log.clone());
            thread::spawn(move || connect(&client, &behind, &log).ok());
        }
    });
    Ok((address, asked))
}

fn connect(client: &TcpStream, behind: &str, log: &Mutex<Vec<String>>) -> Result<()> {
    let mut first = [0];
    client.peek(&mut first)?;
    let note = |asked: String| {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(asked);
    };
    let accepted: &[u8] = match first[0] {
        5 => {
            note(socks(client)?);
            b"\x05\0\0\x01\0\0\0\0\0\0"
        }
        _ => {
            let mut reader = BufReader::new(client);
            let (line, headers) = head(&mut reader)?;
            note(format!("{line}\n{}", headers.join("\n")));
            if !line.starts_with("CONNECT ") {
                return forward(client, &mut reader, behind, &line, headers);
            }
            b"HTTP/1.1 200 Connected\r\n\r\n"
        }
    };
    let registry = TcpStream::connect(behind)?;
    let mut to_client = client;
    to_client.write_all(accepted)?;
    let (mut from_client, mut to_registry) = (client.try_clone()?, registry.try_clone()?);
    thread::spawn(move || std::io::copy(&mut from_client, &mut to_registry));
    std::io::copy(&mut &registry, &mut to_client)?;
    Ok(())
}

/// One request for a whole URL, with what the proxy itself is told left out.
fn forward(
    mut client: &TcpStream,
    reader: &mut impl BufRead,
    behind: &str,
    line: &str,
    mut headers: Vec<String>,
) -> Result<()> {
    let mut words = line.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let url = words.next().context("no URL")?;
    let (_, place) = url.split_once("://").context("no whole URL")?;
    let path = place.find('/').map_or("/", |at| &place[at..]).to_owned();
    headers.retain(|line| !line.to_ascii_lowercase().starts_with("proxy-"));
    let asked = Asked {
        method,
        path,
        headers,
    };
    let body = body(reader, &asked)?;
    let mut answer = ask(behind, &asked, &body)?;
    // Another request on this connection would find nobody.
    let status = answer.windows(2).position(|two| two == b"\r\n");
    let after = status.context("the registry gave no answer")? + 2;
    answer.splice(after..after, *b"Connection: close\r\n");
    client.write_all(&answer)?;
    Ok(())
}

/// RFC 1928: no authentication, a connection by name.
fn socks(client: &TcpStream) -> Result<String> {
    let (mut asking, mut answering) = (client, client);
    let mut take = |n: usize| -> Result<Vec<u8>> {
        let mut bytes = vec![0; n];
        asking.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    let methods = take(2)?[1];
    take(methods.into())?;
    answering.write_all(&[5, 0])?;
    let request = take(5)?;
    ensure!(request[..4] == [5, 1, 0, 3], "{request:?}");
    let host = take(request[4].into())?;
    take(2)?;
    Ok(format!("SOCKS {}", String::from_utf8_lossy(&host)))
}
