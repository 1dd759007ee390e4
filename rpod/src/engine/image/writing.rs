//! How an image is written where it goes, and signed.

use std::ffi::OsString;
use std::path::PathBuf;

use super::access::field;
use crate::engine::Context;

/// As rskopeo's options have it.
#[derive(Clone, Debug, Default)]
pub struct Writing {
    /// rskopeo's name: `oci`, `v2s1`, `v2s2`.
    pub format: Option<String>,
    pub compression_format: Option<String>,
    pub compression_level: Option<u32>,
    pub force_compression: bool,
    /// Of the `dir` transport.
    pub compress: bool,
    pub digestfile: Option<PathBuf>,
    pub remove_signatures: bool,
    /// Whom the layers are encrypted for: `PROTOCOL:KEY`.
    pub encryption_keys: Vec<String>,
    /// Which layers are encrypted, by their place; all of them if there are keys alone.
    pub encrypt_layers: Vec<i64>,
    pub sign_by: Option<String>,
    pub sign_by_sigstore: Option<PathBuf>,
    pub sign_by_sigstore_private_key: Option<PathBuf>,
    pub sign_passphrase_file: Option<PathBuf>,
}

impl Writing {
    /// With what containers.conf says where nothing was asked for.
    pub fn configured(&self, context: &Context) -> Writing {
        let conf = &context.config.containers_conf.engine;
        let text = |asked: &Option<String>, configured: &Option<String>| {
            let configured = configured.clone().filter(|text| !text.is_empty());
            asked.clone().or(configured)
        };
        Writing {
            format: text(&self.format, &conf.image_default_format),
            compression_format: text(&self.compression_format, &conf.compression_format),
            compression_level: self.compression_level.or(conf.compression_level),
            ..self.clone()
        }
    }

    pub fn options(&self) -> Vec<OsString> {
        let mut options: Vec<OsString> = Vec::new();
        let texts = [
            ("--format", self.format.clone()),
            ("--dest-compress-format", self.compression_format.clone()),
            (
                "--dest-compress-level",
                self.compression_level.map(|level| level.to_string()),
            ),
            ("--sign-by", self.sign_by.clone()),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                options.extend([name.into(), value.into()]);
            }
        }
        let paths = [
            ("--digestfile", &self.digestfile),
            ("--sign-by-sigstore", &self.sign_by_sigstore),
            (
                "--sign-by-sigstore-private-key",
                &self.sign_by_sigstore_private_key,
            ),
            ("--sign-passphrase-file", &self.sign_passphrase_file),
        ];
        for (name, value) in paths {
            if let Some(value) = value {
                options.extend([name.into(), value.into()]);
            }
        }
        for (name, wanted) in [
            ("--dest-compress", self.compress),
            ("--dest-force-compress-format", self.force_compression),
            ("--remove-signatures", self.remove_signatures),
        ] {
            if wanted {
                options.push(name.into());
            }
        }
        for key in &self.encryption_keys {
            options.extend(["--encryption-key".into(), field(key).into()]);
        }
        for place in &self.encrypt_layers {
            options.push(format!("--encrypt-layer={place}").into());
        }
        options
    }
}
