//! How a registry is reached: the same options thrice, for the source, for the destination, and for commands with one image.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::Global;
use crate::config::Credentials;
use crate::transport::Access;

/// Text that counts as given when it is empty, too: not even a password is none.
#[derive(Clone, Debug)]
struct Given(String);

impl From<String> for Given {
    fn from(text: String) -> Self {
        Self(text)
    }
}

macro_rules! access_options {
    ($name:ident, $prefix:literal, $creds:expr, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Default, clap::Args)]
        pub struct $name {
            /// Path of the authentication file. Default is ${XDG_RUNTIME_DIR}/containers/auth.json
            #[arg(id = concat!($prefix, "authfile"), long = concat!($prefix, "authfile"), value_name = "FILE")]
            authfile: Option<PathBuf>,
            /// Use certificates at PATH (*.crt, *.cert, *.key) to connect to the registry
            #[arg(id = concat!($prefix, "cert-dir"), long = concat!($prefix, "cert-dir"), value_name = "PATH")]
            cert_dir: Option<PathBuf>,
            /// Use USERNAME[:PASSWORD] for accessing the registry
            #[arg(
                id = concat!($prefix, "creds"),
                long = concat!($prefix, "creds"),
                aliases = $creds,
                value_name = "USERNAME[:PASSWORD]"
            )]
            creds: Option<Given>,
            /// Username for accessing the registry
            #[arg(id = concat!($prefix, "username"), long = concat!($prefix, "username"), value_name = "USERNAME")]
            username: Option<Given>,
            /// Password for accessing the registry
            #[arg(id = concat!($prefix, "password"), long = concat!($prefix, "password"), value_name = "PASSWORD")]
            password: Option<Given>,
            /// Access the registry anonymously
            #[arg(id = concat!($prefix, "no-creds"), long = concat!($prefix, "no-creds"))]
            no_creds: bool,
            /// Provide a Bearer token for accessing the registry
            #[arg(id = concat!($prefix, "registry-token"), long = concat!($prefix, "registry-token"), value_name = "TOKEN")]
            registry_token: Option<Given>,
            /// Require HTTPS and verify certificates when talking to the container registry
            #[arg(
                id = concat!($prefix, "tls-verify"),
                long = concat!($prefix, "tls-verify"),
                value_name = "BOOL",
                num_args = 0..=1,
                require_equals = true,
                default_missing_value = "true"
            )]
            tls_verify: Option<bool>,
        }

        impl $name {
            /// # Errors
            /// The options contradict each other.
            pub fn resolve(&self, global: &Global) -> Result<Access> {
                if self.creds.is_some() && self.no_creds {
                    bail!("creds and no-creds cannot be specified at the same time");
                }
                if self.username.is_some() && self.no_creds {
                    bail!("username and no-creds cannot be specified at the same time");
                }
                if self.creds.is_some() && self.username.is_some() {
                    bail!("creds and username cannot be specified at the same time");
                }
                match (&self.username, &self.password) {
                    (Some(_), None) => bail!("password must be specified when username is specified"),
                    (None, Some(_)) => bail!("username must be specified when password is specified"),
                    _ => {}
                }
                let given = match (&self.creds, &self.username, &self.password) {
                    (Some(creds), _, _) => Some(split_credentials(&creds.0)?),
                    (None, Some(user), Some(password)) => Some((user.0.clone(), password.0.clone())),
                    _ => None,
                };
                let credentials =
                    given.map(|(user, password)| Credentials::Password { user, password });
                Ok(Access {
                    tls_verify: self.tls_verify.or(global.tls_verify),
                    credentials,
                    anonymous: self.no_creds,
                    registry_token: self.registry_token.clone().map(|token| token.0),
                    authfile: self.authfile.clone(),
                    cert_dir: self.cert_dir.clone(),
                    shared_blob_dir: None,
                    daemon_host: None,
                    tmpdir: global.tmpdir.clone(),
                    registries_d: global.registries_d.clone(),
                    user_agent_prefix: global.user_agent_prefix.clone(),
                })
            }
        }
    };
}

access_options!(
    ImageAccess,
    "",
    None::<&str>,
    "Options of commands that act on one image."
);
access_options!(
    SourceAccess,
    "src-",
    Some("screds"),
    "Options for the source of a copy."
);
access_options!(
    DestinationAccess,
    "dest-",
    Some("dcreds"),
    "Options for the destination of a copy."
);

fn split_credentials(text: &str) -> Result<(String, String)> {
    if text.is_empty() {
        bail!("credentials can't be empty");
    }
    match text.split_once(':').unwrap_or((text, "")) {
        ("", _) => bail!("username can't be empty"),
        (user, password) => Ok((user.to_owned(), password.to_owned())),
    }
}
