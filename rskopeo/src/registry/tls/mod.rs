//! Which certificates a registry is trusted by, and which it is shown (containers-certs.d(5)).

mod connector;
mod details;
mod verifier;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::home;
use verifier::{Anyone, Trusted};

pub use connector::TlsConnector;
pub use details::choose as choose_details;

/// The system's bundle of authorities: Debian, Fedora, SUSE and Alpine.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What is shown to a registry that asks for a certificate.
#[derive(Debug)]
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// `cert_dir` stands for all certs.d directories.
pub fn connector(host: &str, cert_dir: Option<&Path>, verify: bool) -> Result<TlsConnector> {
    let mut roots = if verify { system_roots()? } else { Vec::new() };
    let mut identity = None;
    if let Some(directory) = cert_dir.map(Path::to_owned).or_else(|| certs_d(host)) {
        identity = read_directory(&directory, &mut roots)?;
    }
    connector_of(roots, identity, verify)
}

/// The same for a Docker daemon, whose certificates lie in `cert_dir` as `ca.pem`, `cert.pem` and `key.pem`.
pub fn daemon_connector(cert_dir: Option<&Path>, verify: bool) -> Result<TlsConnector> {
    let Some(directory) = cert_dir else {
        return connector_of(system_roots()?, None, verify);
    };
    let path = |name| directory.join(name);
    let identity = Identity {
        chain: certificates(&path("cert.pem"))?,
        key: private_key(&path("key.pem"))?,
    };
    connector_of(certificates(&path("ca.pem"))?, Some(identity), verify)
}

fn connector_of(
    roots: Vec<CertificateDer<'static>>,
    identity: Option<Identity>,
    verify: bool,
) -> Result<TlsConnector> {
    let (provider, versions) = details::allowed()?;
    let provider = Arc::new(provider);
    let verifier: Arc<dyn ServerCertVerifier> = match verify {
        true => Arc::new(Trusted::new(roots, Arc::clone(&provider))?),
        false => Arc::new(Anyone(Arc::clone(&provider))),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .context("setting up TLS")?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match identity {
        Some(Identity { chain, key }) => builder
            .with_client_auth_cert(chain, key)
            .context("using the client certificate")?,
        None => builder.with_no_client_auth(),
    };
    Ok(TlsConnector(Arc::new(config)))
}

fn system_roots() -> Result<Vec<CertificateDer<'static>>> {
    let given = env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let bundle = given.or_else(|| BUNDLES.iter().map(PathBuf::from).find(|path| path.exists()));
    match bundle {
        Some(path) => certificates(&path),
        None => Ok(Vec::new()),
    }
}

fn certs_d(host: &str) -> Option<PathBuf> {
    let user = home().map(|home| home.join(".config/containers/certs.d"));
    let system = ["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from);
    user.into_iter()
        .chain(system)
        .map(|base| base.join(host))
        .find(|path| path.is_dir())
}

/// `*.crt` are authorities; `X.cert` with `X.key` is shown to the registry.
fn read_directory(
    directory: &Path,
    roots: &mut Vec<CertificateDer<'static>>,
) -> Result<Option<Identity>> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("open {}", directory.display()))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    let mut client = None;
    for path in &paths {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("crt") => roots.extend(certificates(path)?),
            Some("cert") => {
                let key = path.with_extension("key");
                if !key.exists() {
                    bail!(
                        "missing key {} for client certificate {}. Note that CA certificates should use the extension .crt",
                        key.display(),
                        path.display()
                    );
                }
                client = Some(Identity {
                    chain: certificates(path)?,
                    key: private_key(&key)?,
                });
            }
            Some("key") if !path.with_extension("cert").exists() => {
                bail!(
                    "missing client certificate {} for key {}",
                    path.with_extension("cert").display(),
                    path.display()
                );
            }
            _ => {}
        }
    }
    Ok(client)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = fs::read(path).with_context(|| format!("open {}", path.display()))?;
    CertificateDer::pem_slice_iter(&pem)
        .map(|certificate| {
            certificate.with_context(|| format!("reading certificates in {}", path.display()))
        })
        .collect()
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let pem = fs::read(path).with_context(|| format!("open {}", path.display()))?;
    PrivateKeyDer::from_pem_slice(&pem)
        .with_context(|| format!("reading the key in {}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(files: &[(&str, &str)]) -> String {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(directory.path().join(name), content).unwrap();
        }
        let error = read_directory(directory.path(), &mut Vec::new()).unwrap_err();
        format!("{error:#}")
    }

    #[test]
    fn halves_of_a_pair_are_refused() {
        assert!(refused(&[("client.cert", "")]).contains("missing key"));
        assert!(refused(&[("client.key", "")]).contains("missing client certificate"));
        let broken = "-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n";
        assert!(refused(&[("ca.crt", broken)]).contains("ca.crt"));
    }

    #[test]
    fn other_files_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("README"), "x").unwrap();
        let mut roots = Vec::new();
        assert!(
            read_directory(directory.path(), &mut roots)
                .unwrap()
                .is_none()
        );
        assert!(roots.is_empty());
    }
}
