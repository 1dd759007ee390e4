//! The file of `--tls-details` (containers-tls-details.yaml(5)): what of TLS may be used, of what can be had here.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use rustls::crypto::CryptoProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{NamedGroup, SupportedCipherSuite, SupportedProtocolVersion};
use serde::Deserialize;

use crate::yaml;

/// The suites of TLS 1.2 and before that others know by name, and that nobody should speak any more.
const OLD_SUITES: [&str; 16] = [
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
];

/// By their names in the file, which are IANA's.
const GROUPS: [(&str, NamedGroup); 5] = [
    ("secp256r1", NamedGroup::secp256r1),
    ("secp384r1", NamedGroup::secp384r1),
    ("secp521r1", NamedGroup::secp521r1),
    ("x25519", NamedGroup::X25519),
    ("X25519MLKEM768", NamedGroup::X25519MLKEM768),
];

static CHOSEN: OnceLock<Details> = OnceLock::new();

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Details {
    min_version: Option<String>,
    cipher_suites: Option<Vec<String>>,
    named_groups: Option<Vec<String>>,
}

/// From now on, TLS is spoken as the file says.
pub fn choose(path: &Path) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("open {}", path.display()))?;
    let details = Details::parse(&text).with_context(|| format!("parsing {:?}", path.display()))?;
    CHOSEN.get_or_init(|| details);
    Ok(())
}

/// The provider and the versions that may be used.
pub(super) fn allowed() -> Result<(CryptoProvider, Vec<&'static SupportedProtocolVersion>)> {
    CHOSEN.get_or_init(Details::default).allowed()
}

impl Details {
    fn parse(text: &str) -> Result<Self> {
        let details: Self = yaml::parse(text)?;
        details.allowed()?;
        Ok(details)
    }

    fn allowed(&self) -> Result<(CryptoProvider, Vec<&'static SupportedProtocolVersion>)> {
        let mut provider = rustls::crypto::ring::default_provider();
        if let Some(names) = &self.cipher_suites {
            let own: Vec<String> = provider.cipher_suites.iter().map(name_of).collect();
            let is_known =
                |name: &&String| own.contains(name) || OLD_SUITES.contains(&name.as_str());
            if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
                bail!("unrecognized TLS cipher suite {unknown:?}");
            }
            // Those of TLS 1.3 cannot be chosen among in any tool that reads this file.
            let may_stay = |suite: &SupportedCipherSuite| {
                suite.version() == &TLS13 || names.contains(&name_of(suite))
            };
            provider.cipher_suites.retain(may_stay);
        }
        if let Some(names) = &self.named_groups {
            let group = |name: &String| {
                let known = GROUPS.iter().find(|(known, _)| known == name);
                known
                    .map(|(_, group)| *group)
                    .with_context(|| format!("unrecognized TLS named group {name:?}"))
            };
            let groups: Vec<NamedGroup> = names.iter().map(group).collect::<Result<_>>()?;
            provider
                .kx_groups
                .retain(|own| groups.contains(&own.name()));
            if provider.kx_groups.is_empty() {
                bail!(
                    "none of the named groups {names:?} can be had here: add x25519, secp256r1 or secp384r1"
                );
            }
        }
        let versions = match self.min_version.as_deref().unwrap_or_default() {
            // There is nothing older.
            "" | "1.0" | "1.1" | "1.2" => vec![&TLS13, &TLS12],
            "1.3" => vec![&TLS13],
            other => bail!("unrecognized TLS minimum version {other:?}"),
        };
        Ok((provider, versions))
    }
}

/// IANA's name.
fn name_of(suite: &SupportedCipherSuite) -> String {
    let name = suite.suite().as_str().unwrap_or_default();
    name.replace("TLS13_", "TLS_")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_is_allowed_stays() {
        let all = Details::default().allowed().unwrap();
        assert_eq!((all.0.kx_groups.len(), all.1.len()), (3, 2));
        let (provider, versions) = Details::parse(
            "minVersion: '1.3'\nnamedGroups: [X25519MLKEM768, secp384r1]\ncipherSuites: [TLS_RSA_WITH_AES_128_CBC_SHA]\n",
        )
        .unwrap()
        .allowed()
        .unwrap();
        assert_eq!(versions, [&TLS13]);
        assert_eq!(provider.kx_groups.len(), 1);
        assert!(!provider.cipher_suites.is_empty());
        assert!(
            provider
                .cipher_suites
                .iter()
                .all(|suite| suite.version() == &TLS13)
        );
        let some = "cipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]";
        let (provider, _) = Details::parse(some).unwrap().allowed().unwrap();
        let older = provider
            .cipher_suites
            .iter()
            .filter(|suite| suite.version() == &TLS12);
        assert_eq!(older.count(), 1);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (text, told) in [
            (
                "minVersion: '1.4'",
                "unrecognized TLS minimum version \"1.4\"",
            ),
            (
                "cipherSuites: [TLS_X]",
                "unrecognized TLS cipher suite \"TLS_X\"",
            ),
            (
                "namedGroups: [p256]",
                "unrecognized TLS named group \"p256\"",
            ),
            ("namedGroups: [X25519MLKEM768]", "add x25519"),
            ("maxVersion: '1.3'", "maxVersion"),
        ] {
            let error = format!("{:#}", Details::parse(text).unwrap_err());
            assert!(error.contains(told), "{error}");
        }
        assert!(Details::parse("{}").is_ok());
    }
}
