use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct ManifestDigest {
    /// File of the manifest
    #[arg(value_name = "MANIFEST-FILE")]
    pub file: PathBuf,
}
