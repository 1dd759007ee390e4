//! podman-save(1)

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::cli::choice::named;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::{self, Format, Named, Saving};

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "kebab-case")]
enum FormatName {
    DockerArchive,
    OciArchive,
    OciDir,
    DockerDir,
}

const WRONG: &str = "format value must be one of oci-dir oci-archive docker-dir docker-archive";

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::DockerArchive => Format::DockerArchive,
            FormatName::OciArchive => Format::OciArchive,
            FormatName::OciDir => Format::OciDir,
            FormatName::DockerDir => Format::DockerDir,
        }
    }
}

#[derive(Args, Debug)]
pub struct Save {
    /// Compress the layers of a docker-dir
    #[arg(long)]
    compress: bool,
    /// Save the image in this format
    #[arg(long, default_value = "docker-archive", value_parser = named::<FormatName>(|_| WRONG.to_owned()))]
    format: FormatName,
    /// Names are of several images, not more names for the first one
    #[arg(short, long)]
    multi_image_archive: bool,
    /// Write to this file, not to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    /// Leave layers uncompressed in one of the OCI formats
    #[arg(long)]
    uncompressed: bool,
    /// Names or ids of images
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
}

impl Verb for Save {
    const NAME: &'static str = "save";
    const ABOUT: &'static str = "Save image(s) to an archive";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.images.is_empty() {
            bail!("need at least 1 argument");
        }
        let format = Format::from(self.format);
        if self.compress && format != Format::DockerDir {
            bail!("--compress can only be set when --format is 'docker-dir'");
        }
        if self.multi_image_archive && format != Format::DockerArchive {
            bail!("--multi-image-archive can only be set when --format is 'docker-archive'");
        }
        let context = Context::new(globals)?;
        let configured = context.config.containers_conf.engine.multi_image_archive;
        let several = self.multi_image_archive || (configured && format == Format::DockerArchive);
        let images = self.named(&context, several)?;
        let path = match &self.output {
            Some(path) if path.to_string_lossy().contains(':') => bail!(
                "invalid filename (should not contain ':') {:?}",
                path.display().to_string()
            ),
            Some(path) => {
                let directory = path.parent().filter(|parent| *parent != Path::new(""));
                if let Some(directory) = directory.filter(|_| !format.is_directory()) {
                    let shown = path.display().to_string();
                    directory
                        .metadata()
                        .with_context(|| format!("opening file {shown:?}: open {shown}"))?;
                }
                path.clone()
            }
            None if format.is_directory() => {
                bail!("a directory cannot be written to standard output: name it with --output")
            }
            None if std::io::stdout().is_terminal() => {
                bail!("refusing to save to terminal. Use -o flag or redirect")
            }
            None => image::own_path(&std::io::stdout()),
        };
        let how = Saving {
            format,
            compress: self.compress,
            uncompressed: self.uncompressed,
            quiet: self.quiet,
        };
        image::save(&context, &images, &path, &how)?;
        Ok(0)
    }
}

impl Save {
    fn named(&self, context: &Context, several: bool) -> Result<Vec<Named>> {
        let find = |name: &String| {
            image::local_name(name).with_context(|| format!("parsing reference {name:?}"))?;
            let image = image::find(context, name)?;
            let name = image::full_name(context, name)?;
            Ok(Named {
                image,
                // An archive's names have tags.
                name: name.filter(|name| !name.contains('@')),
                more_names: Vec::new(),
            })
        };
        if several {
            return self.images.iter().map(find).collect();
        }
        let mut first = find(&self.images[0])?;
        for name in &self.images[1..] {
            first.more_names.push(image::local_name(name)?);
        }
        Ok(vec![first])
    }
}
