//! How source and destination are reached, and what more is asked of the latter.

use std::path::PathBuf;

use super::LayerForm;
use crate::config::Credentials;
use crate::reference::{Name, Reference};

/// How a place is reached: the options that skopeo has once for the source (`--src-…`) and once for the destination (`--dest-…`).
#[derive(Clone, Debug, Default)]
pub struct Access {
    pub tls_verify: Option<bool>,
    /// Given on the command line.
    pub credentials: Option<Credentials>,
    /// Go as nobody, whatever the authentication files say.
    pub anonymous: bool,
    pub registry_token: Option<String>,
    pub authfile: Option<PathBuf>,
    pub cert_dir: Option<PathBuf>,
    pub shared_blob_dir: Option<PathBuf>,
    pub tmpdir: Option<PathBuf>,
    /// `--registries.d`
    pub registries_d: Option<PathBuf>,
    /// `--daemon-host`
    pub daemon_host: Option<String>,
    /// `--user-agent-prefix`
    pub user_agent_prefix: Option<String>,
}

/// What is asked of a destination beyond how it is reached.
#[derive(Clone, Debug, Default)]
pub struct Writing {
    /// `--dest-oci-accept-uncompressed-layers`
    pub oci_accepts_uncompressed: bool,
    /// `--dest-compress`, `--dest-decompress`: for dir: only.
    pub dir_form: Option<LayerForm>,
    /// `--additional-tag`: for docker-archive: only.
    pub additional_tags: Vec<Name>,
    /// Where the image comes from: a registry takes blobs from another repository of its own.
    pub from: Option<Reference>,
}
