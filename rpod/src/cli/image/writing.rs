//! Options of commands that write images where they go: podman-push(1), podman-manifest-push(1).

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::engine::image::Writing;

#[derive(Args, Debug)]
pub struct WritingOptions {
    /// Compress layers in this format (gzip, zstd, zstd:chunked)
    #[arg(long, value_name = "FORMAT", value_parser = ["gzip", "zstd", "zstd:chunked"])]
    compression_format: Option<String>,
    /// Compress layers at this level
    #[arg(long, value_name = "LEVEL")]
    compression_level: Option<u32>,
    /// Write the digest of the pushed image to the file
    #[arg(long, value_name = "FILE")]
    digestfile: Option<PathBuf>,
    /// Use the compression format for layers that the destination has in another one
    #[arg(long)]
    force_compression: bool,
    /// Manifest type (oci, v2s1 or v2s2) to use in the destination
    #[arg(short, long, value_parser = ["oci", "v2s1", "v2s2"])]
    format: Option<String>,
    /// Discard any pre-existing signatures in the image
    #[arg(long)]
    remove_signatures: bool,
    /// Sign the image by the GPG key with this fingerprint
    #[arg(long, value_name = "KEY")]
    sign_by: Option<String>,
    /// Sign the image by a sigstore parameter file
    #[arg(long, value_name = "PATH")]
    sign_by_sigstore: Option<PathBuf>,
    /// Sign the image with the sigstore private key in this file
    #[arg(long, value_name = "PATH")]
    sign_by_sigstore_private_key: Option<PathBuf>,
    /// Sign the image by Sequoia-PGP: rskopeo signs by gpg
    #[arg(long, value_name = "FINGERPRINT")]
    sign_by_sq_fingerprint: Option<String>,
    /// File that contains a passphrase for signing
    #[arg(long, value_name = "PATH")]
    sign_passphrase_file: Option<PathBuf>,
}

impl WritingOptions {
    pub fn resolve(self) -> Result<Writing> {
        if let Some(fingerprint) = self.sign_by_sq_fingerprint {
            bail!(
                "--sign-by-sq-fingerprint: there is no Sequoia-PGP here: use --sign-by {fingerprint}"
            );
        }
        Ok(Writing {
            format: self.format,
            compression_format: self.compression_format,
            compression_level: self.compression_level,
            force_compression: self.force_compression,
            compress: false,
            digestfile: self.digestfile,
            remove_signatures: self.remove_signatures,
            sign_by: self.sign_by,
            sign_by_sigstore: self.sign_by_sigstore,
            sign_by_sigstore_private_key: self.sign_by_sigstore_private_key,
            sign_passphrase_file: self.sign_passphrase_file,
        })
    }
}
