//! podman-artifact-add(1)

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::manifest::annotations;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::artifact::{self, Adding};

#[derive(Args, Debug)]
pub struct Add {
    /// Set an annotation for the files that are added
    #[arg(long, value_name = "KEY=VALUE")]
    annotation: Vec<String>,
    /// Append files to an existing artifact
    #[arg(short, long)]
    append: bool,
    /// Media type of the files, in the place of what their first bytes tell
    #[arg(long, value_name = "TYPE")]
    file_type: Option<String>,
    /// Replace an artifact of the same name
    #[arg(long)]
    replace: bool,
    /// Type of the artifact
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Full name of the artifact
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
    /// Files to add
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Verb for Add {
    const NAME: &'static str = "add";
    const ABOUT: &'static str = "Add an OCI artifact to the local store";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.append && self.replace {
            bail!("--append and --replace options cannot be used together");
        }
        let asked = Adding {
            annotations: annotations(&self.annotation)?.into_iter().collect(),
            append: self.append,
            replace: self.replace,
            file_type: self.file_type,
            kind: self.kind,
        };
        let ctx = Context::new(globals)?;
        let digest = artifact::add(&ctx, &self.artifact, &self.files, &asked)?;
        println!("{}", digest.trim_start_matches("sha256:"));
        Ok(0)
    }
}
