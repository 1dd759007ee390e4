//! Options of commands that write images where they go: podman-push(1), podman-manifest-push(1).

use std::path::PathBuf;

use clap::Args;
use clap::builder::TypedValueParser;

use crate::cli::choice::word;
use crate::cli::verb::Refused;
use crate::engine::image::Writing;

const COMPRESSIONS: &[&str] = &["gzip", "zstd", "zstd:chunked"];
const FORMATS: &[&str] = &["oci", "v2s1", "v2s2", "docker"];

/// The name of a compression.
pub fn compression() -> impl TypedValueParser<Value = String> {
    word(COMPRESSIONS, |text| {
        format!("cannot find compressor for {text:?}")
    })
}

fn unknown_format(text: &str) -> String {
    // The slip is podman's.
    format!("unknown format {text:?}. Choose on of the supported formats: 'oci', 'v2s1', or 'v2s2'")
}

#[derive(Args, Debug)]
pub struct WritingOptions {
    /// Compress layers in this format (gzip, zstd, zstd:chunked)
    #[arg(long, value_name = "FORMAT", value_parser = compression())]
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
    #[arg(short, long, value_parser = word(FORMATS, unknown_format))]
    format: Option<String>,
    /// Discard any pre-existing signatures in the image
    #[arg(long)]
    remove_signatures: bool,
    #[command(flatten)]
    signing: SigningOptions,
}

/// How what is written is signed.
#[derive(Args, Debug)]
pub struct SigningOptions {
    /// Sign the image by the GPG key with this fingerprint
    #[arg(long, value_name = "KEY")]
    sign_by: Option<String>,
    /// Sign the image by a sigstore parameter file
    #[arg(long, value_name = "PATH")]
    sign_by_sigstore: Option<PathBuf>,
    /// Sign the image with the sigstore private key in this file
    #[arg(long, value_name = "PATH")]
    sign_by_sigstore_private_key: Option<PathBuf>,
    /// File that contains a passphrase for signing
    #[arg(long, value_name = "PATH")]
    sign_passphrase_file: Option<PathBuf>,
}

/// What commands that flatten these options refuse.
pub const NO_SEQUOIA: Refused = (
    "sign-by-sq-fingerprint",
    "signatures are made by gpg and not by Sequoia-PGP: use --sign-by",
);

impl From<WritingOptions> for Writing {
    fn from(options: WritingOptions) -> Writing {
        Writing {
            // Another name of it, in no help.
            format: options
                .format
                .map(|format| format.replace("docker", "v2s2")),
            compression_format: options.compression_format,
            compression_level: options.compression_level,
            force_compression: options.force_compression,
            digestfile: options.digestfile,
            remove_signatures: options.remove_signatures,
            ..Writing::from(options.signing)
        }
    }
}

impl From<SigningOptions> for Writing {
    fn from(options: SigningOptions) -> Writing {
        Writing {
            sign_by: options.sign_by,
            sign_by_sigstore: options.sign_by_sigstore,
            sign_by_sigstore_private_key: options.sign_by_sigstore_private_key,
            sign_passphrase_file: options.sign_passphrase_file,
            ..Writing::default()
        }
    }
}
