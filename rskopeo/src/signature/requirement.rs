//! Whether an image fulfils one requirement of a policy.

use std::cell::OnceCell;

use anyhow::{Result, bail};

use super::identity::is_accepted;
use super::{Claims, Gpg, Kind, Signature, sigstore};
use crate::config::{IdentityMatch, Requirement, SignedBy};
use crate::digest::Digest;
use crate::manifest::RawManifest;
use crate::reference::{Name, Reference};
use crate::transport::Source;

/// An image that asks to be let in: its bytes, and where they come from.
pub struct Candidate<'a> {
    pub reference: &'a Reference,
    pub manifest: &'a RawManifest,
    source: &'a dyn Source,
    instance: Option<&'a Digest>,
    signatures: OnceCell<Vec<Signature>>,
}

impl<'a> Candidate<'a> {
    pub fn new(
        reference: &'a Reference,
        source: &'a dyn Source,
        manifest: &'a RawManifest,
        instance: Option<&'a Digest>,
    ) -> Self {
        Self {
            reference,
            manifest,
            source,
            instance,
            signatures: OnceCell::new(),
        }
    }

    /// The signatures beside the image, read once and only if somebody wants them.
    pub fn signatures(&self) -> Result<&[Signature]> {
        if let Some(read) = self.signatures.get() {
            return Ok(read);
        }
        let read = self.source.signatures(self.instance)?;
        Ok(self.signatures.get_or_init(|| read))
    }

    fn name(&self) -> Option<&'a Name> {
        self.reference.name()
    }

    /// Name and digest of a verified signature.
    fn check_claims(&self, claims: &Claims, asked: &IdentityMatch) -> Result<()> {
        if self.manifest.verify(&claims.digest).is_err() {
            bail!("Signature for digest {} does not match", claims.digest);
        }
        if !is_accepted(asked, self.name(), &claims.reference) {
            bail!(
                "Signature for identity {:?} is not accepted",
                claims.reference
            );
        }
        Ok(())
    }
}

/// # Errors
/// The image does not fulfil the requirement, or it cannot be found out.
pub fn check(asked: &Requirement, image: &Candidate<'_>) -> Result<()> {
    match asked {
        Requirement::InsecureAcceptAnything {} => Ok(()),
        Requirement::Reject {} => {
            bail!("Running image {} is rejected by policy.", image.reference)
        }
        Requirement::SignedBaseLayer { .. } => bail!("signedBaseLayer not implemented yet!"),
        Requirement::SignedBy(asked) => {
            // Made only if there is something to verify.
            let gpg = OnceCell::new();
            one_of(image.signatures()?, |signature| {
                simple(asked, &gpg, image, signature)
            })
        }
        Requirement::SigstoreSigned(asked) => one_of(image.signatures()?, |signature| {
            let claims = sigstore::verify(asked, signature)?;
            image.check_claims(&claims, &asked.signed_identity)
        }),
    }
}

/// One accepted signature is enough.
fn one_of(signatures: &[Signature], accept: impl Fn(&Signature) -> Result<()>) -> Result<()> {
    let mut reasons = Vec::new();
    for signature in signatures {
        match accept(signature) {
            Ok(()) => return Ok(()),
            Err(reason) => reasons.push(reason),
        }
    }
    match reasons.len() {
        0 => bail!("A signature was required, but no signature exists"),
        1 => Err(reasons.remove(0)),
        _ => {
            let reasons: Vec<String> = reasons.iter().map(|reason| format!("{reason:#}")).collect();
            bail!(
                "None of the signatures were accepted, reasons: {}",
                reasons.join("; ")
            )
        }
    }
}

fn simple(
    asked: &SignedBy,
    gpg: &OnceCell<Gpg>,
    image: &Candidate<'_>,
    signature: &Signature,
) -> Result<()> {
    let Signature::Simple(message) = signature else {
        bail!("a sigstore signature is no OpenPGP signature");
    };
    let gpg = match gpg.get() {
        Some(gpg) => gpg,
        None => {
            let made = Gpg::with_keys(&asked.keyrings()?)?;
            gpg.get_or_init(|| made)
        }
    };
    let verified = gpg.verify(message)?;
    if !gpg.imported().contains(&verified.primary) {
        bail!("signature by key {} is not accepted", verified.fingerprint);
    }
    let claims = Claims::from_json(Kind::Simple, &verified.content)?;
    image.check_claims(&claims, &asked.signed_identity)
}
