//! `docker://name`, a repository in a registry.

mod destination;
mod pages;
mod referrers;
mod search;
mod source;
mod tags;

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};

use super::Access;
use crate::config::{self, Endpoint, Registries};
use crate::fatal::NotFound;
use crate::manifest::RawManifest;
use crate::reference::Name;
use crate::registry::{Client, Method, Scope, document, refused};

pub use destination::DockerDestination;
pub use search::search;
pub use source::DockerSource;
pub use tags::list_tags;

const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v1+prettyjws, application/vnd.docker.distribution.manifest.v1+json";

/// The client of a repository; one serves all images that come from or go to it.
fn connect(endpoint: &Endpoint, access: &Access, scope: Scope) -> Result<Arc<Client>> {
    let Endpoint { name, insecure } = endpoint;
    let insecure = access.tls_verify.map_or(*insecure, |verify| !verify);
    let credentials = match &access.credentials {
        Some(credentials) => Some(credentials.clone()),
        None if access.anonymous || access.registry_token.is_some() => None,
        None => config::credentials(&name.domain, &name.path, access.authfile.as_deref())
            .context("getting username and password")?,
    };
    Client::shared(
        &name.domain,
        &name.path,
        scope,
        insecure,
        credentials,
        access,
    )
}

/// The client of a registry as a whole.
fn connect_to_registry(host: &str, access: &Access) -> Result<Arc<Client>> {
    // A registry's settings are found by the name of something in it.
    let name: Name = format!("{host}/any").parse()?;
    let endpoint = Registries::load()?.push(&name)?;
    connect(&endpoint, access, Scope::Login)
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

/// Deletes the manifest that the name stands for, and so every tag that stands for it too.
pub fn delete(name: &Name, access: &Access) -> Result<()> {
    let endpoint = Registries::load()?.push(name)?;
    let client = connect(&endpoint, access, Scope::Delete)?;
    let name = &endpoint.name;
    let wanted = match (&name.digest, &name.tag) {
        (Some(digest), _) => digest.as_str(),
        (None, tag) => tag.as_deref().unwrap_or("latest"),
    };
    let manifest = fetch_manifest(&client, name, wanted).map_err(|error| {
        match error.chain().any(|cause| cause.is::<NotFound>()) {
            // Nothing was asked of it but to be gone: no reason for another exit code.
            true => anyhow!("Unable to delete {}. Image may not exist or is not stored with a v2 Schema in a v2 registry: {error:#}", name.familiar()),
            false => error,
        }
    })?;
    let digest = name.digest.clone().unwrap_or_else(|| manifest.digest());
    let url = client.url(&format!("manifests/{digest}"));
    let response = client.send(&Method::DELETE, &url, &[])?;
    match response.status().as_u16() {
        202 | 200 => referrers::removed(&client, &manifest),
        _ => Err(refused(&format!("deleting {}", name.familiar()), response)),
    }
}

/// Whether the registry at `host` accepts the credentials in `access`.
pub fn is_let_in(host: &str, access: &Access) -> Result<bool> {
    let response = connect_to_registry(host, access)?
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
