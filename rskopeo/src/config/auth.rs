//! Who to be at a registry, and where that is kept.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

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

/// The file that `login` and `logout` read and write.
#[derive(Clone, Debug)]
pub struct Place {
    path: PathBuf,
    given: bool,
    /// As Docker writes it: registries only, and its own under the name of an URL.
    docker: bool,
}

impl Place {
    /// `--authfile` or `--compat-auth-file`, else the user's own file.
    ///
    /// # Errors
    /// Both are given.
    pub fn new(authfile: Option<&Path>, compat: Option<&Path>) -> Result<Self> {
        let file = given(authfile);
        if file.is_some() && compat.is_some() {
            bail!(
                "options for paths to the credential file and to the Docker-compatible credential file can not be set simultaneously"
            );
        }
        Ok(Self {
            given: file.is_some() || compat.is_some(),
            docker: compat.is_some(),
            path: compat
                .map(Path::to_owned)
                .or(file)
                .unwrap_or_else(|| runtime_directory().join("auth.json")),
        })
    }

    /// What is known of `key`: from this file if it was given, else from any.
    pub fn known(&self, key: &str) -> Result<Option<Credentials>> {
        let (host, path) = key.split_once('/').unwrap_or((key, ""));
        credentials(host, path, self.given.then_some(&self.path))
    }

    /// Keeps credentials for a registry or a repository; tells where.
    pub fn keep(&self, key: &str, user: &str, password: &str) -> Result<String> {
        let key = &self.written_key(key)?;
        if let Some(keeper) = AuthFile::read(&self.path)?.keeper(key)? {
            keeper.store(key, user, password)?;
            return Ok(keeper.to_string());
        }
        AuthFile::change(&self.path, |file| {
            file.set(key, user, password);
            Ok(self.path.display().to_string())
        })
    }

    /// Forgets what is kept of `key`; false if nothing was.
    pub fn forget(&self, key: &str) -> Result<bool> {
        let key = &self.written_key(key)?;
        let file = AuthFile::read(&self.path)?;
        if let Some(keeper) = file.keeper(key)? {
            return keeper.erase(key);
        }
        if !file.knows(key) {
            return Ok(false);
        }
        AuthFile::change(&self.path, |file| Ok(file.remove(key)))
    }

    /// Forgets everything that is kept in the file, and by its helpers.
    pub fn forget_all(&self) -> Result<()> {
        for (host, helper) in AuthFile::change(&self.path, AuthFile::clear)? {
            helper.erase(&host)?;
        }
        Ok(())
    }

    fn written_key(&self, key: &str) -> Result<String> {
        match (self.docker, key) {
            (true, "docker.io") => Ok("https://index.docker.io/v1/".to_owned()),
            (true, key) if key.contains('/') => bail!(
                "Credentials cannot be recorded in Docker-compatible format with namespaced key {key:?}"
            ),
            _ => Ok(key.to_owned()),
        }
    }
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
        .or_else(|| home.as_ref().map(|home| home.join(".docker")));
    [
        Some(runtime_directory().join("auth.json")),
        config.map(|dir| dir.join("containers/auth.json")),
        docker.map(|dir| dir.join("config.json")),
        home.map(|home| home.join(".dockercfg")),
    ]
    .into_iter()
    .flatten()
    .collect()
}
