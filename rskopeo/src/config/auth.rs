//! Who to be at a registry: auth.json and Docker's config.json (containers-auth.json(5)).

use std::collections::HashMap;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthFile {
    #[serde(default)]
    auths: HashMap<String, Entry>,
    #[serde(default)]
    cred_helpers: HashMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
struct Entry {
    #[serde(default)]
    auth: String,
}

/// User and password for `host/path`, from the first file that knows it.
///
/// # Errors
/// A file that exists cannot be understood, or names a credential helper for this registry.
pub fn credentials(
    host: &str,
    path: &str,
    authfile: Option<&Path>,
) -> Result<Option<(String, String)>> {
    for (file, required) in files(authfile) {
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !required => continue,
            Err(error) => return Err(error).with_context(|| format!("open {}", file.display())),
        };
        let parsed: AuthFile = serde_json::from_slice(&bytes)
            .with_context(|| format!("parsing {}", file.display()))?;
        if let Some(found) = parsed
            .find(host, path)
            .with_context(|| format!("reading {}", file.display()))?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// In skopeo's order; a file named by the user must exist.
fn files(authfile: Option<&Path>) -> Vec<(PathBuf, bool)> {
    let given = authfile
        .map(Path::to_owned)
        .or_else(|| env::var_os("REGISTRY_AUTH_FILE").map(PathBuf::from));
    if let Some(given) = given {
        return vec![(given, true)];
    }
    let runtime = env::var_os("XDG_RUNTIME_DIR").map_or_else(
        || format!("/run/containers/{}", nix::unistd::getuid()).into(),
        |dir| Path::new(&dir).join("containers"),
    );
    let home = env::var_os("HOME").map(PathBuf::from);
    let config = env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| home.as_ref().map(|home| home.join(".config")));
    let docker = env::var_os("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| home.map(|home| home.join(".docker")));
    [
        Some(runtime.join("auth.json")),
        config.map(|dir| dir.join("containers/auth.json")),
        docker.map(|dir| dir.join("config.json")),
    ]
    .into_iter()
    .flatten()
    .map(|file| (file, false))
    .collect()
}

impl AuthFile {
    fn find(&self, host: &str, path: &str) -> Result<Option<(String, String)>> {
        if let Some(helper) = self.cred_helpers.get(host) {
            bail!(
                "credential helper {helper:?} for {host} is not supported: use --creds, or log in without it"
            );
        }
        let full = format!("{host}/{path}");
        let mut key = full.as_str();
        loop {
            if let Some(entry) = self.auths.get(key) {
                return entry.decode();
            }
            match key.rfind('/') {
                Some(slash) => key = &key[..slash],
                None => break,
            }
        }
        let legacy = self
            .auths
            .iter()
            .find(|(name, _)| legacy_host(name) == host);
        legacy.map_or(Ok(None), |(_, entry)| entry.decode())
    }
}

impl Entry {
    fn decode(&self) -> Result<Option<(String, String)>> {
        if self.auth.is_empty() {
            return Ok(None);
        }
        let bytes = STANDARD
            .decode(&self.auth)
            .context("an auth entry is not base64")?;
        let text = String::from_utf8(bytes).context("an auth entry is not text")?;
        let (user, password) = text
            .split_once(':')
            .context("an auth entry is not USER:PASSWORD")?;
        Ok(Some((
            user.to_owned(),
            password.trim_end_matches('\0').to_owned(),
        )))
    }
}

/// Old Docker wrote URLs: `https://index.docker.io/v1/`.
fn legacy_host(key: &str) -> &str {
    let host = key
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap_or_default();
    if host == "index.docker.io" {
        "docker.io"
    } else {
        host
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_longest_key_wins() {
        let file: AuthFile = serde_json::from_str(
            r#"{"auths":{"r.io":{"auth":"YTpi"},"r.io/team":{"auth":"Yzpk"},"https://index.docker.io/v1/":{"auth":"ZTpm"}}}"#,
        )
        .unwrap();
        let user = |host, path| file.find(host, path).unwrap().map(|(user, _)| user);
        assert_eq!(user("r.io", "x").as_deref(), Some("a"));
        assert_eq!(user("r.io", "team/x").as_deref(), Some("c"));
        assert_eq!(user("docker.io", "library/x").as_deref(), Some("e"));
        assert_eq!(user("other", "x"), None);
    }
}
