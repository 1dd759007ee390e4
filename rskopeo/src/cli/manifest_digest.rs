use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct ManifestDigest {
    #[arg(value_name = "MANIFEST-FILE")]
    pub file: PathBuf,
}
