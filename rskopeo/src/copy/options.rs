//! What is asked of a copy beyond source and destination.

use std::path::PathBuf;
use std::sync::Arc;

use super::UnderWay;
use crate::compression::Compression;
use crate::encryption::{Decryption, Encryption};
use crate::manifest::Format;
use crate::platform::Platform;
use crate::signature::Trust;
use crate::turns::Output;

/// As many blobs at once as skopeo copies.
pub const PARALLEL: usize = 6;

/// Which instances of an index are copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MultiArch {
    /// The one for the platform.
    #[default]
    System,
    All,
    IndexOnly,
}

/// What is asked of a copy beyond source and destination.
#[derive(Clone, Debug)]
pub struct Options {
    /// The policy for the source, and the signers of what is written.
    pub trust: Trust,
    pub platform: Platform,
    pub multi_arch: MultiArch,
    /// `--format`
    pub format: Option<Format>,
    pub preserve_digests: bool,
    /// `--dest-compress-format`
    pub compression: Option<Compression>,
    /// The format's own; its default when None.
    pub compression_level: Option<i32>,
    pub encryption: Option<Encryption>,
    pub decryption: Option<Decryption>,
    /// `--dest-precompute-digests`
    pub precompute_digests: bool,
    /// Shared with other copies to the same place.
    pub under_way: Arc<UnderWay>,
    /// `--tmpdir`
    pub tmpdir: Option<PathBuf>,
    /// An image that the destination has already is not copied.
    pub unless_there: bool,
    pub output: Output,
}

impl Options {
    /// Everything as it is, and no word about it.
    pub fn quiet(platform: Platform, trust: Trust) -> Self {
        Self {
            trust,
            platform,
            multi_arch: MultiArch::System,
            format: None,
            preserve_digests: false,
            compression: None,
            compression_level: None,
            encryption: None,
            precompute_digests: false,
            decryption: None,
            under_way: Arc::new(UnderWay::at_most(PARALLEL)),
            tmpdir: None,
            unless_there: false,
            output: Output::Quiet,
        }
    }
    /// Whether layers may become others on their way, wherever they go.
    pub fn remakes_layers(&self) -> bool {
        self.compression.is_some() || self.encryption.is_some() || self.decryption.is_some()
    }
}
