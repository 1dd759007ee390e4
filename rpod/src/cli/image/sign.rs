//! podman-image-sign(1)

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;

use super::authfile;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::{self, Access, Signing};
use crate::rootless::Needs;

#[derive(Args, Debug)]
pub struct Sign {
    /// Sign all the images of a multi-architecture image
    #[arg(short, long)]
    all: bool,
    /// Path of the authentication file
    #[arg(long, value_name = "PATH", value_parser = authfile)]
    authfile: Option<PathBuf>,
    /// Directory with TLS certificates for the registry
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,
    /// Store the signatures in this directory
    #[arg(short, long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Name or fingerprint of the key that signs
    #[arg(long, value_name = "KEY")]
    sign_by: Option<String>,
    /// Images in a registry: docker://NAME; or in the store: containers-storage:NAME
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
}

impl Verb for Sign {
    const NAME: &'static str = "sign";
    const ABOUT: &'static str = "Sign an image";
    const NEEDS: Needs = Needs::Nothing;

    fn call(self, globals: &Globals) -> Result<u8> {
        let signing = Signing {
            all: self.all,
            access: Access {
                authfile: self.authfile,
                cert_dir: self.cert_dir,
                ..Access::default()
            },
            directory: self.directory,
            key: self
                .sign_by
                .context("no identity provided: name the key with --sign-by")?,
        };
        for name in &self.images {
            match name.strip_prefix("containers-storage:") {
                Some(name) => image::sign_stored(&Context::new(globals)?, name, &signing)?,
                None => image::sign(name, &signing)?,
            }
        }
        Ok(0)
    }
}
