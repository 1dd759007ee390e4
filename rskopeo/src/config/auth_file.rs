//! One auth.json or config.json (containers-auth.json(5)).

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Credentials;
use super::credential_helper::Helper;
use crate::atomic;
use crate::go_json::{self, null_as_default};

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthFile {
    /// By registry, or repository, or a part of its path.
    #[serde(default, deserialize_with = "null_as_default")]
    auths: BTreeMap<String, Entry>,
    /// By registry.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    cred_helpers: BTreeMap<String, String>,
    /// Docker's, for all registries without a helper of their own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    creds_store: String,
    /// What is not read here is kept.
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct Entry {
    /// Base64 of `user:password`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    auth: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    identitytoken: String,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

impl AuthFile {
    /// A file that is not there, or is empty, knows nobody.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("open {}", path.display())),
        };
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let parsed = match path.file_name().is_some_and(|name| name == ".dockercfg") {
            // Docker's first format: the entries and nothing around them.
            true => serde_json::from_slice(&bytes).map(|auths| Self {
                auths,
                ..Self::default()
            }),
            false => serde_json::from_slice(&bytes),
        };
        parsed.with_context(|| format!("parsing {}", path.display()))
    }

    /// Reads, changes and replaces a file, alone among all who do it through here.
    pub fn change<T>(path: &Path, change: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let path = real(path);
        if fs::metadata(&path).is_ok_and(|meta| !meta.is_file()) {
            bail!("{} is not a regular file", path.display());
        }
        let directory = atomic::directory_of(&path);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(|| format!("creating {}", directory.display()))?;
        let lock =
            File::open(directory).with_context(|| format!("open {}", directory.display()))?;
        lock.lock()
            .with_context(|| format!("locking {}", directory.display()))?;
        let mut file = Self::read(&path)?;
        let done = change(&mut file)?;
        atomic::write_private(&path, go_json::tabbed(&file)?.as_bytes())?;
        Ok(done)
    }

    /// Who to be for `host/path`: the host's helper, else the entry with the longest key, else Docker's store.
    pub fn find(&self, host: &str, path: &str) -> Result<Option<Credentials>> {
        if let Some(helper) = self.cred_helpers.get(host) {
            return Helper::named(helper)?.get(host);
        }
        if let Some(found) = self.entry(host, path) {
            let found = found.decode()?;
            if found.is_some() {
                return Ok(found);
            }
        }
        match self.store()? {
            Some(store) => store.get(server(host)),
            None => Ok(None),
        }
    }

    fn entry(&self, host: &str, path: &str) -> Option<&Entry> {
        let full = format!("{host}/{path}");
        let mut key = full.trim_end_matches('/');
        loop {
            if let Some(entry) = self.auths.get(key) {
                return Some(entry);
            }
            match key.rfind('/') {
                Some(slash) => key = &key[..slash],
                None => break,
            }
        }
        let legacy = self
            .auths
            .iter()
            .find(|(key, _)| legacy_host(key) == Some(host));
        legacy.map(|(_, entry)| entry)
    }

    /// Who keeps all that is not kept here, if somebody does.
    pub fn store(&self) -> Result<Option<Helper>> {
        match self.creds_store.as_str() {
            "" => Ok(None),
            store => Helper::named(store).map(Some),
        }
    }

    /// The helper that keeps what is known of `key`, if it is not kept here, and its name for it. Helpers know whole registries only.
    pub fn keeper<'a>(&self, key: &'a str) -> Result<Option<(Helper, &'a str)>> {
        if key.contains('/') && !key.starts_with("https://") {
            return Ok(None);
        }
        match self.cred_helpers.get(key) {
            Some(helper) => Ok(Some((Helper::named(helper)?, key))),
            None => Ok(self.store()?.map(|store| (store, server(key)))),
        }
    }

    pub fn set(&mut self, key: &str, user: &str, password: &str) {
        let entry = Entry {
            auth: STANDARD.encode(format!("{user}:{password}")),
            ..Entry::default()
        };
        self.auths.insert(key.to_owned(), entry);
    }

    pub fn knows(&self, key: &str) -> bool {
        self.auths.keys().any(|given| is_same(given, key))
    }

    /// False if nothing was known of `key`.
    pub fn remove(&mut self, key: &str) -> bool {
        let before = self.auths.len();
        self.auths.retain(|given, _| !is_same(given, key));
        self.auths.len() < before
    }

    /// Whom to ask for more, each about one registry.
    pub fn helpers(&self) -> Result<Vec<(String, Helper)>> {
        self.cred_helpers
            .iter()
            .map(|(host, helper)| Ok((host.clone(), Helper::named(helper)?)))
            .collect()
    }

    /// Forgets everybody.
    pub fn clear(&mut self) {
        self.auths.clear();
        self.cred_helpers.clear();
    }
}

impl Entry {
    fn decode(&self) -> Result<Option<Credentials>> {
        if !self.identitytoken.is_empty() {
            return Ok(Some(Credentials::IdentityToken {
                token: self.identitytoken.clone(),
                plain: self.plain().ok(),
            }));
        }
        if self.auth.is_empty() {
            return Ok(None);
        }
        let (user, password) = self.plain()?;
        Ok(Some(Credentials::Password { user, password }))
    }

    fn plain(&self) -> Result<(String, String)> {
        let bytes = STANDARD
            .decode(&self.auth)
            .context("an auth entry is not base64")?;
        let text = String::from_utf8(bytes).context("an auth entry is not text")?;
        let (user, password) = text
            .split_once(':')
            .context("an auth entry is not USER:PASSWORD")?;
        let password = password.trim_end_matches('\0');
        Ok((user.to_owned(), password.to_owned()))
    }
}

fn is_same(given: &str, key: &str) -> bool {
    given == key || legacy_host(given) == Some(key)
}

/// Where a file really is, if it is a symbolic link; a rename would replace the link.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The name by which Docker's store knows a registry.
fn server(host: &str) -> &str {
    match host {
        "docker.io" => "https://index.docker.io/v1/",
        host => host,
    }
}

/// The host in a key of old Docker's, which were URLs: `https://index.docker.io/v1/`.
fn legacy_host(key: &str) -> Option<&str> {
    let rest = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"));
    let host = match rest {
        Some(rest) => rest.split('/').next().unwrap_or_default(),
        None => key,
    };
    match host {
        "index.docker.io" => Some("docker.io"),
        host => rest.map(|_| host),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_longest_key_wins() {
        let file: AuthFile = serde_json::from_str(
            r#"{"auths":{"r.io":{"auth":"YTpi"},"r.io/team":{"auth":"Yzpk"},"https://index.docker.io/v1/":{"auth":"ZTpm"},
                "t.io":{"identitytoken":"x"}}}"#,
        )
        .unwrap();
        let found = |host, path| file.find(host, path).unwrap();
        let user = |host, path| found(host, path).map(|known| known.user().to_owned());
        assert_eq!(user("r.io", "x").as_deref(), Some("a"));
        assert_eq!(user("r.io", "team/x").as_deref(), Some("c"));
        assert_eq!(user("docker.io", "library/x").as_deref(), Some("e"));
        assert_eq!(user("other", "x"), None);
        assert!(
            matches!(found("t.io", "x"), Some(Credentials::IdentityToken { token, plain: None }) if token == "x")
        );
    }

    #[test]
    fn a_change_keeps_the_rest_and_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/auth.json");
        AuthFile::change(&path, |file| {
            file.set("r.io", "a", "b");
            Ok(())
        })
        .unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(
            &path,
            r#"{"auths":{"r.io":{"auth":"YTpi","email":"e"},"s.io":{}},"HttpHeaders":{"a":"b"}}"#,
        )
        .unwrap();
        assert!(AuthFile::change(&path, |file| Ok(file.remove("s.io"))).unwrap());
        let kept: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let expected: Value = serde_json::from_str(
            r#"{"auths":{"r.io":{"auth":"YTpi","email":"e"}},"HttpHeaders":{"a":"b"}}"#,
        )
        .unwrap();
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_missing_helper_is_an_error() {
        let file: AuthFile =
            serde_json::from_str(r#"{"credHelpers":{"r.io":"rskopeo-has-none"}}"#).unwrap();
        let told = format!("{:#}", file.find("r.io", "x").unwrap_err());
        assert!(
            told.contains("docker-credential-rskopeo-has-none"),
            "{told}"
        );
        assert!(Helper::named("../x").is_err());
    }
}
