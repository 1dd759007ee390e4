//! Who to be at a registry, and where that is kept.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::Registries;
use super::auth_file::AuthFile;
use super::credential_helper::Helper;
use super::search;
use crate::user_namespace;

/// In registries.conf's list of helpers, the place of the authentication files.
const FILES: &str = "containers-auth.json";

/// What is shown to a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    Password {
        user: String,
        password: String,
    },
    /// What a login gave in the place of a password; it is exchanged for tokens.
    IdentityToken {
        token: String,
        /// User and password, for a registry that has no tokens.
        plain: Option<(String, String)>,
    },
}

impl Credentials {
    pub fn user(&self) -> &str {
        match self {
            Self::Password { user, .. } => user,
            Self::IdentityToken { .. } => "<token>",
        }
    }

    /// User and password, where they are known.
    pub fn plain(&self) -> Option<(&str, &str)> {
        match self {
            Self::Password { user, password } => Some((user, password)),
            Self::IdentityToken { plain, .. } => plain
                .as_ref()
                .map(|(user, password)| (user.as_str(), password.as_str())),
        }
    }
}

/// Credentials for `host/path`, from the first that knows it: the keepers in registries.conf's order, and within the files' place
/// the first file.
///
/// # Errors
/// Nobody knows it, and of somebody it could not be found out: a file cannot be understood, a helper failed.
pub fn credentials(host: &str, path: &str, authfile: Option<&Path>) -> Result<Option<Credentials>> {
    let mut errors = Vec::new();
    for keeper in keepers()? {
        let known = match keeper {
            Keeper::Files => in_files(host, path, authfile),
            Keeper::Helper(helper) => helper.get(host),
        };
        match known {
            Ok(None) => {}
            Ok(known) => return Ok(known),
            Err(error) => errors.push(error),
        }
    }
    together("errors looking up credentials", errors)?;
    Ok(None)
}

fn in_files(host: &str, path: &str, authfile: Option<&Path>) -> Result<Option<Credentials>> {
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

/// Who keeps credentials (containers-registries.conf(5) "credential-helpers").
#[derive(Clone, Debug)]
enum Keeper {
    Files,
    Helper(Helper),
}

fn keepers() -> Result<Vec<Keeper>> {
    let conf = Registries::load()?;
    let named = |name: &String| match name.as_str() {
        FILES => Ok(Keeper::Files),
        name => Helper::named(name)
            .context("credential-helpers in registries.conf")
            .map(Keeper::Helper),
    };
    match conf.credential_helpers() {
        [] => Ok(vec![Keeper::Files]),
        names => names.iter().map(named).collect(),
    }
}

/// One error as it is, several in one.
fn together(what: &str, mut errors: Vec<anyhow::Error>) -> Result<()> {
    match errors.len() {
        0 => Ok(()),
        1 => Err(errors.remove(0)),
        _ => {
            let told: Vec<String> = errors.iter().map(|error| format!("{error:#}")).collect();
            bail!("{what}: {}", told.join("; "))
        }
    }
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
        // The environment's is for whoever names none.
        let file = match compat {
            Some(_) => authfile.map(Path::to_owned),
            None => given_authfile(authfile),
        };
        // Who names docker's directory means its file, which is not written to otherwise.
        let dockers = env::var_os("DOCKER_CONFIG").filter(|_| file.is_none() && compat.is_none());
        let dockers = dockers.map(|directory| Path::new(&directory).join("config.json"));
        let compat = compat.or(dockers.as_deref());
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

    /// Keeps credentials for a registry or a repository with the first keeper that takes them; tells where.
    pub fn keep(&self, key: &str, user: &str, password: &str) -> Result<String> {
        let key = &self.written_key(key)?;
        let mut errors = Vec::new();
        for keeper in self.keepers()? {
            let kept = match keeper {
                Keeper::Files => self.keep_in_file(key, user, password),
                Keeper::Helper(helper) if key.contains('/') => Err(anyhow!(
                    "namespaced key {key} is not supported for {helper}: log in to the registry itself"
                )),
                Keeper::Helper(helper) => helper
                    .store(key, user, password)
                    .map(|()| helper.to_string()),
            };
            match kept {
                Ok(place) => return Ok(place),
                Err(error) => errors.push(error),
            }
        }
        together("Errors storing credentials", errors)?;
        bail!("nobody to keep credentials")
    }

    fn keep_in_file(&self, key: &str, user: &str, password: &str) -> Result<String> {
        if let Some((helper, name)) = AuthFile::read(&self.path)?.keeper(key)? {
            helper.store(name, user, password)?;
            return Ok(helper.to_string());
        }
        AuthFile::change(&self.path, |file| {
            file.set(key, user, password);
            Ok(self.path.display().to_string())
        })
    }

    /// Forgets what is kept of `key`, wherever it is; false if nothing was.
    pub fn forget(&self, key: &str) -> Result<bool> {
        let key = &self.written_key(key)?;
        let mut was_known = false;
        let mut errors = Vec::new();
        for keeper in self.keepers()? {
            let forgotten = match keeper {
                Keeper::Files => self.forget_in_file(key),
                Keeper::Helper(_) if key.contains('/') => Ok(false),
                Keeper::Helper(helper) => helper.erase(key),
            };
            match forgotten {
                Ok(known) => was_known |= known,
                Err(error) => errors.push(error),
            }
        }
        together("errors removing credentials", errors)?;
        Ok(was_known)
    }

    fn forget_in_file(&self, key: &str) -> Result<bool> {
        let file = AuthFile::read(&self.path)?;
        let by_helper = match file.keeper(key)? {
            Some((helper, name)) => helper.erase(name)?,
            None => false,
        };
        if !file.knows(key) {
            return Ok(by_helper);
        }
        AuthFile::change(&self.path, |file| Ok(file.remove(key)))
    }

    /// Forgets everything that is kept in the file and by helpers.
    pub fn forget_all(&self) -> Result<()> {
        let mut errors = Vec::new();
        for keeper in self.keepers()? {
            let forgotten = match keeper {
                Keeper::Files => self.forget_file(),
                Keeper::Helper(helper) => helper.list().and_then(|servers| {
                    servers
                        .iter()
                        .try_for_each(|server| helper.erase(server).map(drop))
                }),
            };
            errors.extend(forgotten.err());
        }
        together("errors removing all credentials", errors)
    }

    fn forget_file(&self) -> Result<()> {
        let file = AuthFile::read(&self.path)?;
        for (host, helper) in file.helpers()? {
            helper.erase(&host)?;
        }
        if let Some(store) = file.store()? {
            for server in store.list()? {
                store.erase(&server)?;
            }
        }
        AuthFile::change(&self.path, |file| {
            file.clear();
            Ok(())
        })
    }

    /// Docker does not know of registries.conf's helpers.
    fn keepers(&self) -> Result<Vec<Keeper>> {
        match self.docker {
            true => Ok(vec![Keeper::Files]),
            false => keepers(),
        }
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

/// `--authfile`, or what the environment names in its place.
pub fn given_authfile(authfile: Option<&Path>) -> Option<PathBuf> {
    authfile
        .map(Path::to_owned)
        .or_else(|| env::var_os("REGISTRY_AUTH_FILE").map(PathBuf::from))
}

fn runtime_directory() -> PathBuf {
    env::var_os("XDG_RUNTIME_DIR").map_or_else(
        || format!("/run/containers/{}", user_namespace::person()).into(),
        |dir| Path::new(&dir).join("containers"),
    )
}

/// In skopeo's order.
fn files(authfile: Option<&Path>) -> Vec<PathBuf> {
    if let Some(given) = given_authfile(authfile) {
        return vec![given];
    }
    let home = search::home();
    let config = search::config_home();
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
