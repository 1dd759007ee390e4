use std::path::PathBuf;

use clap::ValueEnum;

use crate::manifest;

use super::Retry;
use super::access::{DestinationAccess, SourceAccess};
use super::fields::Fields;
use super::signing::Signing;

/// skopeo-copy(1)
#[derive(Debug, clap::Args)]
pub struct Copy {
    /// The image to copy, as transport:details
    #[arg(value_name = "SOURCE-IMAGE")]
    pub source: String,
    /// Where to copy it, as transport:details
    #[arg(value_name = "DESTINATION-IMAGE")]
    pub destination: String,
    #[command(flatten)]
    pub from: SourceAccess,
    #[command(flatten)]
    pub to: DestinationAccess,
    #[command(flatten)]
    pub signing: Signing,
    /// Path of the authentication file, for source and destination
    #[arg(long, value_name = "FILE")]
    pub authfile: Option<PathBuf>,
    /// Require HTTPS and verify certificates, for source and destination
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub tls_verify: Option<bool>,
    /// Directory of blobs that OCI repositories share, for the source
    #[arg(long, value_name = "DIRECTORY")]
    pub src_shared_blob_dir: Option<PathBuf>,
    /// Directory of blobs that OCI repositories share, for the destination
    #[arg(long, value_name = "DIRECTORY")]
    pub dest_shared_blob_dir: Option<PathBuf>,
    /// Use docker daemon host at HOST (docker-daemon: only), for the source
    #[arg(long, value_name = "HOST")]
    pub src_daemon_host: Option<String>,
    /// Use docker daemon host at HOST (docker-daemon: only), for the destination
    #[arg(long, value_name = "HOST")]
    pub dest_daemon_host: Option<String>,
    /// Additional tags (supports docker-archive)
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub additional_tag: Vec<String>,
    /// Copy all images if SOURCE-IMAGE is a list
    #[arg(short, long, conflicts_with = "multi_arch")]
    pub all: bool,
    /// How to handle multi-architecture images
    #[arg(long, value_name = "WHICH")]
    pub multi_arch: Option<MultiArch>,
    /// Suppress output information when copying images
    #[arg(short, long)]
    pub quiet: bool,
    /// Manifest type to use in the destination (default is manifest type of source, with fallbacks)
    #[arg(short, long, value_name = "MANIFEST TYPE")]
    pub format: Option<Format>,
    /// Preserve digests of images and lists
    #[arg(long)]
    pub preserve_digests: bool,
    /// Write the digest of the pushed image to the specified file
    #[arg(long, value_name = "FILE")]
    pub digestfile: Option<PathBuf>,
    /// Compress image layers when saving to directory using the 'dir' transport
    #[arg(long)]
    pub dest_compress: bool,
    /// Decompress image layers when saving to directory using the 'dir' transport
    #[arg(long)]
    pub dest_decompress: bool,
    /// Format to use for the compression
    #[arg(long, value_name = "FORMAT")]
    pub dest_compress_format: Option<CompressFormat>,
    /// Level to use for the compression
    #[arg(long, value_name = "LEVEL")]
    pub dest_compress_level: Option<i32>,
    /// Use no other compression than that of --dest-compress-format
    #[arg(long)]
    pub dest_force_compress_format: bool,
    /// Tell the digest of a layer before it is uploaded, so that one which is there is not: what is made on the way waits on disk
    #[arg(long)]
    pub dest_precompute_digests: bool,
    /// Encrypt layers for the owner of a key: jwe:FILE with a public key
    #[arg(long, value_name = "PROTOCOL:KEYFILE")]
    pub encryption_key: Vec<Fields>,
    /// Encrypt only the layer of this index, from 0; from the last one, from -1
    #[arg(long, value_name = "INT", value_delimiter = ',')]
    pub encrypt_layer: Vec<i64>,
    /// Decrypt layers by a private key
    #[arg(long, value_name = "KEY[:PASSPHRASE]")]
    pub decryption_key: Vec<Fields>,
    /// The number of layers to copy at once; 0 is the default, 6
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub image_parallel_copies: usize,
    #[command(flatten)]
    pub retry: Retry,
    /// Allow uncompressed image layers when saving to an OCI image using the 'oci' transport
    #[arg(long)]
    pub dest_oci_accept_uncompressed_layers: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum MultiArch {
    System,
    All,
    IndexOnly,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    Oci,
    V2s1,
    V2s2,
}

impl Format {
    pub fn resolve(self) -> manifest::Format {
        match self {
            Self::Oci => manifest::Format::Oci,
            Self::V2s1 => manifest::Format::DockerSchema1,
            Self::V2s2 => manifest::Format::DockerSchema2,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum CompressFormat {
    Gzip,
    Zstd,
    #[value(name = "zstd:chunked")]
    ZstdChunked,
}
