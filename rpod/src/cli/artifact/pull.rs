//! podman-artifact-pull(1)

use anyhow::Result;
use clap::Args;

use crate::cli::image::CopyOptions;
use crate::cli::{Globals, Verb};
use crate::engine::image::Access;
use crate::engine::{Context, artifact};

#[derive(Args, Debug)]
pub struct Pull {
    #[command(flatten)]
    access: CopyOptions,
    /// Key that decrypts the artifact's files
    #[arg(long, value_name = "KEY[:PASSPHRASE]")]
    decryption_key: Vec<String>,
    /// Full name of the artifact
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
}

impl Verb for Pull {
    const NAME: &'static str = "pull";
    const ABOUT: &'static str = "Pull an OCI artifact";

    fn call(self, globals: &Globals) -> Result<u8> {
        let access = Access {
            decryption_keys: self.decryption_key,
            ..Access::from(self.access)
        };
        artifact::pull(&Context::new(globals)?, &self.artifact, &access)?;
        Ok(0)
    }
}
