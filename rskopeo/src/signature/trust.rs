//! What one copy asks of an image, and how it signs it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use super::requirement::{self, Candidate};
use super::{Claims, Gpg, Kind, PrivateKey, Signature, passphrase, sigstore};
use crate::cli::{Global, Signing};
use crate::config::{Policy, Requirement, SigningParams};
use crate::digest::Digest;
use crate::manifest::RawManifest;
use crate::reference::{Name, Reference};
use crate::transport::Source;

/// The policy and the signers, and between which places they stand.
#[derive(Clone, Debug)]
pub struct Trust {
    terms: Arc<Terms>,
    source: Reference,
    destination: Reference,
}

/// What is the same for every image of a run.
#[derive(Debug)]
pub struct Terms {
    policy: Policy,
    /// `--require-signed`
    require_signed: bool,
    /// `--sign-identity`
    identity: Option<Name>,
    signers: Vec<Signer>,
    remove: bool,
}

#[derive(Debug)]
enum Signer {
    Gpg {
        key: String,
        passphrase: Option<String>,
    },
    Sigstore(PrivateKey),
}

/// An image that the policy lets in.
pub struct Admitted<'a> {
    image: Candidate<'a>,
    remove: bool,
}

impl Admitted<'_> {
    /// The signatures that go along with the image.
    pub fn carried(self) -> Result<Vec<Signature>> {
        if self.remove {
            return Ok(Vec::new());
        }
        Ok(self
            .image
            .signatures()
            .context("reading signatures")?
            .to_vec())
    }
}

impl Terms {
    /// # Errors
    /// The policy cannot be read, or the options for signing contradict each other.
    pub fn new(global: &Global, signing: &Signing) -> Result<Self> {
        Ok(Self {
            policy: Policy::load(global)?,
            require_signed: global.require_signed,
            identity: signing.identity()?,
            signers: signers(signing)?,
            remove: signing.remove_signatures,
        })
    }

    /// Every image is let in, none is signed.
    pub fn anything() -> Self {
        Self {
            policy: Policy::anything(),
            require_signed: false,
            identity: None,
            signers: Vec::new(),
            remove: true,
        }
    }
}

impl Trust {
    pub fn between(
        terms: impl Into<Arc<Terms>>,
        source: &Reference,
        destination: &Reference,
    ) -> Self {
        Self {
            terms: terms.into(),
            source: source.clone(),
            destination: destination.clone(),
        }
    }

    pub fn source(&self) -> &Reference {
        &self.source
    }

    pub fn destination(&self) -> &Reference {
        &self.destination
    }

    /// Asks the policy, before anything of the manifest is understood. `instance` is its digest, when it is one of an index.
    ///
    /// # Errors
    /// The policy does not let the image in, or it cannot be found out whether it does.
    pub fn admit<'a>(
        &'a self,
        source: &'a dyn Source,
        manifest: &'a RawManifest,
        instance: Option<&'a Digest>,
    ) -> Result<Admitted<'a>> {
        let image = Candidate::new(&self.source, source, manifest, instance);
        let asked = self.terms.policy.requirements(&self.source);
        let check = || {
            for asked in asked {
                requirement::check(asked, &image)?;
            }
            if self.terms.require_signed && !asked.iter().any(Requirement::is_about_signatures) {
                bail!(
                    "No signature verification policy found for image {}: --require-signed wants one in policy.json",
                    self.source
                );
            }
            Ok(())
        };
        check().context("Source image rejected")?;
        Ok(Admitted {
            image,
            remove: self.terms.remove,
        })
    }

    /// What [`admit`](Self::admit) gives for the index itself, which no policy is asked about: its instances are what runs.
    pub fn index<'a>(&'a self, source: &'a dyn Source, index: &'a RawManifest) -> Admitted<'a> {
        Admitted {
            image: Candidate::new(&self.source, source, index, None),
            remove: self.terms.remove,
        }
    }

    /// Whether what is written gets a signature.
    pub fn signs(&self) -> bool {
        !self.terms.signers.is_empty()
    }

    pub fn removes_signatures(&self) -> bool {
        self.terms.remove
    }

    /// Signs a manifest as it was written; `say` tells the user of each signature.
    pub fn sign(
        &self,
        manifest: &RawManifest,
        say: impl Fn(&str) -> Result<()>,
    ) -> Result<Vec<Signature>> {
        if self.terms.signers.is_empty() {
            return Ok(Vec::new());
        }
        let Some(identity) = self
            .terms
            .identity
            .as_ref()
            .or_else(|| self.destination.name())
        else {
            bail!(
                "Cannot determine canonical Docker reference for destination {}: give one by --sign-identity",
                self.destination
            );
        };
        let claims = Claims::new(&identity.to_string(), manifest.digest());
        let mut all = Vec::new();
        for (index, signer) in self.terms.signers.iter().enumerate() {
            let number = match self.terms.signers.len() {
                1 => String::new(),
                _ => format!(" {}", index + 1),
            };
            say(&format!("Creating signature{number}: {}", signer.doing()))?;
            let signature = signer.sign(&claims);
            all.push(signature.with_context(|| format!("creating signature{number}"))?);
        }
        Ok(all)
    }
}

fn signers(signing: &Signing) -> Result<Vec<Signer>> {
    let file = signing.sign_passphrase_file.as_deref();
    let signs_twice = signing.sign_by.is_some() && signing.sign_by_sigstore_private_key.is_some();
    if file.is_some() && signs_twice {
        bail!(
            "Only one of --sign-by, --sign-by-sq-fingerprint and --sign-by-sigstore-private-key can be used with --sign-passphrase-file"
        );
    }
    if signing.sign_by_sq_fingerprint.is_some() {
        bail!(
            "--sign-by-sq-fingerprint: Sequoia's keys are not used here: take a key of gpg's, and --sign-by"
        );
    }
    let mut signers = Vec::new();
    if let Some(path) = &signing.sign_by_sigstore {
        let params = SigningParams::load(path)?;
        signers.push(sigstore_signer(
            &params.private_key,
            params.passphrase_file.as_deref(),
        )?);
    }
    if let Some(key) = &signing.sign_by {
        signers.push(Signer::Gpg {
            key: key.clone(),
            passphrase: file.map(passphrase::read_file).transpose()?,
        });
    }
    if let Some(path) = &signing.sign_by_sigstore_private_key {
        signers.push(sigstore_signer(path, file)?);
    }
    Ok(signers)
}

fn sigstore_signer(path: &Path, passphrase_file: Option<&Path>) -> Result<Signer> {
    let text =
        fs::read(path).with_context(|| format!("reading private key from {}", path.display()))?;
    let passphrase = match passphrase_file {
        Some(file) => passphrase::read_file(file)?,
        None => passphrase::ask(path, passphrase::Times::Once)?,
    };
    let key = PrivateKey::open(&text, passphrase.as_bytes())
        .with_context(|| format!("initializing private key {}", path.display()))?;
    Ok(Signer::Sigstore(key))
}

impl Signer {
    fn doing(&self) -> &'static str {
        match self {
            Self::Gpg { .. } => "Signing image using simple signing",
            Self::Sigstore(_) => "Signing image using a sigstore signature",
        }
    }

    fn sign(&self, claims: &Claims) -> Result<Signature> {
        match self {
            Self::Gpg { key, passphrase } => {
                let json = claims.to_json(Kind::Simple)?;
                let message = Gpg::of_caller().sign(json.as_bytes(), key, passphrase.as_deref())?;
                Ok(Signature::Simple(message))
            }
            Self::Sigstore(key) => sigstore::sign(key, claims),
        }
    }
}
