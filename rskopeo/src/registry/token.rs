//! Bearer tokens (the distribution project's token authentication).

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ureq::Body;
use ureq::http::Response;

use super::challenge::Challenge;
use crate::config::Credentials;

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

/// Tokens and the documents around them are small.
const MAX_ANSWER: u64 = 1 << 20;

/// `Authorization: Basic …`
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Asks the challenge's realm for a token for `scope`; gives the value for `Authorization`.
/// `secure`: the registry itself is reached by HTTPS, so the credentials must be too.
pub fn fetch(
    agent: &ureq::Agent,
    challenge: &Challenge,
    scope: Option<&str>,
    credentials: Option<&Credentials>,
    secure: bool,
) -> Result<String> {
    let realm = challenge
        .parameter("realm")
        .context("missing realm in bearer auth challenge")?;
    let reachable = realm.starts_with("https://") || (realm.starts_with("http://") && !secure);
    if !reachable {
        bail!(
            "refusing to ask {realm} for a token: the registry uses HTTPS and its token server does not"
        );
    }
    let service = challenge.parameter("service");
    let asked: Vec<(&str, &str)> = [("service", service), ("scope", scope)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let response = match credentials {
        Some(Credentials::IdentityToken(token)) => refresh(agent, realm, asked, token),
        Some(Credentials::Password { user, password }) => agent
            .get(realm)
            .query_pairs(asked)
            .query("account", user)
            .header("Authorization", basic(user, password))
            .call(),
        None => agent.get(realm).query_pairs(asked).call(),
    };
    let response = response.with_context(|| format!("requesting a token from {realm}"))?;
    let status = response.status().as_u16();
    match status {
        200 => {}
        401 | 403 if credentials.is_some() => bail!(
            "unable to retrieve auth token: invalid username/password: {realm} answered {status}"
        ),
        401 | 403 => bail!(
            "unable to retrieve auth token: unauthorized: {realm} answered {status} without credentials: log in, or give --creds"
        ),
        _ => bail!("unable to retrieve auth token: {realm} answered {status}"),
    }
    let body = response
        .into_body()
        .into_with_config()
        .limit(MAX_ANSWER)
        .read_to_vec()
        .with_context(|| format!("reading the token from {realm}"))?;
    let answer: Answer =
        serde_json::from_slice(&body).with_context(|| format!("parsing the token from {realm}"))?;
    let token = answer
        .token
        .or(answer.access_token)
        .filter(|token| !token.is_empty());
    token
        .map(|token| format!("Bearer {token}"))
        .with_context(|| format!("{realm} sent no token"))
}

/// The OAuth 2 way (RFC 6749 section 6), for a token that a login gave in the place of a password.
fn refresh<'a>(
    agent: &ureq::Agent,
    realm: &str,
    mut asked: Vec<(&'a str, &'a str)>,
    token: &'a str,
) -> Result<Response<Body>, ureq::Error> {
    asked.extend([
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("client_id", "rskopeo"),
    ]);
    agent.post(realm).send_form(asked)
}
