//! Writing an image to a repository.

use std::sync::Arc;

use anyhow::{Context, Result};

use super::{ACCEPT, connect, referrers};
use crate::config::Registries;
use crate::digest::Digest;
use crate::manifest::{
    DOCKER_LIST, DOCKER_MANIFEST, DOCKER_SCHEMA1, Descriptor, OCI_INDEX, OCI_MANIFEST, RawManifest,
};
use crate::reference::{Name, Reference};
use crate::registry::{Client, Method, Scope, refused};
use crate::signature::{Signature, SignatureStore};
use crate::transport::{Access, BlobStream, Destination, Held, LayerForm, Place, Role, Written};

pub struct DockerDestination {
    client: Arc<Client>,
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

    /// Lets the registry take a blob from where it comes from, or from where it was seen before.
    fn mount(&self, blob: &Digest) -> Result<bool> {
        if let Some(source) = &self.mount_from
            && self.client.mount(blob, source)?
        {
            return Ok(true);
        }
        let seen = self.client.elsewhere(blob);
        let guesses = seen
            .iter()
            .filter(|from| Some(*from) != self.mount_from.as_ref());
        // A repository that may not be asked is a wrong guess and no more.
        Ok(guesses
            .map(|from| self.client.mount(blob, from))
            .any(|mounted| matches!(mounted, Ok(true))))
    }

    fn put_manifest_as(&self, manifest: &RawManifest, tag: &str) -> Result<()> {
        let url = self.client.url(&format!("manifests/{tag}"));
        let response =
            self.client
                .send_bytes(&Method::PUT, &url, &manifest.media_type, &manifest.bytes)?;
        if !response.status().is_success() {
            let what = format!("uploading manifest {tag} to {}", self.name.repository());
            return Err(refused(&what, response));
        }
        let noted_there = response.headers().contains_key("OCI-Subject");
        referrers::added(&self.client, manifest, noted_there)
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

    fn has_blob(&self, blob: &Descriptor, _role: &Role) -> Result<Option<Held>> {
        if self.client.holds(&blob.digest) {
            return Ok(Some(Held::Already));
        }
        let url = self.client.url(&format!("blobs/{}", blob.digest));
        let response = self
            .client
            .send(&Method::HEAD, &url, &[])
            .with_context(|| format!("pinging container registry {}", self.name.domain))?;
        let held = match response.status().as_u16() {
            200 => Some(Held::Already),
            404 => self.mount(&blob.digest)?.then_some(Held::Mounted),
            _ => {
                return Err(refused(
                    &format!(
                        "checking whether a blob {} exists in {}",
                        blob.digest,
                        self.name.repository()
                    ),
                    response,
                ));
            }
        };
        if held.is_some() {
            self.client.keep_in_mind(&blob.digest);
        }
        Ok(held)
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
            self.client.keep_in_mind(&blob.digest);
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
        self.client.keep_in_mind(&written.digest);
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
