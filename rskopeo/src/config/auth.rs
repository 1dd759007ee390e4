//! Who to be at a registry, and where that is kept.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::auth_file::AuthFile;

/// What is shown to a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    Password {
        user: String,
        password: String,
    },
    /// What a login gave in the place of a password; it is exchanged for tokens.
    IdentityToken(String),
}

impl Credentials {
    pub fn user(&self) -> &str {
        match self {
            Self::Password { user, .. } => user,
            Self::IdentityToken(_) => "<token>",
        }
    }
}

/// Credentials for `host/path`, from the first file that knows it.
///
/// # Errors
/// A file cannot be understood, or its credential helper failed.
pub fn credentials(host: &str, path: &str, authfile: Option<&Path>) -> Result<Option<Credentials>> {
    for file in files(authfile) {
        let known = AuthFile::read(&file)?
            .find(host, path)
            .with_context(|| format!("reading {}", file.display()))?;
        if known.is_some() {
            return Ok(known);
        }
    }
    Ok(None)
}

/// Keeps credentials for a registry or a repository; tells where.
pub fn keep(key: &str, user: &str, password: &str, authfile: Option<&Path>) -> Result<String> {
    let path = written_file(authfile);
    if let Some(keeper) = AuthFile::read(&path)?.keeper(key)? {
        keeper.store(key, user, password)?;
        return Ok(keeper.to_string());
    }
    AuthFile::change(&path, |file| {
        file.set(key, user, password);
        Ok(path.display().to_string())
    })
}

/// Forgets what is kept of `key`; false if nothing was.
pub fn forget(key: &str, authfile: Option<&Path>) -> Result<bool> {
    let path = written_file(authfile);
    let file = AuthFile::read(&path)?;
    if let Some(keeper) = file.keeper(key)? {
        return keeper.erase(key);
    }
    if !file.knows(key) {
        return Ok(false);
    }
    AuthFile::change(&path, |file| Ok(file.remove(key)))
}

/// Forgets everything that is kept in the file, and by its helpers.
pub fn forget_all(authfile: Option<&Path>) -> Result<()> {
    for (host, helper) in AuthFile::change(&written_file(authfile), AuthFile::clear)? {
        helper.erase(&host)?;
    }
    Ok(())
}

/// The file that a login is written to.
fn written_file(authfile: Option<&Path>) -> PathBuf {
    given(authfile).unwrap_or_else(|| runtime_directory().join("auth.json"))
}

fn given(authfile: Option<&Path>) -> Option<PathBuf> {
    authfile
        .map(Path::to_owned)
        .or_else(|| env::var_os("REGISTRY_AUTH_FILE").map(PathBuf::from))
}

fn runtime_directory() -> PathBuf {
    env::var_os("XDG_RUNTIME_DIR").map_or_else(
        || format!("/run/containers/{}", nix::unistd::getuid()).into(),
        |dir| Path::new(&dir).join("containers"),
    )
}

/// In skopeo's order.
fn files(authfile: Option<&Path>) -> Vec<PathBuf> {
    if let Some(given) = given(authfile) {
        return vec![given];
    }
    let home = env::var_os("HOME").map(PathBuf::from);
    let config = env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| home.as_ref().map(|home| home.join(".config")));
    let docker = env::var_os("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| home.map(|home| home.join(".docker")));
    [
        Some(runtime_directory().join("auth.json")),
        config.map(|dir| dir.join("containers/auth.json")),
        docker.map(|dir| dir.join("config.json")),
    ]
    .into_iter()
    .flatten()
    .collect()
}
