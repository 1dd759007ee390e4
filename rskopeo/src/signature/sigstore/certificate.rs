//! Keys that a certificate authority vouches for: Fulcio's, for whoever logged in somewhere, or one of one's own.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_cert::Certificate;
use x509_cert::der::asn1::{ObjectIdentifier, Utf8StringRef};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::public_key::PublicKey;
use crate::pem;

/// id-kp-codeSigning, 1.3.6.1.5.5.7.3.3
const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];
/// Where Fulcio writes who the login was with: bare text, and later as ASN.1.
const ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");
const ISSUER_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");

/// Who the certificate has to be for.
#[derive(Debug)]
pub struct Expected<'a> {
    pub email: Option<&'a str>,
    /// Of the login.
    pub issuer: Option<&'a str>,
    pub host: Option<&'a str>,
}

/// The key of the certificate, if it was good for signing at `time`. `chain` comes with the signature; `roots` and
/// `intermediates` are the policy's. All are PEM texts.
pub fn verify(
    certificate: &str,
    chain: Option<&str>,
    roots: &[u8],
    intermediates: &[u8],
    time: SystemTime,
    expected: &Expected<'_>,
) -> Result<PublicKey> {
    let leaf = match certificates(certificate.as_bytes())?.as_slice() {
        [leaf] => leaf.clone(),
        [] => bail!("no certificate found in signature certificate data"),
        _ => bail!("unexpected multiple certificates present in signature certificate data"),
    };
    let roots = certificates(roots)?;
    let anchors = roots
        .iter()
        .map(anchor_from_trusted_cert)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| anyhow!("error loading CA certificates: {error}"))?;
    if anchors.is_empty() {
        bail!("error loading CA certificates: there are none");
    }
    let mut between = certificates(intermediates)?;
    between.extend(certificates(chain.unwrap_or_default().as_bytes())?);
    let failed = |error| anyhow!("verifying leaf certificate failed: {error}");
    let entity = EndEntityCert::try_from(&leaf).map_err(failed)?;
    let since = time.duration_since(UNIX_EPOCH)?;
    entity
        .verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors,
            &between,
            UnixTime::since_unix_epoch(since),
            KeyUsage::required_if_present(CODE_SIGNING),
            None,
            None,
        )
        .map_err(failed)?;
    if let Some(host) = expected.host {
        let name = ServerName::try_from(host).with_context(|| format!("subjectHostname {host}"))?;
        entity
            .verify_is_valid_for_subject_name(&name)
            .map_err(|error| anyhow!("Unexpected subject hostname: {error}"))?;
    }
    let parsed = Certificate::from_der(&leaf).context("parsing leaf certificate")?;
    if let Some(issuer) = expected.issuer
        && issuer_of(&parsed)? != issuer
    {
        bail!("Unexpected Fulcio OIDC issuer {:?}", issuer_of(&parsed)?);
    }
    if let Some(email) = expected.email {
        let found = emails(&parsed)?;
        if !found.iter().any(|found| found == email) {
            bail!("Required email {email:?} not found (got {found:?})");
        }
    }
    let key = parsed.tbs_certificate().subject_public_key_info().to_der();
    PublicKey::from_der(key.context("reading the certificate's key")?)
}

fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let blocks = pem::parse(text)?.into_iter();
    let all = blocks.map(|block| match block.label.as_str() {
        "CERTIFICATE" => Ok(CertificateDer::from(block.bytes)),
        other => bail!("a PEM block {other:?} is no CERTIFICATE"),
    });
    all.collect()
}

/// The values of an extension; there should be at most one.
fn extension(certificate: &Certificate, id: ObjectIdentifier) -> Result<Option<&[u8]>> {
    let all = certificate.tbs_certificate().extensions();
    let mut values = all
        .into_iter()
        .flatten()
        .filter(|extension| extension.extn_id == id)
        .map(|extension| extension.extn_value.as_bytes());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => bail!("the certificate has extension {id} twice"),
    }
}

fn issuer_of(certificate: &Certificate) -> Result<String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).context("OIDC issuer extension");
    let old = extension(certificate, ISSUER)?.map(text).transpose()?;
    let new = extension(certificate, ISSUER_V2)?
        .map(Utf8StringRef::from_der)
        .transpose()
        .context("invalid ASN.1 in OIDC issuer v2 extension")?
        .map(|text| text.as_str().to_owned());
    match (old, new) {
        (Some(old), Some(new)) if old != new => {
            bail!("inconsistent OIDC issuer extension values: v1 {old:?}, v2 {new:?}")
        }
        (old, new) => old
            .or(new)
            .context("Fulcio certificate is missing the issuer extension"),
    }
}

fn emails(certificate: &Certificate) -> Result<Vec<String>> {
    const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
    let Some(bytes) = extension(certificate, SUBJECT_ALT_NAME)? else {
        return Ok(Vec::new());
    };
    let SubjectAltName(names) =
        SubjectAltName::from_der(bytes).context("parsing the certificate's names")?;
    let emails = names.into_iter().filter_map(|name| match name {
        GeneralName::Rfc822Name(email) => Some(email.to_string()),
        _ => None,
    });
    Ok(emails.collect())
}
