//! registries.conf: where a registry's images really are (containers-registries.conf(5)).

mod file;
mod paths;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::reference::Name;

use file::{File, Registry};

/// One place to ask for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// With domain and path rewritten to where it is.
    pub name: Name,
    pub insecure: bool,
}

/// All configured registries, and who keeps what one is to them.
#[derive(Debug, Default)]
pub struct Registries {
    all: Vec<Registry>,
    credential_helpers: Vec<String>,
}

impl Registries {
    /// `--registries-conf`: in the place of the user's and the system's.
    pub fn use_file(path: PathBuf) {
        paths::choose(path);
    }

    /// The user's registries.conf or the system's, and the `.d` directories over it.
    pub fn load() -> Result<Self> {
        let loaded = || Self::of(&paths::all()?);
        loaded().context("loading registries configuration")
    }

    fn of(paths: &[PathBuf]) -> Result<Self> {
        let mut registries = Self::default();
        for path in paths {
            let merged = fs::read_to_string(path)
                .with_context(|| format!("open {}", path.display()))
                .and_then(|text| registries.merge(&text, path));
            merged.with_context(|| {
                format!("loading registries configuration {:?}", path.display())
            })?;
        }
        Ok(registries)
    }

    /// One file alone.
    #[cfg(any(test, fuzzing))]
    pub fn parse(text: &str) -> Result<Self> {
        let mut registries = Self::default();
        registries.merge(text, Path::new("registries.conf"))?;
        Ok(registries)
    }

    /// `origin` is where the text lies.
    fn merge(&mut self, text: &str, origin: &Path) -> Result<()> {
        let mut file: File = toml::from_str(text)?;
        if let Some(helpers) = file.credential_helpers {
            self.credential_helpers = helpers;
        }
        if let Some(old) = file.registries {
            if !file.registry.is_empty() {
                bail!("mixing sysregistry v1/v2 is not supported");
            }
            file.registry = old.into_new();
        }
        for mut registry in file.registry {
            registry.check()?;
            if registry.prefix.is_empty() {
                registry.prefix.clone_from(&registry.location);
            }
            if registry.prefix.is_empty() {
                bail!("invalid condition: both location and prefix are unset");
            }
            if registry.location.is_empty() && !registry.prefix.starts_with("*.") {
                registry.location.clone_from(&registry.prefix);
            }
            registry.origin = origin.to_owned();
            self.all.retain(|earlier| earlier.prefix != registry.prefix);
            self.all.push(registry);
        }
        Ok(())
    }

    /// Where to pull `name` from: the mirrors in their order, then the registry itself.
    ///
    /// # Errors
    /// The registry is blocked.
    pub fn pull(&self, name: &Name) -> Result<Vec<Endpoint>> {
        let Some(registry) = self.find(name) else {
            return Ok(vec![Endpoint {
                name: name.clone(),
                insecure: false,
            }]);
        };
        let mut endpoints = Vec::new();
        for mirror in &registry.mirror {
            let by_digest =
                registry.mirror_by_digest_only || mirror.pull_from_mirror == "digest-only";
            let by_tag = mirror.pull_from_mirror == "tag-only";
            if (by_digest && name.digest.is_none()) || (by_tag && name.digest.is_some()) {
                continue;
            }
            endpoints.push(rewritten(
                name,
                registry,
                &mirror.location,
                mirror.insecure,
            )?);
        }
        endpoints.push(self.location(name)?);
        Ok(endpoints)
    }

    /// Where `name` is read from if not from a mirror.
    pub fn location(&self, name: &Name) -> Result<Endpoint> {
        let registry = self.allowed(name)?;
        match registry {
            Some(registry) => rewritten(name, registry, &registry.location, registry.insecure),
            None => self.push(name),
        }
    }

    /// Where `name` is written to: in the registry that it names. Other locations are for reading.
    pub fn push(&self, name: &Name) -> Result<Endpoint> {
        let registry = self.allowed(name)?;
        Ok(Endpoint {
            name: name.clone(),
            insecure: registry.is_some_and(|registry| registry.insecure),
        })
    }

    fn allowed(&self, name: &Name) -> Result<Option<&Registry>> {
        match self.find(name) {
            Some(registry) if registry.blocked => bail!(
                "registry {} is blocked in {}",
                registry.prefix,
                registry.origin.display()
            ),
            registry => Ok(registry),
        }
    }

    /// Who is asked for credentials, in this order; empty where nothing is said. See [`super::auth`].
    pub fn credential_helpers(&self) -> &[String] {
        &self.credential_helpers
    }

    /// The registry with the longest prefix of `name`.
    fn find(&self, name: &Name) -> Option<&Registry> {
        self.all
            .iter()
            .filter(|registry| matched(name, &registry.prefix).is_some())
            .max_by_key(|registry| registry.prefix.len())
    }
}

/// The part of the name that `prefix` stands for; the boundary is a whole component.
fn matched<'a>(name: &Name, prefix: &'a str) -> Option<&'a str> {
    let repository = name.repository();
    match prefix.strip_prefix('*') {
        Some(suffix) => {
            (suffix.starts_with('.') && name.domain.ends_with(suffix)).then_some(prefix)
        }
        None => {
            let rest = repository.strip_prefix(prefix)?;
            (rest.is_empty() || rest.starts_with('/')).then_some(prefix)
        }
    }
}

fn rewritten(name: &Name, registry: &Registry, location: &str, insecure: bool) -> Result<Endpoint> {
    let repository = name.repository();
    let rest = match registry.prefix.starts_with('*') {
        true => repository
            .strip_prefix(name.domain.as_str())
            .unwrap_or_default(),
        false => repository
            .strip_prefix(registry.prefix.as_str())
            .unwrap_or_default(),
    };
    if location.is_empty() {
        return Ok(Endpoint {
            name: name.clone(),
            insecure,
        });
    }
    let mut target: Name = format!("{location}{rest}")
        .parse()
        .with_context(|| format!("registries.conf rewrites {repository} to {location}{rest}"))?;
    target.tag.clone_from(&name.tag);
    target.digest.clone_from(&name.digest);
    Ok(Endpoint {
        name: target,
        insecure,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn registries(text: &str) -> Registries {
        Registries::parse(text).unwrap()
    }

    #[test]
    fn mirrors_come_first_and_blocked_is_blocked() {
        let conf = registries(
            r#"
            [[registry]]
            location = "docker.io"
            [[registry.mirror]]
            location = "mirror.local:5000/hub"
            insecure = true
            [[registry]]
            prefix = "*.bad.com"
            blocked = true
            [[registry]]
            prefix = "a.io/x"
            location = "b.io/y"
            "#,
        );
        let pulled = conf.pull(&"alpine:3".parse().unwrap()).unwrap();
        assert_eq!(
            pulled[0].name.to_string(),
            "mirror.local:5000/hub/library/alpine:3"
        );
        assert!(pulled[0].insecure && !pulled[1].insecure);
        assert!(conf.pull(&"x.bad.com/a".parse().unwrap()).is_err());
        assert_eq!(
            conf.location(&"a.io/x/z".parse().unwrap())
                .unwrap()
                .name
                .repository(),
            "b.io/y/z"
        );
        assert_eq!(
            conf.push(&"a.io/x/z".parse().unwrap())
                .unwrap()
                .name
                .repository(),
            "a.io/x/z"
        );
        assert_eq!(
            conf.location(&"a.io/xx/z".parse().unwrap())
                .unwrap()
                .name
                .repository(),
            "a.io/xx/z"
        );
    }

    #[test]
    fn mirrors_by_digest_or_by_tag() {
        let conf = registries(
            r#"
            [[registry]]
            location = "a.io"
            [[registry.mirror]]
            location = "digests.io"
            pull-from-mirror = "digest-only"
            [[registry.mirror]]
            location = "tags.io"
            pull-from-mirror = "tag-only"
            [[registry]]
            location = "b.io"
            mirror-by-digest-only = true
            [[registry.mirror]]
            location = "m.io"
            [[registry]]
            prefix = "*.c.io"
            location = "d.io/c"
            "#,
        );
        let first = |text: &str| {
            let pulled = conf.pull(&text.parse().unwrap()).unwrap();
            pulled[0].name.domain.clone()
        };
        let digest = format!("@sha256:{}", "0".repeat(64));
        assert_eq!(first("a.io/x:1"), "tags.io");
        assert_eq!(first(&format!("a.io/x{digest}")), "digests.io");
        assert_eq!(first("b.io/x:1"), "b.io");
        assert_eq!(first(&format!("b.io/x{digest}")), "m.io");
        let wild = conf.pull(&"r.c.io/x:1".parse().unwrap()).unwrap();
        assert_eq!(wild[0].name.to_string(), "d.io/c/x:1");
        assert_eq!(first("c.io/x:1"), "c.io");
    }

    #[test]
    fn the_old_form_is_read_alone() {
        let old = "[registries.search]\nregistries = ['docker.io']\n[registries.insecure]\nregistries = ['a.io']\n\
                   [registries.block]\nregistries = ['b.io']\n";
        let conf = registries(old);
        assert!(conf.push(&"a.io/x".parse().unwrap()).unwrap().insecure);
        assert!(conf.push(&"b.io/x".parse().unwrap()).is_err());
        let mixed = format!("{old}[[registry]]\nlocation = 'c.io'\n");
        assert!(Registries::parse(&mixed).is_err());
        for bad in [
            "[[registry]]\nlocation = 'a'\n[[registry.mirror]]\nlocation = 'm'\npull-from-mirror = 'never'\n",
            "[[registry]]\nlocation = 'a'\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = 'm'\npull-from-mirror = 'all'\n",
            "[[registry]]\nlocation = 'a'\n[[registry.mirror]]\nlocation = ''\n",
        ] {
            assert!(Registries::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_last_list_of_helpers_counts() {
        let mut conf = registries("credential-helpers = ['pass', 'containers-auth.json']");
        let file = Path::new("x.conf");
        conf.merge("unqualified-search-registries = []", file)
            .unwrap();
        assert_eq!(conf.credential_helpers(), ["pass", "containers-auth.json"]);
        conf.merge("credential-helpers = []", file).unwrap();
        assert!(conf.credential_helpers().is_empty());
        assert!(Registries::parse("credential-helpers = 'pass'").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,120}") {
            let _ = Registries::default().merge(&text, Path::new("x.conf"));
        }
    }
}
