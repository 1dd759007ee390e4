//! podman-manifest-create(1)

use anyhow::Result;
use clap::Args;

use super::annotations;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::Access;
use crate::engine::image::list::{self, Chosen};

#[derive(Args, Debug)]
pub struct Create {
    /// Add all of the lists' images if the images to add are lists
    #[arg(long)]
    all: bool,
    /// Modify an existing list if one with the desired name already exists
    #[arg(short, long)]
    amend: bool,
    /// Set annotations on the new list
    #[arg(long, value_name = "KEY=VALUE")]
    annotation: Vec<String>,
    /// Require HTTPS and verify certificates when accessing the registry
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
    /// Docker's option: do not verify certificates
    #[arg(long, hide = true)]
    insecure: bool,
    /// The list's name
    #[arg(value_name = "LIST")]
    list: String,
    /// Images to add
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
}

impl Verb for Create {
    const NAME: &'static str = "create";
    const ABOUT: &'static str = "Create manifest list or image index";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let made = list::create(
            &ctx,
            &self.list,
            &annotations(&self.annotation)?,
            self.amend,
        )?;
        let access = Access {
            tls_verify: self.tls_verify.or(self.insecure.then_some(false)),
            quiet: true,
            ..Access::default()
        };
        let chosen = Chosen {
            all: self.all,
            ..Chosen::default()
        };
        for image in &self.images {
            list::add(&ctx, &made.id, image, &chosen, &access)?;
        }
        println!("{}", made.id);
        Ok(0)
    }
}
