//! How a registry is spoken to, and which image of several is meant.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Image;
use crate::engine::Context;

/// How a registry is spoken to, as rskopeo's options have it.
#[derive(Clone, Debug, Default)]
pub struct Access {
    pub authfile: Option<PathBuf>,
    pub cert_dir: Option<PathBuf>,
    /// `user:password`
    pub creds: Option<String>,
    pub tls_verify: Option<bool>,
    /// `KEY[:PASSPHRASE]` of encrypted layers; of a pull.
    pub decryption_keys: Vec<String>,
    pub quiet: bool,
    /// How often a copy that failed is tried again.
    pub retry: Option<u32>,
    /// A Go duration.
    pub retry_delay: Option<String>,
}

impl Access {
    /// With what containers.conf says where nothing was asked for, else podman's defaults: three times, a second between.
    pub fn configured(&self, context: &Context) -> Access {
        let conf = &context.config.containers_conf.engine;
        let delay = self.retry_delay.as_ref().or(conf.retry_delay.as_ref());
        Access {
            retry: self.retry.or(conf.retry).or(Some(3)),
            retry_delay: Some(delay.map_or_else(|| "1s".to_owned(), String::clone)),
            ..self.clone()
        }
    }

    /// Docker's `--insecure`, unless it was said whether certificates are verified.
    pub fn or_insecure(self, insecure: bool) -> Access {
        Access {
            tls_verify: self.tls_verify.or(insecure.then_some(false)),
            ..self
        }
    }

    /// Keys of encrypted layers.
    pub fn decryption(&self) -> Vec<OsString> {
        let keys = self.decryption_keys.iter();
        keys.flat_map(|key| ["--decryption-key".into(), field(key).into()])
            .collect()
    }

    fn retries(&self) -> Vec<OsString> {
        let times = self
            .retry
            .map(|times| format!("--retry-times={times}").into());
        let delay = self
            .retry_delay
            .as_ref()
            .map(|delay| format!("--retry-delay={delay}").into());
        times.into_iter().chain(delay).collect()
    }

    /// For a command of rskopeo's that has one side only.
    pub fn plain_options(&self) -> Vec<OsString> {
        self.prefixed("")
    }

    /// For one side of a copy: `src` or `dest`.
    pub fn options(&self, side: &str) -> Vec<OsString> {
        self.prefixed(&format!("{side}-"))
    }

    fn prefixed(&self, prefix: &str) -> Vec<OsString> {
        let mut options = Vec::new();
        let mut add = |name: &str, value: OsString| {
            let mut option = OsString::from(format!("--{prefix}{name}="));
            option.push(value);
            options.push(option);
        };
        // Of no name is as good as none.
        match &self.authfile {
            Some(authfile) if !authfile.as_os_str().is_empty() => add("authfile", authfile.into()),
            _ => {}
        }
        if let Some(directory) = &self.cert_dir {
            add("cert-dir", directory.into());
        }
        if let Some(creds) = &self.creds {
            add("creds", creds.into());
        }
        if let Some(verify) = self.tls_verify {
            add("tls-verify", verify.to_string().into());
        }
        options.extend(self.retries());
        options
    }
}

/// One value of an option that rskopeo takes several of, between commas: as a field of RFC 4180.
pub(super) fn field(value: &str) -> String {
    match value.contains([',', '"']) {
        true => format!("\"{}\"", value.replace('"', "\"\"")),
        false => value.to_owned(),
    }
}

/// Which image of an index is meant, where not this machine's.
#[derive(Clone, Debug, Default)]
pub struct Platform {
    pub os: Option<String>,
    pub arch: Option<String>,
    pub variant: Option<String>,
}

impl Platform {
    /// True if the image is for this platform, as far as it says.
    pub fn takes(&self, image: &Image) -> bool {
        let config = &image.config;
        let same = |wanted: &Option<String>, found: &str| {
            wanted
                .as_deref()
                .is_none_or(|wanted| wanted == found || found.is_empty())
        };
        same(&self.os, &config.os)
            && same(&self.arch, &config.architecture)
            && same(&self.variant, &config.variant)
    }
}
