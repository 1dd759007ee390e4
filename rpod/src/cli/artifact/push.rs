//! podman-artifact-push(1)

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::cli::image::CopyOptions;
use crate::cli::image::writing::{NO_SEQUOIA, SigningOptions};
use crate::cli::verb::Refused;
use crate::cli::{Globals, Verb};
use crate::engine::image::Writing;
use crate::engine::{Context, artifact};

#[derive(Args, Debug)]
pub struct Push {
    #[command(flatten)]
    access: CopyOptions,
    /// Write the digest of the pushed artifact to the file
    #[arg(long, value_name = "FILE")]
    digestfile: Option<PathBuf>,
    #[command(flatten)]
    signing: SigningOptions,
    /// Name of the artifact, which says where it goes
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
}

impl Verb for Push {
    const NAME: &'static str = "push";
    const ABOUT: &'static str = "Push an OCI artifact";
    const REFUSED: &'static [Refused] = &[NO_SEQUOIA];

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let writing = Writing {
            digestfile: self.digestfile,
            ..Writing::from(self.signing)
        };
        let found = artifact::find(&ctx, &self.artifact)?;
        artifact::push(&ctx, &found, &self.access.into(), &writing)?;
        Ok(0)
    }
}
