//! Bearer tokens (the distribution project's token authentication).

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ureq::Body;
use ureq::http::Response;

use super::agents::Agents;
use super::challenge::Challenge;
use super::{refused, retry};
use crate::bounds;
use crate::config::Credentials;

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    /// Seconds.
    expires_in: Option<u64>,
}

/// A token that was obtained.
#[derive(Debug)]
pub struct Token {
    /// The value for `Authorization`.
    pub authorization: String,
    /// When to ask for another one.
    pub until: Instant,
}

/// What a token lives that does not tell, and no token is taken to live shorter (distribution's "Token Authentication").
const LIFETIME: u64 = 60;
/// A request must have arrived before the token runs out.
const MARGIN: u64 = 5;

/// `Authorization: Basic …`
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Asks the challenge's realm for a token for `scopes`.
/// `secure`: the registry itself is reached by HTTPS, so the credentials must be too.
pub fn fetch(
    agents: &Agents,
    challenge: &Challenge,
    scopes: &[String],
    credentials: Option<&Credentials>,
    secure: bool,
) -> Result<Token> {
    let realm = challenge
        .parameter("realm")
        .context("missing realm in bearer auth challenge")?;
    let reachable = realm.starts_with("https://") || (realm.starts_with("http://") && !secure);
    if !reachable {
        bail!(
            "refusing to ask {realm} for a token: the registry uses HTTPS and its token server does not"
        );
    }
    let asked: Vec<(&str, &str)> = challenge
        .parameter("service")
        .map(|service| ("service", service))
        .into_iter()
        .chain(scopes.iter().map(|scope| ("scope", scope.as_str())))
        .collect();
    let agent = agents.for_url(realm);
    let response = retry::until_settled(false, || {
        let asked = asked.clone();
        let answer = match credentials {
            Some(Credentials::IdentityToken { token, .. }) => refresh(agent, realm, asked, token),
            Some(Credentials::Password { user, password }) => agent
                .get(realm)
                .query_pairs(asked)
                .query("account", user)
                .header("Authorization", basic(user, password))
                .call(),
            None => agent.get(realm).query_pairs(asked).call(),
        };
        answer.with_context(|| format!("requesting a token from {realm}"))
    })?;
    match (response.status().as_u16(), credentials) {
        (200, _) => {}
        (status @ (401 | 403), Some(_)) => bail!(
            "unable to retrieve auth token: invalid username/password: {realm} answered {status}"
        ),
        (status @ (401 | 403), None) => bail!(
            "unable to retrieve auth token: unauthorized: {realm} answered {status} without credentials: log in, or give --creds"
        ),
        _ => {
            return Err(refused(
                &format!("unable to retrieve auth token from {realm}"),
                response,
            ));
        }
    }
    let body = response
        .into_body()
        .into_with_config()
        .limit(bounds::chosen().token)
        .read_to_vec()
        .with_context(|| {
            format!(
                "reading the token from {realm} (--max-token-size raises the bound of its size)"
            )
        })?;
    let answer: Answer =
        serde_json::from_slice(&body).with_context(|| format!("parsing the token from {realm}"))?;
    let lifetime = answer
        .expires_in
        .unwrap_or(LIFETIME)
        .clamp(LIFETIME, 24 * 3600);
    let token = answer
        .token
        .or(answer.access_token)
        .filter(|token| !token.is_empty())
        .with_context(|| format!("{realm} sent no token"))?;
    Ok(Token {
        authorization: format!("Bearer {token}"),
        until: Instant::now() + Duration::from_secs(lifetime - MARGIN),
    })
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
