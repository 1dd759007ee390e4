//! Who is shown what.
#![allow(clippy::unwrap_used)]

use super::super::{Client, Method, Scope};
use super::*;
use crate::transport::Access;

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
    let token = Credentials::IdentityToken {
        token: "secret".to_owned(),
        plain: None,
    };
    let client = client(&host, Some(token));
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
