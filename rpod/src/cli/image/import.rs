//! podman-import(1)

use std::fs::File;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::{self, change, local_name, trust};

#[derive(Args, Debug)]
pub struct Import {
    /// Set the architecture of the imported image
    #[arg(long)]
    arch: Option<String>,
    /// Apply an instruction to the created image (CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR)
    #[arg(short, long, value_name = "INSTRUCTION")]
    change: Vec<String>,
    /// Set commit message for imported image
    #[arg(short, long, default_value = "")]
    message: String,
    /// Set the OS of the imported image
    #[arg(long)]
    os: Option<String>,
    /// Suppress output
    #[arg(short, long)]
    quiet: bool,
    /// Set the variant of the imported image
    #[arg(long)]
    variant: Option<String>,
    /// A tar archive, plain or compressed: a file, a URL, or - for standard input
    path: String,
    /// The image's name
    reference: Option<String>,
}

impl Verb for Import {
    const NAME: &'static str = "import";
    const ABOUT: &'static str = "Import a tarball to create a filesystem image";

    fn call(self, globals: &Globals) -> Result<u8> {
        change::check(&self.change)?;
        trust::admits_tarballs()?;
        let ctx = Context::new(globals)?;
        let asked = image::Import {
            changes: self.change,
            message: self.message,
            os: self.os,
            arch: self.arch,
            variant: self.variant,
            quiet: self.quiet,
            name: self.reference.as_deref().map(local_name).transpose()?,
        };
        let path = &self.path;
        let file = match path.as_str() {
            "-" => None,
            url if url.starts_with("http://") || url.starts_with("https://") => {
                if !self.quiet {
                    eprintln!("Downloading from {url:?}");
                }
                Some(image::download(url)?)
            }
            path => Some(
                File::open(path).with_context(|| format!("error opening {path:?}: open {path}"))?,
            ),
        };
        let id = match file {
            None => image::import(&ctx, std::io::stdin().lock(), &asked)?,
            Some(file) => {
                image::import(&ctx, file, &asked).with_context(|| format!("importing {path}"))?
            }
        };
        println!("sha256:{id}");
        Ok(0)
    }
}
