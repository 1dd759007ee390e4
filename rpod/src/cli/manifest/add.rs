//! podman-manifest-add(1)

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use clap::builder::{StringValueParser, TypedValueParser as _};

use super::annotations;
use crate::cli::image::RegistryOptions;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::list::{self, About, Artifact, Chosen};
use crate::engine::image::{Access, Platform};

#[derive(Args, Debug)]
pub struct Add {
    /// Add all of the list's images if the image is a list
    #[arg(long)]
    all: bool,
    /// Set annotations on the image
    #[arg(long, value_name = "KEY=VALUE")]
    annotation: Vec<String>,
    /// Override the architecture of the image
    #[arg(long)]
    arch: Option<String>,
    #[command(flatten)]
    artifact: ArtifactOptions,
    #[command(flatten)]
    registry: RegistryOptions,
    /// Override the features of the image
    #[arg(long, value_delimiter = ',')]
    features: Vec<String>,
    /// Override the OS of the image
    #[arg(long)]
    os: Option<String>,
    /// Override the OS version of the image
    #[arg(long, value_name = "VERSION")]
    os_version: Option<String>,
    /// Override the variant of the image
    #[arg(long)]
    variant: Option<String>,
    /// Docker's option: do not verify certificates
    #[arg(long, hide = true)]
    insecure: bool,
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// Images to add, or the files of an artifact
    #[arg(required = true, value_name = "IMAGEORARTIFACT")]
    images: Vec<String>,
}

#[derive(Args, Debug)]
struct ArtifactOptions {
    /// Add an artifact, of files, and not images
    #[arg(long)]
    artifact: bool,
    /// File that is the artifact's configuration
    #[arg(long, value_name = "FILE", value_parser = StringValueParser::new().map(PathBuf::from))]
    artifact_config: Option<PathBuf>,
    /// Media type of the artifact's configuration
    #[arg(long, value_name = "TYPE")]
    artifact_config_type: Option<String>,
    /// Do not note the names of the artifact's files
    #[arg(long)]
    artifact_exclude_titles: bool,
    /// Media type of the artifact's files
    #[arg(long, value_name = "TYPE")]
    artifact_layer_type: Option<String>,
    /// Image that the artifact is about
    #[arg(long, value_name = "IMAGE")]
    artifact_subject: Option<String>,
    /// Type of the artifact
    #[arg(long, value_name = "TYPE")]
    artifact_type: Option<String>,
}

impl ArtifactOptions {
    /// Options that say something of an artifact where none is made.
    fn check(&self) -> Result<()> {
        let given = [
            ("--artifact-type", self.artifact_type.is_some()),
            ("--artifact-config", self.artifact_config.is_some()),
            (
                "--artifact-config-type",
                self.artifact_config_type.is_some(),
            ),
            ("--artifact-layer-type", self.artifact_layer_type.is_some()),
            ("--artifact-subject", self.artifact_subject.is_some()),
            ("--artifact-exclude-titles", self.artifact_exclude_titles),
        ];
        let given = given.into_iter().filter(|(_, given)| *given);
        let names: Vec<&str> = given.map(|(name, _)| name).collect();
        match names.as_slice() {
            [] => Ok(()),
            _ if self.artifact => Ok(()),
            [one] => bail!("{one} requires --artifact"),
            several => bail!("{} require --artifact", several.join("/")),
        }
    }
}

impl From<ArtifactOptions> for Artifact {
    fn from(options: ArtifactOptions) -> Artifact {
        Artifact {
            kind: options.artifact_type,
            config: options
                .artifact_config
                .filter(|path| !path.as_os_str().is_empty()),
            config_type: options.artifact_config_type,
            layer_type: options.artifact_layer_type,
            exclude_titles: options.artifact_exclude_titles,
            subject: options.artifact_subject,
            annotations: Vec::new(),
        }
    }
}

impl Verb for Add {
    const NAME: &'static str = "add";
    const ABOUT: &'static str = "Add images or artifacts to a manifest list or image index";

    fn call(self, globals: &Globals) -> Result<u8> {
        self.artifact.check()?;
        let ctx = Context::new(globals)?;
        let id = list::find(&ctx, &self.list)?.id;
        let access = Access {
            quiet: true,
            ..Access::from(self.registry).or_insecure(self.insecure)
        };
        let chosen = Chosen {
            all: self.all,
            platform: Platform {
                os: self.os.clone(),
                arch: self.arch.clone(),
                variant: self.variant.clone(),
            },
        };
        let about = About {
            annotations: annotations(&self.annotation)?,
            // Of a whole list each image has its own.
            arch: self.arch.filter(|_| !self.all),
            os: self.os.filter(|_| !self.all),
            variant: self.variant.filter(|_| !self.all),
            features: self.features,
            os_features: Vec::new(),
            os_version: self.os_version,
        };
        if self.artifact.artifact {
            let asked = Artifact {
                annotations: about.annotations.clone(),
                ..self.artifact.into()
            };
            let files: Vec<PathBuf> = self.images.iter().map(PathBuf::from).collect();
            let digest = list::add_artifact(&ctx, &id, &files, &asked)?;
            list::annotate(&ctx, &id, &[digest], &about)?;
            println!("{id}");
            return Ok(0);
        }
        for image in &self.images {
            let (_, digests) = list::add(&ctx, &id, image, &chosen, &access)?;
            list::annotate(&ctx, &id, &digests, &about)?;
        }
        println!("{id}");
        Ok(0)
    }
}
