//! What is asked again, and taken up again.
#![allow(clippy::unwrap_used)]

use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::{Download, Method, refused};
use super::*;
use crate::digest::Digest;

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
    let (usual, _) = serve(|_, _| {
        let told = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
        answer(404, &[], told)
    });
    let client = self::client(&usual, None);
    let response = client.send(&Method::GET, &client.url("manifests/x"), &[]);
    let told = refused("reading x", response.unwrap()).to_string();
    assert_eq!(told, "reading x: manifest unknown");
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
