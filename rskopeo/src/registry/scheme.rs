//! HTTPS or HTTP: what a registry speaks that need not be secure.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use super::Method;
use super::agents::Agents;
use super::refused::{is_plain_http, told};

/// Plain HTTP is tried only when nobody speaks TLS there.
pub(super) fn find_scheme(agents: &Agents, host: &str) -> Result<&'static str> {
    /// What was found, for the other images of a `sync`.
    static FOUND: Mutex<BTreeMap<String, &'static str>> = Mutex::new(BTreeMap::new());
    let found = || FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(scheme) = found().get(host) {
        return Ok(scheme);
    }
    let scheme = try_schemes(agents, host)?;
    found().insert(host.to_owned(), scheme);
    Ok(scheme)
}

fn try_schemes(agents: &Agents, host: &str) -> Result<&'static str> {
    let ping = |scheme: &str| {
        let url = format!("{scheme}://{host}/v2/");
        let answer = agents.for_url(&url).get(&url).call().map(|answer| {
            // A connection whose answer was read is used again.
            let body = answer.into_body().into_with_config().limit(64 << 10);
            body.read_to_vec().ok();
        });
        answer.map_err(|error| {
            (
                is_plain_http(&error),
                told(&Method::GET, &url, agents.proxy_for(&url), error),
            )
        })
    };
    let secure = match ping("https") {
        Ok(()) => return Ok("https"),
        Err((true, _)) => return Ok("http"),
        Err((false, error)) => error,
    };
    match ping("http") {
        Ok(()) => Ok("http"),
        Err((_, plain)) => {
            let tried = format!("pinging container registry {host}: {secure:#}, and then");
            Err(plain.context(tried))
        }
    }
}
