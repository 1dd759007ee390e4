//! Where the signatures of one repository are read and written: beside the registry, and in it.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::{Lookaside, Signature, attachments};
use crate::config::RegistriesD;
use crate::digest::Digest;
use crate::reference::Name;
use crate::registry::Client;
use crate::transport::Access;

/// The signatures of a repository; registries.d is read when they are asked for.
#[derive(Clone, Debug)]
pub struct SignatureStore {
    /// What was asked for, not where a mirror keeps it.
    name: Name,
    registries_d: Option<PathBuf>,
}

impl SignatureStore {
    pub fn of(name: &Name, access: &Access) -> Self {
        Self {
            name: name.clone(),
            registries_d: access.registries_d.clone(),
        }
    }

    pub fn read(&self, client: &Client, manifest: &Digest) -> Result<Vec<Signature>> {
        let conf = self.conf()?;
        let mut all = Lookaside::at(conf.lookaside(&self.name)).read(client, manifest)?;
        if conf.uses_attachments(&self.name) {
            all.extend(attachments::read(client, manifest)?);
        }
        Ok(all)
    }

    /// Sigstore's go into the registry and nowhere else, OpenPGP's beside it.
    pub fn write(
        &self,
        client: &Client,
        manifest: &Digest,
        signatures: &[Signature],
    ) -> Result<()> {
        let conf = self.conf()?;
        let is_simple = |signature: &&Signature| matches!(signature, Signature::Simple(_));
        let (simple, sigstore): (Vec<&Signature>, Vec<&Signature>) =
            signatures.iter().partition(is_simple);
        if !sigstore.is_empty() {
            if !conf.uses_attachments(&self.name) {
                bail!(
                    "writing sigstore attachments is disabled by configuration: set use-sigstore-attachments: true for {} in registries.d",
                    self.name.repository()
                );
            }
            attachments::write(client, manifest, &sigstore)?;
        }
        if !simple.is_empty() {
            Lookaside::at(conf.staging(&self.name)).write(manifest, &simple)?;
        }
        Ok(())
    }

    fn conf(&self) -> Result<RegistriesD> {
        RegistriesD::load(self.registries_d.as_deref())
    }
}
