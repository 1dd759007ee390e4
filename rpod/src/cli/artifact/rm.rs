//! podman-artifact-rm(1)

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::artifact::{self, ArtifactError};

#[derive(Args, Debug)]
pub struct Rm {
    /// Remove all artifacts
    #[arg(short, long)]
    all: bool,
    /// Ignore artifacts that do not exist
    #[arg(short, long)]
    ignore: bool,
    /// Names or digests of artifacts
    #[arg(value_name = "ARTIFACT")]
    artifacts: Vec<String>,
}

impl Verb for Rm {
    const NAME: &'static str = "rm";
    const ALIASES: &'static [&'static str] = &["remove"];
    const ABOUT: &'static str = "Remove one or more OCI artifacts";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.all && !self.artifacts.is_empty() {
            bail!("when using the --all switch, you may not pass any artifact names or digests");
        }
        if !self.all && self.artifacts.is_empty() {
            bail!("at least one artifact name or digest must be specified");
        }
        let ctx = Context::new(globals)?;
        let shown = |digest: &str| println!("{}", digest.trim_start_matches("sha256:"));
        if self.all {
            artifact::remove_all(&ctx)?
                .iter()
                .for_each(|digest| shown(digest));
            return Ok(0);
        }
        for name in &self.artifacts {
            match artifact::remove(&ctx, name) {
                Ok(digest) => shown(&digest),
                Err(error)
                    if self.ignore
                        && matches!(error.downcast_ref(), Some(ArtifactError::None(_))) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(0)
    }
}
