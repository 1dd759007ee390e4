//! Reading an image of a repository.

use std::io::Read;
use std::sync::Arc;

use anyhow::{Error, Result, bail};

use super::{connect, fetch_manifest, tags};
use crate::config::{Endpoint, Registries};
use crate::digest::Digest;
use crate::manifest::{Descriptor, RawManifest};
use crate::reference::Name;
use crate::registry::{Client, KeptDownload, Method, Scope, UntilDone};
use crate::signature::{Signature, SignatureStore};
use crate::transport::{Access, Source};

pub struct DockerSource {
    client: Arc<Client>,
    name: Name,
    /// Fetched when opened, which finds out which mirror has it.
    top: RawManifest,
    signatures: SignatureStore,
    /// Not a mirror's, of which nobody asked.
    is_the_one_named: bool,
    until_done: Arc<UntilDone>,
}

impl DockerSource {
    /// Finds the image at the first endpoint that has it.
    pub fn open(name: &Name, access: &Access) -> Result<Self> {
        let mut failures = Vec::new();
        for endpoint in Registries::load()?.pull(name)? {
            match Self::at(name, &endpoint, access) {
                Ok(source) => return Ok(source),
                Err(error) => failures.push((endpoint.name, error)),
            }
        }
        let Some((itself, error)) = failures.pop() else {
            bail!("no place to pull {name} from");
        };
        if failures.is_empty() {
            return Err(error);
        }
        let told = |(mirror, error): &(Name, Error)| format!("[{mirror}: {error:#}]");
        let mirrors: Vec<String> = failures.iter().map(told).collect();
        Err(error.context(format!(
            "(Mirrors also failed: {}): {itself}",
            mirrors.join("\n")
        )))
    }

    fn at(asked: &Name, endpoint: &Endpoint, access: &Access) -> Result<Self> {
        let client = connect(endpoint, access, Scope::Pull)?;
        let name = endpoint.name.clone();
        let wanted = match (&name.digest, &name.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, tag) => tag.clone().unwrap_or_else(|| "latest".to_owned()),
        };
        let top = fetch_manifest(&client, &name, &wanted)?;
        if let Some(digest) = &name.digest {
            top.verify(digest)?;
        }
        // By the name that was asked for, wherever a mirror really is.
        let signatures = SignatureStore::of(asked, access);
        Ok(Self {
            is_the_one_named: name.repository() == asked.repository(),
            client,
            name,
            top,
            signatures,
            until_done: Arc::default(),
        })
    }
}

impl Source for DockerSource {
    fn manifest(&self, instance: Option<&Digest>) -> Result<RawManifest> {
        match instance {
            Some(digest) => fetch_manifest(&self.client, &self.name, digest.as_str()),
            None => Ok(self.top.clone()),
        }
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send>> {
        if !descriptor.urls.is_empty() {
            return foreign(&self.client, &descriptor.urls);
        }
        let download = KeptDownload::begin(&self.client, descriptor, &self.until_done)?;
        Ok(Box::new(download))
    }

    fn keep_until_done(&self, layer: &Descriptor) {
        self.until_done.expect(layer.size);
    }

    fn came(&self, layer: &Descriptor) {
        self.until_done.came(&layer.digest);
    }

    fn done(&self) {
        self.until_done.done();
    }

    fn remember(&self, layer: &Descriptor) {
        // One from elsewhere says nothing of the repository.
        if layer.urls.is_empty() {
            self.client.keep_in_mind(&layer.digest);
        }
    }

    fn tags(&self) -> Option<Result<Vec<String>>> {
        self.is_the_one_named
            .then(|| tags::all(&self.client, &self.name.domain))
    }

    fn signatures(&self, instance: Option<&Digest>) -> Result<Vec<Signature>> {
        let manifest = instance.cloned().unwrap_or_else(|| self.top.digest());
        self.signatures.read(&self.client, &manifest)
    }
}

/// A layer that is to be had elsewhere, from the first place that has it. Nobody there gets to see credentials.
fn foreign(client: &Client, urls: &[String]) -> Result<Box<dyn Read + Send>> {
    let mut errors = Vec::new();
    for url in urls {
        let web = url.starts_with("https://") || url.starts_with("http://");
        let asked = match web {
            true => client.send(&Method::GET, url, &[]),
            false => Err(anyhow::anyhow!("{url} is not of http or https")),
        };
        match asked {
            Ok(response) if response.status() == 200 => {
                return Ok(Box::new(response.into_body().into_reader()));
            }
            Ok(response) => errors.push(format!("{url} answered {}", response.status())),
            Err(error) => errors.push(format!("{error:#}")),
        }
    }
    bail!("fetching a foreign layer: {}", errors.join("; "))
}
