//! policy.json: which images may be copied (containers-policy.json(5)). Read strictly: what is not understood refuses the file.

mod identity;
mod keys;
mod requirement;
mod scope;
mod sigstore;

use std::collections::HashMap;
use std::env;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::search;
use crate::cli::Global;
use crate::reference::Reference;

pub use identity::IdentityMatch;
pub use requirement::{Requirement, SignedBy};
pub use scope::name_scopes;
pub use sigstore::SigstoreSigned;

/// A trust policy; without a file (`--insecure-policy`) everything is accepted.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    default: Vec<Requirement>,
    #[serde(default)]
    transports: Unique<Unique<Vec<Requirement>>>,
}

impl Policy {
    /// Reads `--policy`, else the user's or the system's file.
    pub fn load(global: &Global) -> Result<Self> {
        if global.insecure_policy {
            return Ok(Self::anything());
        }
        let read = || -> Result<Self> {
            let path = match &global.policy {
                Some(given) => given.clone(),
                None => default_path()?,
            };
            let bytes = fs::read(&path).with_context(|| format!("open {}", path.display()))?;
            Self::parse(&bytes).with_context(|| format!("invalid policy in {:?}", path.display()))
        };
        read().context("Error loading trust policy")
    }

    /// Accepts every image.
    pub fn anything() -> Self {
        Self {
            default: vec![Requirement::InsecureAcceptAnything {}],
            transports: Unique(HashMap::new()),
        }
    }

    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let policy: Self = serde_json::from_slice(bytes)?;
        let scopes = policy.transports.0.values().flat_map(|all| all.0.values());
        for requirements in scopes.chain([&policy.default]) {
            if requirements.is_empty() {
                bail!("List of verification policy requirements must not be empty");
            }
            for requirement in requirements {
                requirement.check()?;
            }
        }
        for (transport, scopes) in &policy.transports.0 {
            if ["dir", "oci", "oci-archive"].contains(&transport.as_str())
                && let Some(scope) = scopes.0.keys().find(|scope| !is_path_scope(scope))
            {
                bail!(
                    "Invalid scope {scope} for {transport}: must be an absolute path without .., and not /"
                );
            }
        }
        Ok(policy)
    }

    /// What is asked of an image: all of it has to hold.
    pub fn requirements(&self, image: &Reference) -> &[Requirement] {
        let Some(Unique(sections)) = self.transports.0.get(image.transport()) else {
            return &self.default;
        };
        scope::scopes(image)
            .iter()
            .find_map(|scope| sections.get(scope))
            .or_else(|| sections.get(""))
            .unwrap_or(&self.default)
    }
}

fn is_path_scope(scope: &str) -> bool {
    scope.is_empty()
        || (scope.starts_with('/')
            && scope != "/"
            && !scope.ends_with('/')
            && scope[1..]
                .split('/')
                .all(|part| !["", ".", ".."].contains(&part)))
}

/// A map whose keys occur once each; JSON would take the last one.
#[derive(Clone, Debug)]
struct Unique<T>(HashMap<String, T>);

impl<T> Default for Unique<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Unique<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Unique<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique<T>, A::Error> {
                let mut all = HashMap::new();
                while let Some((key, value)) = map.next_entry::<String, T>()? {
                    if all.insert(key.clone(), value).is_some() {
                        return Err(A::Error::custom(format!("Duplicate key {key:?}")));
                    }
                }
                Ok(Unique(all))
            }
        }
        deserializer.deserialize_map(Entries(std::marker::PhantomData))
    }
}

fn default_path() -> Result<PathBuf> {
    let given = env::var_os("CONTAINERS_POLICY_JSON").filter(|path| !path.is_empty());
    let found = given
        .map(PathBuf::from)
        .or_else(|| search::main_file("policy.json"));
    found.context("open /etc/containers/policy.json: no such file or directory: nothing says which images are trusted (--insecure-policy trusts all)")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn refused(text: &str) -> String {
        Policy::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn the_most_exact_scope_decides() {
        let policy = Policy::parse(
            br#"{"default":[{"type":"reject"}],"transports":{"docker":{
                "docker.io/library":[{"type":"insecureAcceptAnything"}],
                "docker.io/library/bad":[{"type":"reject"}],
                "*.example.com":[{"type":"insecureAcceptAnything"}]}}}"#,
        )
        .unwrap();
        let accepts = |text: &str| {
            let requirements = policy.requirements(&text.parse().unwrap());
            matches!(requirements, [Requirement::InsecureAcceptAnything {}])
        };
        assert!(accepts("docker://alpine"));
        assert!(!accepts("docker://bad:v1"));
        assert!(accepts("docker://r.example.com:5000/x"));
        assert!(!accepts("docker://quay.io/x"));
        assert!(!accepts("dir:/x"));
    }

    #[test]
    fn nothing_is_passed_over() {
        assert!(refused(r#"{"default":[]}"#).contains("must not be empty"));
        assert!(refused(r#"{"default":[{"type":"x"}]}"#).contains("unknown variant"));
        assert!(refused(r#"{"transports":{}}"#).contains("missing field `default`"));
        assert!(refused(r#"{"default":[{"type":"reject","x":1}]}"#).contains("unknown field"));
        assert!(refused(r#"{"default":[{"type":"reject"}],"x":1}"#).contains("unknown field `x`"));
        let twice = r#"{"default":[{"type":"reject"}],"transports":{"docker":{},"docker":{}}}"#;
        assert!(refused(twice).contains("Duplicate key"));
        for scope in ["/", "x", "/a/../b", "/a/"] {
            let text = format!(
                r#"{{"default":[{{"type":"reject"}}],"transports":{{"dir":{{"{scope}":[{{"type":"reject"}}]}}}}}}"#
            );
            assert!(refused(&text).contains("Invalid scope"), "{scope}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,120}") {
            let _ = Policy::parse(text.as_bytes());
            let _ = Policy::parse(format!(r#"{{"default":[{{"type":"signedBy",{text}}}]}}"#).as_bytes());
        }
    }
}
