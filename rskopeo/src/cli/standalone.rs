use std::path::PathBuf;

/// skopeo-standalone-sign(1)
#[derive(Debug, clap::Args)]
pub struct StandaloneSign {
    /// File of the manifest
    #[arg(value_name = "MANIFEST")]
    pub manifest: PathBuf,
    /// Name that the signature gives the image
    #[arg(value_name = "DOCKER-REFERENCE")]
    pub reference: String,
    /// Fingerprint of the key to sign with
    #[arg(value_name = "KEY-FINGERPRINT")]
    pub key: String,
    /// Output the signature to SIGNATURE
    #[arg(short, long, value_name = "SIGNATURE")]
    pub output: PathBuf,
    /// File that contains a passphrase for the key
    #[arg(long, value_name = "PATH")]
    pub passphrase_file: Option<PathBuf>,
}

/// skopeo-standalone-verify(1)
#[derive(Debug, clap::Args)]
pub struct StandaloneVerify {
    /// File of the manifest
    #[arg(value_name = "MANIFEST")]
    pub manifest: PathBuf,
    /// Name that the signature gives the image
    #[arg(value_name = "DOCKER-REFERENCE")]
    pub reference: String,
    /// Fingerprints of trusted keys, separated by commas, or "any" for all in the public key file
    #[arg(value_name = "KEY-FINGERPRINTS")]
    pub keys: String,
    /// File of the signature
    #[arg(value_name = "SIGNATURE")]
    pub signature: PathBuf,
    /// File containing public keys. If not specified, will use local GPG keys
    #[arg(long, value_name = "PATH")]
    pub public_key_file: Option<PathBuf>,
}

/// skopeo-generate-sigstore-key(1)
#[derive(Debug, clap::Args)]
pub struct GenerateSigstoreKey {
    /// Write the keys to PREFIX.pub and PREFIX.private
    #[arg(long, value_name = "PREFIX")]
    pub output_prefix: String,
    /// Read a passphrase for the private key from PATH
    #[arg(long, value_name = "PATH")]
    pub passphrase_file: Option<PathBuf>,
}

/// skopeo's hidden look at a signature that nobody has verified.
#[derive(Debug, clap::Args)]
pub struct UntrustedSignatureDump {
    /// File of the signature
    #[arg(value_name = "SIGNATURE")]
    pub signature: PathBuf,
}
