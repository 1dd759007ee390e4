//! podman-artifact-extract(1)

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::artifact::{self, Choice};

#[derive(Args, Debug)]
pub struct Extract {
    /// Only extract the file with this digest
    #[arg(long)]
    digest: Option<String>,
    /// Only extract the file with this title
    #[arg(long)]
    title: Option<String>,
    /// Name or digest of an artifact
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
    /// A directory, or a file for an artifact of one
    #[arg(value_name = "PATH")]
    target: PathBuf,
}

impl Verb for Extract {
    const NAME: &'static str = "extract";
    const ABOUT: &'static str = "Extract an OCI artifact to a local path";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let choice = Choice {
            digest: self.digest,
            title: self.title,
        };
        let found = artifact::find(&ctx, &self.artifact)?;
        artifact::extract(&ctx, &found, &self.target, &choice)?;
        Ok(0)
    }
}
