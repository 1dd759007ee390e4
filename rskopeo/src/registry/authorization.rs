//! What is shown to a registry: a token or a password, once its challenge told which.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::Result;
use ureq::Body;
use ureq::http::Response;

use super::agents::Agents;
use super::challenge::{self, Challenge};
use super::token;
use crate::config::Credentials;

/// What a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// To be let in, no more.
    Login,
    Pull,
    PullAndPush,
    Delete,
}

/// Shared by the threads of a client.
#[derive(Debug)]
pub struct Authorization {
    /// `library/alpine`
    path: String,
    scope: Scope,
    credentials: Option<Credentials>,
    /// `--registry-token`: nothing else is ever shown.
    given: Option<String>,
    /// By what more they are for than the scope.
    held: Mutex<HashMap<String, Held>>,
}

/// A value for `Authorization`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    value: String,
    until: Option<Instant>,
}

impl Authorization {
    pub fn new(
        path: &str,
        scope: Scope,
        credentials: Option<Credentials>,
        registry_token: Option<&str>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            scope,
            credentials,
            given: registry_token.map(|token| format!("Bearer {token}")),
            held: Mutex::new(HashMap::new()),
        }
    }

    /// What to show now; a token that has run out is shown no more. `more` is a scope that this one request needs besides.
    pub fn current(&self, more: &str) -> Option<String> {
        if self.given.is_some() {
            return self.given.clone();
        }
        let held = self.held().get(more).cloned();
        held.filter(|held| held.until.is_none_or(|until| Instant::now() < until))
            .map(|held| held.value)
    }

    /// Obtains what a 401 asks for, unless another thread just did. `shown` is what the refused request had; `secure` tells that
    /// the registry itself is reached by HTTPS. False if there is nothing else to answer with.
    pub fn answer(
        &self,
        agents: &Agents,
        response: &Response<Body>,
        shown: Option<&str>,
        more: &str,
        secure: bool,
    ) -> Result<bool> {
        if self.given.is_some() {
            return Ok(false);
        }
        // Held while a token is asked for, so that it is asked for once.
        let mut held = self.held();
        let current = held.get(more).map(|held| held.value.as_str());
        if current.is_some() && current != shown {
            return Ok(true);
        }
        let headers = response.headers().get_all("WWW-Authenticate");
        let challenges: Vec<Challenge> = headers
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(challenge::parse)
            .collect();
        let find = |scheme: &str| challenges.iter().find(|found| found.scheme == scheme);
        let fresh = match (find("bearer"), find("basic"), &self.credentials) {
            (Some(bearer), _, credentials) => {
                let scopes = self.scopes(bearer, more);
                let token = token::fetch(agents, bearer, &scopes, credentials.as_ref(), secure)?;
                Held {
                    value: token.authorization,
                    until: Some(token.until),
                }
            }
            (None, Some(_), Some(credentials)) => match credentials.plain() {
                Some((user, password)) => Held {
                    value: token::basic(user, password),
                    until: None,
                },
                None => return Ok(false),
            },
            _ => return Ok(false),
        };
        let is_new = Some(fresh.value.as_str()) != shown;
        held.insert(more.to_owned(), fresh);
        Ok(is_new)
    }

    /// The scope of this client, `more`, and what the registry says is missing (RFC 6750 section 3.1).
    fn scopes(&self, bearer: &Challenge, more: &str) -> Vec<String> {
        let path = &self.path;
        let own = match self.scope {
            Scope::Login => None,
            Scope::Pull => Some(format!("repository:{path}:pull")),
            Scope::PullAndPush => Some(format!("repository:{path}:pull,push")),
            Scope::Delete => Some(format!("repository:{path}:*")),
        };
        let mut scopes: Vec<String> = own.into_iter().collect();
        if !more.is_empty() {
            scopes.push(more.to_owned());
        }
        if bearer.parameter("error") == Some("insufficient_scope") {
            let missing = bearer.parameter("scope").unwrap_or_default();
            let missing = missing.split(' ').filter(|scope| !scope.is_empty());
            scopes.extend(missing.map(str::to_owned));
        }
        scopes.dedup();
        scopes
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
