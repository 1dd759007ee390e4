//! podman-manifest-inspect(1)

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::cli::image::authfile;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::{self, Access, list};
use crate::output;
use crate::store::readable::Damaged;

#[derive(Args, Debug)]
pub struct Inspect {
    /// Path of the authentication file
    #[arg(long, value_name = "PATH", value_parser = authfile)]
    authfile: Option<PathBuf>,
    /// Docker's option: do not verify certificates
    #[arg(long, hide = true)]
    insecure: bool,
    /// Require HTTPS and verify certificates when accessing the registry
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
    /// Docker's option: everything is shown in any case
    #[arg(short, long, hide = true)]
    verbose: bool,
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
}

impl Verb for Inspect {
    const NAME: &'static str = "inspect";
    const ABOUT: &'static str = "Display the contents of a manifest list or image index";

    fn call(self, globals: &Globals) -> Result<u8> {
        let Inspect { verbose: _, .. } = self;
        let ctx = Context::new(globals)?;
        let value = match list::find(&ctx, &self.list) {
            Ok(list) => list.value,
            Err(damage) if damage.is::<Damaged>() => return Err(damage),
            // A registry may have it.
            Err(local) => {
                let access = Access {
                    authfile: self.authfile,
                    tls_verify: self.tls_verify.or(self.insecure.then_some(false)),
                    ..Access::default()
                };
                let value = image::raw_manifest(&self.list, &access).map_err(|remote| {
                    let local = format!("{local:#}");
                    remote.context(format!("{local}, and no registry has it"))
                })?;
                if value.get("manifests").is_none() {
                    output::warn(&format!(
                        "The manifest type {} is not a manifest list but a single image.",
                        value["mediaType"].as_str().unwrap_or("of old")
                    ));
                }
                value
            }
        };
        println!("{}", output::pretty(&value, 4));
        Ok(0)
    }
}
