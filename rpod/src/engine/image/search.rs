//! Which images registries have: podman-search(1).

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::transfer::tags_of_repository;
use super::{Access, Name, search_registries};
use crate::engine::copier::{output_of, rskopeo};

/// What is looked for, and where.
#[derive(Clone, Debug)]
pub struct Search {
    pub term: String,
    /// The only registry; else those that short names are looked for in.
    pub registry: Option<String>,
    /// Most results of each registry.
    pub limit: usize,
    pub access: Access,
}

/// A repository of a registry.
#[derive(Debug)]
pub struct Found {
    pub registry: String,
    /// The whole name.
    pub name: String,
    pub description: String,
    pub stars: u64,
    pub official: bool,
    pub automated: bool,
}

impl Search {
    /// Everything before the first slash is a registry.
    pub fn new(text: &str, limit: usize, access: Access) -> Search {
        let (registry, term) = match text.split_once('/') {
            Some((registry, term)) => (Some(registry.to_owned()), term),
            None => (None, text),
        };
        Search {
            term: term.to_owned(),
            registry,
            limit,
            access,
        }
    }

    /// What one registry finds makes up for another that does not answer.
    pub fn run(&self) -> Result<Vec<Found>> {
        let registries = match &self.registry {
            Some(registry) => vec![registry.clone()],
            None => search_registries()?,
        };
        if registries.is_empty() {
            bail!(
                "no unqualified-search registries are defined in registries.conf: name the registry, as docker.io/{}",
                self.term
            );
        }
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for registry in &registries {
            match self.ask(registry) {
                Ok(more) => found.extend(more),
                Err(error) => failures.push(format!("{error:#}")),
            }
        }
        if found.is_empty() && !failures.is_empty() {
            bail!("{}", failures.join("; "));
        }
        Ok(found)
    }

    fn ask(&self, registry: &str) -> Result<Vec<Found>> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Told {
            name: String,
            description: String,
            star_count: u64,
            is_official: bool,
            is_automated: bool,
        }
        let mut command = rskopeo()?;
        command
            .args(["search", "--limit"])
            .arg(self.limit.to_string())
            .args(self.access.plain_options())
            .args([registry, &self.term]);
        let told: Vec<Told> = serde_json::from_slice(&output_of(command)?)
            .with_context(|| format!("reading what {registry} has found"))?;
        let found = told.into_iter().take(self.limit).map(|one| Found {
            registry: registry.to_owned(),
            name: match registry {
                "docker.io" if !one.name.contains('/') => format!("docker.io/library/{}", one.name),
                registry => format!("{registry}/{}", one.name),
            },
            description: one.description,
            stars: one.star_count,
            official: one.is_official,
            automated: one.is_automated,
        });
        Ok(found.collect())
    }

    /// The repository that is named, whatever tag is named with it, and its tags.
    pub fn tags(&self) -> Result<(String, Vec<String>)> {
        let Some(registry) = &self.registry else {
            bail!("reference {:?} must be a docker reference", self.term);
        };
        let asking = "getting repository tags";
        let name = Name::parse(&format!("{registry}/{}", self.term)).context(asking)?;
        let (repository, mut tags) = tags_of_repository(&name, &self.access).context(asking)?;
        tags.truncate(self.limit);
        Ok((repository, tags))
    }
}
