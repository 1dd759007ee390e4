//! `docker://name`, a repository in a registry.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{Access, BlobStream, Destination, LayerForm, Place, Role, Source, Written};
use crate::config::{self, Endpoint, Registries};
use crate::digest::Digest;
use crate::manifest::{
    DOCKER_LIST, DOCKER_MANIFEST, DOCKER_SCHEMA1, Descriptor, OCI_INDEX, OCI_MANIFEST, RawManifest,
};
use crate::reference::{Name, Reference};
use crate::registry::{Client, KeptDownload, Method, Scope, document, refused};
use crate::signature::{Signature, SignatureStore};

const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v1+prettyjws, application/vnd.docker.distribution.manifest.v1+json";

pub struct DockerSource {
    client: Arc<Client>,
    name: Name,
    /// Fetched when opened, which finds out which mirror has it.
    top: RawManifest,
    signatures: SignatureStore,
    /// Not a mirror's, of which nobody asked.
    is_the_one_named: bool,
}

impl DockerSource {
    /// Finds the image at the first endpoint that has it.
    pub fn open(name: &Name, access: &Access) -> Result<Self> {
        let mut errors = Vec::new();
        for endpoint in Registries::load()?.pull(name)? {
            match Self::at(name, &endpoint, access) {
                Ok(source) => return Ok(source),
                Err(error) => errors.push(error),
            }
        }
        match errors.pop() {
            Some(last) if errors.is_empty() => Err(last),
            Some(last) => {
                let mirrors: Vec<String> =
                    errors.iter().map(|error| format!("{error:#}")).collect();
                Err(last.context(format!("(Mirrors also failed: {})", mirrors.join("; "))))
            }
            None => bail!("no place to pull {name} from"),
        }
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
            client: Arc::new(client),
            name,
            top,
            signatures,
        })
    }
}

fn connect(endpoint: &Endpoint, access: &Access, scope: Scope) -> Result<Client> {
    let Endpoint { name, insecure } = endpoint;
    let insecure = access.tls_verify.map_or(*insecure, |verify| !verify);
    let credentials = match &access.credentials {
        Some(credentials) => Some(credentials.clone()),
        None if access.anonymous || access.registry_token.is_some() => None,
        None => config::credentials(&name.domain, &name.path, access.authfile.as_deref())?,
    };
    Client::connect(
        &name.domain,
        &name.path,
        scope,
        insecure,
        credentials,
        access,
    )
}

fn fetch_manifest(client: &Client, name: &Name, wanted: &str) -> Result<RawManifest> {
    let url = client.url(&format!("manifests/{wanted}"));
    let response = client
        .send(&Method::GET, &url, &[("Accept", ACCEPT)])
        .with_context(|| format!("pinging container registry {}", name.domain))?;
    let what = || format!("reading manifest {wanted} in {}", name.repository());
    if response.status() != 200 {
        return Err(refused(&what(), response));
    }
    let told = response
        .headers()
        .get("Content-Type")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let bytes = document(response).with_context(what)?;
    RawManifest::guess(bytes, told.as_deref()).with_context(what)
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
        Ok(Box::new(KeptDownload::begin(&self.client, descriptor)?))
    }

    fn tags(&self) -> Option<Result<Vec<String>>> {
        self.is_the_one_named
            .then(|| tags(&self.client, &self.name.domain))
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

pub struct DockerDestination {
    client: Client,
    name: Name,
    /// Another repository of the same registry, which has the blobs.
    mount_from: Option<String>,
    signatures: SignatureStore,
}

impl DockerDestination {
    /// `from` is where the image comes from, if that is known.
    pub fn open(name: &Name, access: &Access, from: Option<&Reference>) -> Result<Self> {
        let endpoint = Registries::load()?.push(name)?;
        let mount_from = match from {
            Some(Reference::Docker(from)) if from.domain == name.domain => Some(from.path.clone()),
            _ => None,
        };
        let client = connect(&endpoint, access, Scope::PullAndPush)?;
        Ok(Self {
            client,
            name: endpoint.name,
            mount_from,
            signatures: SignatureStore::of(name, access),
        })
    }

    /// Begins an upload; gives the place to send the bytes to. It is here that a challenge is answered.
    fn begin_upload(&self) -> Result<String> {
        let url = self.client.url("blobs/uploads/");
        let response = self
            .client
            .send_bytes(&Method::POST, &url, "application/octet-stream", &[])
            .with_context(|| format!("pinging container registry {}", self.name.domain))?;
        if response.status() != 202 {
            return Err(refused(
                &format!(
                    "initiating layer upload to {} in {}",
                    self.name.path, self.name.domain
                ),
                response,
            ));
        }
        location(&response)
    }

    fn put_manifest_as(&self, manifest: &RawManifest, tag: &str) -> Result<()> {
        let url = self.client.url(&format!("manifests/{tag}"));
        let response =
            self.client
                .send_bytes(&Method::PUT, &url, &manifest.media_type, &manifest.bytes)?;
        match response.status().is_success() {
            true => Ok(()),
            false => Err(refused(
                &format!("uploading manifest {tag} to {}", self.name.repository()),
                response,
            )),
        }
    }
}

fn location(response: &ureq::http::Response<ureq::Body>) -> Result<String> {
    let location = response
        .headers()
        .get("Location")
        .and_then(|value| value.to_str().ok());
    location
        .map(str::to_owned)
        .context("registry did not say where to upload to (no Location header)")
}

fn with_digest(location: &str, digest: &Digest) -> String {
    let separator = if location.contains('?') { '&' } else { '?' };
    format!("{location}{separator}digest={digest}")
}

impl Destination for DockerDestination {
    fn manifest_types(&self) -> &[&str] {
        &[
            OCI_MANIFEST,
            DOCKER_MANIFEST,
            OCI_INDEX,
            DOCKER_LIST,
            DOCKER_SCHEMA1[1],
            DOCKER_SCHEMA1[0],
        ]
    }

    fn name(&self) -> Option<&Name> {
        Some(&self.name)
    }

    fn takes_indexes(&self) -> bool {
        true
    }

    fn takes_foreign_layers(&self) -> bool {
        true
    }

    fn layer_form(&self) -> LayerForm {
        LayerForm::Compressed
    }

    fn has_image(&self, manifest: &RawManifest) -> Result<bool> {
        let wanted = match (&self.name.digest, &self.name.tag) {
            (Some(digest), _) => digest.as_str(),
            (None, tag) => tag.as_deref().unwrap_or("latest"),
        };
        let url = self.client.url(&format!("manifests/{wanted}"));
        let response = self
            .client
            .send(&Method::HEAD, &url, &[("Accept", ACCEPT)])?;
        let told = response.headers().get("Docker-Content-Digest");
        Ok(response.status() == 200
            && told.is_some_and(|told| told.as_bytes() == manifest.digest().as_str().as_bytes()))
    }

    fn has_blob(&self, blob: &Descriptor, _role: &Role) -> Result<bool> {
        let url = self.client.url(&format!("blobs/{}", blob.digest));
        let response = self
            .client
            .send(&Method::HEAD, &url, &[])
            .with_context(|| format!("pinging container registry {}", self.name.domain))?;
        match (response.status().as_u16(), &self.mount_from) {
            (200, _) => Ok(true),
            (404, Some(from)) => self.client.mount(&blob.digest, from),
            (404, None) => Ok(false),
            _ => Err(refused(
                &format!(
                    "checking whether a blob {} exists in {}",
                    blob.digest,
                    self.name.repository()
                ),
                response,
            )),
        }
    }

    /// Known bytes go up in one request; bytes made on the way go as one chunk, whose digest is told after it.
    fn put_blob(
        &self,
        blob: Option<&Descriptor>,
        _role: &Role,
        mut stream: BlobStream<'_>,
    ) -> Result<Written> {
        let location = self.begin_upload()?;
        if let Some(blob) = blob {
            let url = with_digest(&location, &blob.digest);
            let response =
                self.client
                    .send_body(Method::PUT, &url, Some(blob.size), &mut stream)?;
            if response.status() != 201 {
                return Err(refused(
                    &format!("uploading layer {}", blob.digest),
                    response,
                ));
            }
            stream.finish()?;
            return Ok(Written {
                digest: blob.digest.clone(),
                size: blob.size,
            });
        }
        let response = self
            .client
            .send_body(Method::PATCH, &location, None, &mut stream)?;
        if !response.status().is_success() {
            return Err(refused("uploading layer chunked", response));
        }
        let location = self::location(&response)?;
        let written = stream.finish()?;
        let url = with_digest(&location, &written.digest);
        let response =
            self.client
                .send_bytes(&Method::PUT, &url, "application/octet-stream", &[])?;
        if response.status() != 201 {
            return Err(refused(
                &format!("uploading layer {}", written.digest),
                response,
            ));
        }
        Ok(written)
    }

    fn put_manifest(&self, manifest: &RawManifest, place: Place<'_>) -> Result<()> {
        let by_digest = manifest.digest();
        match (place, &self.name.digest, &self.name.tag) {
            (Place::Instance, ..) => self.put_manifest_as(manifest, by_digest.as_str()),
            (Place::Top { .. }, Some(digest), _) => {
                manifest.verify(digest)?;
                self.put_manifest_as(manifest, digest.as_str())
            }
            (Place::Top { .. }, None, tag) => {
                self.put_manifest_as(manifest, tag.as_deref().unwrap_or("latest"))
            }
        }
    }

    fn takes_signatures(&self) -> Result<()> {
        Ok(())
    }

    fn put_signatures(
        &self,
        signatures: &[Signature],
        manifest: &Digest,
        _place: Place<'_>,
    ) -> Result<()> {
        self.signatures.write(&self.client, manifest, signatures)
    }

    /// The tag stands since its manifest was put, which was the last request.
    fn commit(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// Deletes the manifest that the name stands for, and so every tag that stands for it too.
pub fn delete(name: &Name, access: &Access) -> Result<()> {
    let endpoint = Registries::load()?.push(name)?;
    let client = connect(&endpoint, access, Scope::Delete)?;
    let name = &endpoint.name;
    let digest = match &name.digest {
        Some(digest) => digest.clone(),
        None => {
            let tag = name.tag.as_deref().unwrap_or("latest");
            fetch_manifest(&client, name, tag)
                .with_context(|| format!("Unable to delete {}. Image may not exist or is not stored with a v2 Schema in a v2 registry", name.familiar()))?
                .digest()
        }
    };
    let url = client.url(&format!("manifests/{digest}"));
    let response = client.send(&Method::DELETE, &url, &[])?;
    match response.status().as_u16() {
        202 | 200 => Ok(()),
        _ => Err(refused(&format!("deleting {}", name.familiar()), response)),
    }
}

/// All tags of the repository of `name`, page by page.
pub fn list_tags(name: &Name, access: &Access) -> Result<Vec<String>> {
    let endpoint = Registries::load()?.push(name)?;
    tags(&connect(&endpoint, access, Scope::Pull)?, &name.domain)
}

fn tags(client: &Client, registry: &str) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        tags: Option<Vec<String>>,
    }
    let mut url = client.url("tags/list");
    let mut tags = Vec::new();
    let mut seen = BTreeSet::new();
    while seen.insert(url.clone()) {
        let response = client
            .send(&Method::GET, &url, &[])
            .with_context(|| format!("pinging container registry {registry}"))?;
        if response.status() != 200 {
            return Err(refused("fetching tags list", response));
        }
        let next = response
            .headers()
            .get("Link")
            .and_then(|value| value.to_str().ok())
            .and_then(next_page)
            .map(str::to_owned);
        let body = document(response).context("fetching tags list")?;
        let page: Page = serde_json::from_slice(&body).context("parsing tags list")?;
        tags.extend(page.tags.unwrap_or_default());
        match next {
            Some(next) => url = next,
            None => break,
        }
    }
    Ok(tags)
}

/// Whether the registry at `host` accepts the credentials in `access`.
pub fn is_let_in(host: &str, access: &Access) -> Result<bool> {
    // A registry's settings are found by the name of something in it.
    let name: Name = format!("{host}/any").parse()?;
    let endpoint = Registries::load()?.push(&name)?;
    let response = connect(&endpoint, access, Scope::Login)?
        .ping()
        .with_context(|| format!("pinging container registry {host}"))?;
    match response.status().as_u16() {
        200 => Ok(true),
        401 | 403 => Ok(false),
        _ => Err(refused(
            &format!("pinging container registry {host}"),
            response,
        )),
    }
}

/// `</v2/name/tags/list?last=x&n=100>; rel="next"`
fn next_page(link: &str) -> Option<&str> {
    let (url, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    rest.contains("next").then_some(url)
}
